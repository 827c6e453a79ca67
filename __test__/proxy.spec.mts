// The proxy as its callers see it: the article's exercise, and everything else that passes through.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { createProxy } from 'trae-native/proxy';
import { createSimulator } from 'trae-native/simulator';
import { ask, before, curl, proxied, question, Raw, turns, UPSTREAM_KEY } from './helpers/proxy.mts';
import { until } from './helpers/simulator.mts';

const BODY = { model: 'claude-sonnet-5', max_tokens: 64, messages: [{ role: 'user' as const, content: 'Hello' }] };

const official = (proxy: { url: string }, options: object = {}): Anthropic =>
  new Anthropic({ apiKey: 'any', baseURL: proxy.url, maxRetries: 0, ...options });

test('the official SDK asks, is answered from the cache for as long as its time, and then by the API again', async (t) => {
  const { proxy, simulator } = await proxied(t, { cache: { ttl: 300 } });
  const sdk = official(proxy);
  const once = async () => {
    const { data, response } = await sdk.messages.create(BODY).withResponse();
    return {
      data: JSON.parse(JSON.stringify(data)),
      cache: response.headers.get('x-cache'),
      age: response.headers.get('age'),
    };
  };
  const first = await once();
  assert.deepEqual([first.cache, first.age], ['miss', null]);
  const second = await once();
  assert.deepEqual([second.cache, second.age], ['hit', '0']);
  assert.deepEqual(second.data, first.data);
  assert.equal(simulator.counters.requests, 1);
  await until(async () => (await once()).cache === 'miss', 'the time of the answer is over');
  assert.equal(simulator.counters.requests, 2);
});

test('a stream comes from the cache as the same stream', async (t) => {
  const { proxy, simulator } = await proxied(t);
  simulator.always({ text: 'It is told twice, and asked once.' });
  const sdk = official(proxy);
  const once = async () => {
    const stream = sdk.messages.stream(BODY);
    const message = await stream.finalMessage();
    return [JSON.parse(JSON.stringify(message)), (await stream.withResponse()).response.headers.get('x-cache')];
  };
  const [first, miss] = await once();
  const [second, hit] = await once();
  assert.deepEqual([miss, hit], ['miss', 'hit']);
  assert.deepEqual(second, first);
  assert.equal(simulator.counters.requests, 1);
});

test('curl runs the exercise, plain and streaming', async (t) => {
  const { proxy, simulator } = await proxied(t);
  for (const stream of [false, true]) {
    const args = [`${proxy.url}/v1/messages`, '-N', '-H', 'content-type: application/json'];
    const body = JSON.stringify(question(`curl ${stream}`, { stream }));
    const first = await curl(...args, '-d', body);
    assert.match(first.head, /^http\/1\.1 200 ok\r\n.*x-cache: miss/s);
    const second = await curl(...args, '-d', body);
    assert.match(second.head, /^http\/1\.1 200 ok\r\n.*x-cache: hit\r\nage: 0/s);
    // Signs of life are not kept.
    assert.equal(second.body, first.body.replace(/event: ping\ndata: .*\n\n/g, ''));
    assert.match(second.body, stream ? /event: message_stop\n/ : /"type":"message"/);
  }
  assert.equal(simulator.counters.requests, 2);
});

test('equal questions at once are asked once', async (t) => {
  const { proxy, simulator } = await proxied(t);
  simulator.always({ delayMs: 50 });
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask(proxy)));
  const caches = answers.map((answer) => answer.headers.get('x-cache')).sort();
  assert.deepEqual([...new Set(caches)], ['miss', 'shared']);
  assert.equal(caches.filter((cache) => cache === 'miss').length, 1);
  assert.equal(simulator.counters.requests, 1);
});

test('events go out as they come, whole, while the API still writes', async (t) => {
  const { proxy, simulator } = await proxied(t);
  simulator.always({ events: 5, hangAfterEvents: 4, bytesPerWrite: 7 });
  const left = new AbortController();
  const answer = await ask(proxy, question('slowly', { stream: true }), { signal: left.signal });
  let text = '';
  const decoder = new TextDecoder();
  for await (const piece of answer.body ?? []) {
    text += decoder.decode(piece as Uint8Array, { stream: true });
    assert.match(text, /\n\n$/, 'no half of an event is sent');
    if (text.match(/^event: /gm)?.length === 4) break;
  }
  left.abort();
  await until(() => simulator.received[0]?.aborted === true, 'the API is left, too');
});

test('a caller that leaves ends the call, but not for others who wait for the same', async (t) => {
  const { proxy, simulator } = await proxied(t);
  simulator.always({ events: 40, paceMs: 15 });
  const left = new AbortController();
  const body = question('together', { stream: true });
  const first = await ask(proxy, body, { signal: left.signal });
  const second = await ask(proxy, body);
  assert.equal(second.headers.get('x-cache'), 'shared');
  await first.body?.getReader().read();
  left.abort();
  assert.match(await second.text(), /event: message_stop\n/);
  assert.deepEqual([simulator.counters.requests, simulator.received[0]?.aborted], [1, false]);
});

test('the key of the proxy goes to the API and no key of a caller does; without one, the caller’s own goes', async (t) => {
  const { proxy, simulator } = await proxied(t);
  const headers = { 'x-api-key': 'of-a-caller', cookie: 'a=b', 'anthropic-beta': 'some-beta', 'x-own': '1' };
  await ask(proxy, question('kept'), { headers });
  const kept = simulator.received[0];
  assert.deepEqual(
    ['x-api-key', 'cookie', 'authorization', 'anthropic-beta', 'x-own', 'anthropic-version'].map((name) =>
      kept?.header(name),
    ),
    [UPSTREAM_KEY, undefined, undefined, 'some-beta', '1', '2023-06-01'],
  );
  const { upstream: _, ...rest } = before(simulator);
  const open = await createProxy({ ...rest, upstream: { url: simulator.url, proxy: false } });
  t.after(() => open.close());
  await ask(open, question('passed'), { headers });
  assert.equal(simulator.received[1]?.header('x-api-key'), 'of-a-caller');
  const other = await ask(open, question('passed'), { headers: { 'x-api-key': 'of-another' } });
  assert.equal(other.headers.get('x-cache'), 'miss', 'answers of one key are not given to another');
});

test('what is about a connection stays with it, and requests have names', async (t) => {
  const { proxy, simulator } = await proxied(t);
  simulator.reply({ headers: { 'x-hop': '1', connection: 'x-hop', 'keep-alive': 'timeout=9', 'x-end': '2' } });
  const raw = new Raw(proxy);
  const body = JSON.stringify(question('hops'));
  raw.write(
    `POST /v1/messages?beta=true HTTP/1.1\r\nhost: p\r\ncontent-type: application/json\r\nx-request-id: mine-1\r\nte: trailers\r\nx-mine: 1\r\nkeep-alive: 3\r\nconnection: close, x-mine\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
  const text = (await raw.end()).toLowerCase();
  assert.match(text, /\r\nx-request-id: mine-1\r\n/);
  assert.match(text, /\r\nrequest-id: req_/);
  assert.match(text, /\r\nserver-timing: .*upstream;dur=[\d.]+, total;dur=/);
  assert.match(text, /\r\nx-end: 2\r\n/);
  assert.doesNotMatch(text, /x-hop|keep-alive: timeout=9/);
  const [got] = simulator.received;
  assert.equal(got?.path, '/v1/messages?beta=true');
  assert.deepEqual(
    ['te', 'x-mine', 'keep-alive', 'expect'].map((name) => got?.header(name)),
    Array(4).fill(undefined),
  );
  assert.match((await ask(proxy)).headers.get('x-request-id') ?? '', /^prx_[0-9a-f]{24}$/);
});

test('HEAD, Expect: 100-continue and large bodies pass', async (t) => {
  const { proxy, simulator } = await proxied(t);
  simulator.reply({ match: { method: 'HEAD' }, body: 'x'.repeat(1234) });
  const head = await fetch(`${proxy.url}/v1/models`, { method: 'HEAD' });
  assert.deepEqual([head.status, head.headers.get('content-length'), await head.text()], [200, '1234', '']);
  const { head: continued } = await curl(
    `${proxy.url}/v1/messages`,
    '-H',
    'Expect: 100-continue',
    '-H',
    'content-type: application/json',
    '-d',
    JSON.stringify(question('expected')),
  );
  assert.match(continued, /^http\/1\.1 200 ok/);
  const large = await ask(proxy, question('x'.repeat(20 << 20)));
  assert.equal(large.status, 200);
  assert.ok((simulator.received.at(-1)?.bodyLength ?? 0) > 20 << 20);
});

test('a file passes as it comes, and holds its sender back', async (t) => {
  const { proxy, simulator } = await proxied(t);
  const size = 30 << 20;
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (sent >= size) return controller.close();
      sent += 1 << 16;
      controller.enqueue(new Uint8Array(1 << 16));
    },
  });
  simulator.always({ status: 200 });
  const init = { method: 'POST', body, duplex: 'half', headers: { 'content-type': 'application/octet-stream' } };
  const answer = await fetch(`${proxy.url}/v1/files`, init as RequestInit);
  assert.equal(answer.status, 200);
  assert.equal(simulator.received.at(-1)?.bodyLength, size);
  simulator.reply({ readBody: false, hang: 'headers' });
  let taken = 0;
  const left = new AbortController();
  const endless = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (left.signal.aborted) return controller.error(left.signal.reason);
      taken += 1 << 16;
      controller.enqueue(new Uint8Array(1 << 16));
    },
  });
  const held = fetch(`${proxy.url}/v1/files`, { ...init, body: endless, signal: left.signal } as RequestInit).catch(
    () => {},
  );
  let [last, same] = [0, 0];
  await until(() => {
    same = taken === last ? same + 1 : 0;
    last = taken;
    return taken > 0 && same > 20;
  }, 'the sender is held back');
  assert.ok(taken < 64 << 20, `${taken} bytes were taken`);
  left.abort();
  await held;
});

test('a caller that takes nothing holds the API back', async (t) => {
  const { proxy, simulator } = await proxied(t, { cache: false });
  simulator.always({ events: 400_000, eventsPerWrite: 100 });
  const body = JSON.stringify(question('much', { stream: true }));
  const raw = new Raw(proxy);
  raw.socket.pause();
  raw.write(
    `POST /v1/messages HTTP/1.1\r\nhost: p\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
  let [last, same] = [0, 0];
  await until(() => {
    const written = simulator.received[0]?.bytesWritten ?? 0;
    same = written === last ? same + 1 : 0;
    last = written;
    return written > 0 && same > 20;
  }, 'the API is held back');
  assert.ok(last < 24 << 20, `${last} bytes were written`);
  raw.socket.destroy();
  await until(() => simulator.received[0]?.aborted === true, 'the API is left');
});

test('HTTP/2 by prior knowledge and by TLS: many requests on one connection', async (t) => {
  const { proxy, simulator } = await proxied(t);
  const identity = await createSimulator({ tls: true, clientCa: 'own' });
  t.after(() => identity.close());
  const { cert, key } = identity.clientIdentity ?? { cert: '', key: '' };
  const folder = mkdtempSync(join(tmpdir(), 'trae-tls-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(`${folder}/cert.pem`, cert);
  writeFileSync(`${folder}/key.pem`, key);
  const secure = await createProxy({
    ...before(simulator),
    tls: { cert: `${folder}/cert.pem`, key: `${folder}/key.pem` },
  });
  t.after(() => secure.close());
  assert.match(secure.url, /^https:/);
  for (const { url } of [proxy, secure]) {
    const session = connect(url, { rejectUnauthorized: false });
    t.after(() => session.destroy());
    const one = (content: string) =>
      new Promise<[number | undefined, string, string]>((resolve, reject) => {
        const stream = session.request({
          ':method': 'POST',
          ':path': '/v1/messages',
          'content-type': 'application/json',
        });
        let [status, cache, text] = [0 as number | undefined, '', ''];
        stream.on('response', (headers) => {
          status = headers[':status'];
          cache = String(headers['x-cache']);
        });
        stream.setEncoding('utf8').on('data', (piece: string) => {
          text += piece;
        });
        stream.on('end', () => resolve([status, cache, text])).on('error', reject);
        stream.end(JSON.stringify(question(content, { stream: true })));
      });
    const answers = await Promise.all(Array.from({ length: 30 }, (_, number) => one(`${url} ${number}`)));
    for (const [status, cache, text] of answers) {
      assert.deepEqual([status, cache], [200, 'miss']);
      assert.match(text, /event: message_stop/);
    }
    assert.equal((await one(`${url} 1`))[1], 'hit');
    session.close();
  }
});

test('what the API refuses passes as it is, without the key that it repeats', async (t) => {
  const { proxy, simulator } = await proxied(t, { retry: false });
  const error = { type: 'invalid_request_error', message: `${UPSTREAM_KEY} may not do that` };
  simulator.reply({ status: 400, body: { type: 'error', error }, headers: { 'x-why': '7' } });
  const answer = await ask(proxy);
  assert.deepEqual([answer.status, answer.headers.get('x-why')], [400, '7']);
  assert.match(answer.headers.get('request-id') ?? '', /^req_/);
  assert.match(await answer.text(), /"message":"\[redacted\] may not do that"/);
  simulator.reply({ status: 529, headers: { 'retry-after': '3' } });
  const busy = await ask(proxy);
  assert.deepEqual([busy.status, busy.headers.get('retry-after')], [529, '3']);
});

test('what fails for a moment is asked again, what is away is told, and what stays away is left alone', async (t) => {
  const { proxy, simulator } = await proxied(t, {
    retry: { maxRetries: 1, base: 1 },
    circuitBreaker: { minCalls: 6, failureShare: 0.5, open: 60_000 },
  });
  simulator.reply([{ status: 529, headers: { 'retry-after': '0' } }, {}]);
  assert.equal((await ask(proxy)).status, 200);
  assert.equal(simulator.counters.requests, 2);
  await simulator.close();
  const away = await ask(proxy, question('away'));
  assert.deepEqual([away.status, ((await away.json()) as { error: { type: string } }).error.type], [502, 'api_error']);
  await until(async () => (await ask(proxy, question(`${Math.random()}`))).status === 503, 'the circuit is open');
  const open = await ask(proxy, question('open'));
  assert.ok(Number(open.headers.get('retry-after')) > 0);
  assert.equal(((await open.json()) as { error: { type: string } }).error.type, 'overloaded_error');
});

test('a session keeps a conversation, and two callers have two of one name', async (t) => {
  const callers = ['one', 'two'].map((name) => ({ name, key: `key-of-caller-${name}` }));
  const { proxy, simulator } = await proxied(t, { callers });
  const say = async (caller: string, content: string, stream = false) => {
    const headers = { 'x-session-id': 'talk', 'x-api-key': `key-of-caller-${caller}` };
    const answer = await ask(proxy, question(content, { stream }), { headers });
    assert.equal(answer.status, 200);
    await answer.text();
    return turns(simulator);
  };
  assert.equal(await say('one', 'first'), 1);
  assert.equal(await say('one', 'second', true), 3);
  assert.equal(await say('two', 'other'), 1);
  assert.equal(await say('one', 'third'), 5);
  assert.equal(simulator.received.at(-1)?.header('x-session-id'), undefined);
});

test('keys of a pool and targets to fall back to are the proxy’s to choose', async (t) => {
  const other = await createSimulator();
  t.after(() => other.close());
  const { simulator } = await proxied(t);
  const { upstream: _, ...rest } = before(simulator);
  const proxy = await createProxy({
    ...rest,
    upstream: { url: simulator.url, proxy: false },
    keyPool: { keys: ['key-one-of-the-pool', 'key-two-of-the-pool'] },
    fallback: { targets: [{ name: 'other', baseURL: other.url, apiKey: 'key-of-the-other' }] },
    retry: false,
    cache: false,
  });
  t.after(() => proxy.close());
  const answers = await Promise.all(Array.from({ length: 8 }, (_, number) => ask(proxy, question(`${number}`))));
  assert.ok(answers.every(({ status }) => status === 200));
  const keys = new Set(simulator.received.map((received) => received.header('x-api-key')));
  assert.deepEqual([...keys].sort(), ['key-one-of-the-pool', 'key-two-of-the-pool']);
  simulator.always({ status: 529 });
  assert.equal((await ask(proxy, question('elsewhere'))).status, 200);
  assert.equal(other.received.at(-1)?.header('x-api-key'), 'key-of-the-other');
});

test('without its page a proxy shows nothing of what passes but its figures', async (t) => {
  const { proxy } = await proxied(t, { page: false });
  await ask(proxy);
  for (const path of ['/', '/-/about', '/-/figures', '/-/requests', '/-/requests/1'])
    assert.equal((await fetch(proxy.url + path)).status, 404, path);
  const figures = await (await fetch(`${proxy.url}/metrics`)).text();
  assert.match(figures, /^trae_proxy_overhead_seconds_count 1$/m);
  assert.match(figures, /^claude_request_duration_seconds_count\{method="POST",status_code="200"\} 1$/m);
  const open = await fetch(`${proxy.url}/metrics`, { headers: { accept: 'application/openmetrics-text' } });
  assert.match(open.headers.get('content-type') ?? '', /^application\/openmetrics-text/);
  assert.match(await open.text(), /\n# EOF\n$/);
});
