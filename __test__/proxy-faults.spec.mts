// The proxy before an API that breaks and before callers that are slow, large, sly or gone: each is told or refused,
// and nobody else notices.

import assert from 'node:assert/strict';
import { connect, constants } from 'node:http2';
import { test } from 'node:test';
import { createProxy } from 'trae-native/proxy';
import type { Reply } from 'trae-native/simulator';
import { ask, before, proxied, question, Raw, turns } from './helpers/proxy.mts';
import { until } from './helpers/simulator.mts';

const streamed = (content: string): object => question(content, { stream: true });
const ERROR = /\n\nevent: error\ndata: \{"type":"error","error":\{"type":"\w+","message":".+"\}\}\n\n$/;

test('a stream that breaks is told as one event of its own, and never as an end', async (t) => {
  const { proxy, simulator } = await proxied(t, { retry: false });
  const cuts: [string, Reply][] = [
    ['a connection that closes', { text: 'one two three', cut: 'close', cutAfterEvents: 4 }],
    ['one that is reset', { text: 'one two three', cut: 'reset', cutAfterEvents: 4 }],
    ['an end that comes early', { text: 'one two three', cut: 'end', cutAfterEvents: 4 }],
    ['in the middle of an event', { text: 'one two three', cut: 'close', cutAfterBytes: 700 }],
    ['an early end there', { text: 'one two three', cut: 'end', cutAfterBytes: 700 }],
  ];
  for (const [what, reply] of cuts) {
    simulator.reply(reply);
    const answer = await ask(proxy, streamed(what));
    const text = await answer.text();
    assert.equal(answer.status, 200);
    assert.match(text, ERROR, what);
    assert.equal(text.match(/^event: error$/gm)?.length, 1, what);
    assert.doesNotMatch(text, /event: message_stop/, what);
    for (const event of text.trim().split('\n\n')) assert.match(event, /^event: \w+\ndata: \{.*\}$/, what);
    const again = await ask(proxy, streamed(what));
    assert.equal(again.headers.get('x-cache'), 'miss', 'nothing broken is kept');
    assert.match(await again.text(), /event: message_stop/);
  }
});

test('an error event of the API passes as it is, and nothing is added', async (t) => {
  const { proxy, simulator } = await proxied(t, { retry: false });
  simulator.reply({ events: 3, errorAt: { index: 2, type: 'overloaded_error', message: 'too much' } });
  const text = await (await ask(proxy, streamed('refused within'))).text();
  assert.match(text, /event: error\ndata: .*"overloaded_error".*\n\n$/);
  assert.equal(text.match(/^event: error$/gm)?.length, 1);
});

test('all who share a stream that breaks are told', async (t) => {
  const { proxy, simulator } = await proxied(t, { retry: false });
  simulator.reply({ events: 20, paceMs: 5, cut: 'reset', cutAfterEvents: 12 });
  const answers = await Promise.all(Array.from({ length: 5 }, () => ask(proxy, streamed('together'))));
  for (const answer of answers) assert.match(await answer.text(), ERROR);
  assert.equal(simulator.counters.requests, 1);
});

test('a whole answer that breaks is a failure, and one that is no HTTP too', async (t) => {
  const { proxy, simulator } = await proxied(t, { retry: false });
  simulator.reply([{ cut: 'close', cutAfterBytes: 50 }, { raw: 'nonsense\r\n\r\n' }, { hang: 'headers' }]);
  assert.equal((await ask(proxy, question('cut'))).status, 502);
  assert.equal((await ask(proxy, question('nonsense'))).status, 502);
  const hasty = await createProxy(before(simulator, { retry: false, upstream: { timeout: { firstByte: 50 } } }));
  t.after(() => hasty.close());
  const late = await ask(hasty, question('late'));
  assert.deepEqual(
    [late.status, ((await late.json()) as { error: { type: string } }).error.type],
    [504, 'timeout_error'],
  );
});

test('an API that falls silent is told after the limit on silence', async (t) => {
  const { proxy, simulator } = await proxied(t, { upstream: { timeout: { idle: 100 } } });
  simulator.reply({ events: 5, hangAfterEvents: 4 });
  assert.match(await (await ask(proxy, streamed('silence'))).text(), ERROR);
});

const head = (...lines: string[]): string => ['POST /v1/messages HTTP/1.1', ...lines, '', ''].join('\r\n');
const JSON_TYPE = 'content-type: application/json';

/** What could be read in two ways, or as two requests. */
const SLY: [string, string][] = [
  ['two lengths', `${head('host: p', 'content-length: 2', 'content-length: 3')}{} `],
  ['a length of two numbers', `${head('host: p', 'content-length: 2, 3')}{} `],
  ['a length that is none', `${head('host: p', 'content-length: +2')}{}`],
  ['a length, and chunked', `${head('host: p', 'content-length: 5', 'transfer-encoding: chunked')}0\r\n\r\n`],
  ['chunked, and a length', `${head('host: p', 'transfer-encoding: chunked', 'content-length: 5')}0\r\n\r\n`],
  ['an encoding that nobody knows', `${head('host: p', 'transfer-encoding: xchunked')}0\r\n\r\n`],
  ['an encoding that hides', `${head('host: p', 'transfer-encoding:\x0bchunked')}0\r\n\r\n`],
  ['chunked, and not at the end', `${head('host: p', 'transfer-encoding: chunked, identity')}0\r\n\r\n`],
  ['chunked by HTTP/1.0', 'POST /v1/messages HTTP/1.0\r\nhost: p\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['a chunk of no size', `${head('host: p', JSON_TYPE, 'transfer-encoding: chunked')}zz\r\n{}\r\n0\r\n\r\n`],
  ['a chunk of too large a size', `${head('host: p', JSON_TYPE, 'transfer-encoding: chunked')}fffffffffffffffff\r\n{}`],
  [
    'a chunk that is longer than it says',
    `${head('host: p', JSON_TYPE, 'transfer-encoding: chunked')}2\r\n{}{}\r\n0\r\n\r\n`,
  ],
  ['a space before the colon', `${head('host: p', 'content-length : 2')}{}`],
  ['a line that goes on', `${head('host: p', 'x: 1', ' y: 2', 'content-length: 2')}{}`],
  ['a name with a zero', head('host: p', 'a\0b: 1')],
  ['a value with a zero', head('host: p', 'a: \0')],
  ['two hosts', head('host: p', 'host: q')],
  ['no host', head('x: 1')],
  ['a way out of the API', 'GET /v1/../x HTTP/1.1\r\nhost: p\r\n\r\n'],
  ['a hidden way out', 'GET /v1/%2e%2e/x HTTP/1.1\r\nhost: p\r\n\r\n'],
  ['a hidden slash', 'GET /v1/..%2fx HTTP/1.1\r\nhost: p\r\n\r\n'],
  ['a zero in the path', 'GET /v1/%00 HTTP/1.1\r\nhost: p\r\n\r\n'],
  ['no HTTP', 'hello\r\n\r\n'],
];

test('what could be read in two ways is refused, and its connection ends', async (t) => {
  const { proxy, simulator } = await proxied(t);
  for (const [what, text] of SLY) {
    const raw = new Raw(proxy).write(`${text}GET /v1/smuggled HTTP/1.1\r\nhost: p\r\n\r\n`);
    const answer = await raw.end();
    assert.match(answer, /^(HTTP\/1\.1 4\d\d |$)/, what);
    assert.equal(answer.match(/HTTP\/1\.1 \d/g)?.length ?? 0, answer === '' ? 0 : 1, `${what}: ${answer}`);
  }
  assert.equal(simulator.received.filter(({ path }) => path !== '/v1/messages').length, 0);
});

test('a proxy of another kind it is not: tunnels and other hosts are refused', async (t) => {
  const { proxy, simulator } = await proxied(t);
  for (const line of [
    'CONNECT evil.example:443 HTTP/1.1\r\nhost: evil.example:443',
    'GET http://evil.example/v1/models HTTP/1.1\r\nhost: evil.example',
  ])
    assert.match(await new Raw(proxy).write(`${line}\r\nconnection: close\r\n\r\n`).end(), /^HTTP\/1\.1 4\d\d /);
  assert.equal(simulator.counters.requests, 0);
});

test('who is too slow or too large is refused, and others are answered meanwhile', async (t) => {
  const { proxy } = await proxied(t, {
    limits: { headersTimeout: 300, bodyTimeout: 200, writeTimeout: 300, headerBytes: 16_384, requestBytes: 100_000 },
  });
  const slow = Array.from({ length: 20 }, () => new Raw(proxy).write('GET /healthz HTTP/1.1\r\nx: '));
  const dribble = setInterval(() => {
    for (const raw of slow) if (!raw.closed) raw.write('y');
  }, 50);
  t.after(() => clearInterval(dribble));
  const silent = new Raw(proxy);
  const half = new Raw(proxy).write(`${head('host: p', JSON_TYPE, 'content-length: 100')}{"half"`);
  assert.equal((await ask(proxy)).status, 200);
  await Promise.all([...slow.map((raw) => raw.end()), silent.end()]);
  clearInterval(dribble);
  assert.match(await half.end(), /^HTTP\/1\.1 408 /);
  const huge = new Raw(proxy).write(`GET /healthz HTTP/1.1\r\nhost: p\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`);
  assert.match(await huge.end(), /^HTTP\/1\.1 431 /);
  const many = new Raw(proxy).write(`GET /healthz HTTP/1.1\r\nhost: p\r\n${'x: y\r\n'.repeat(2000)}\r\n`);
  assert.match(await many.end(), /^HTTP\/1\.1 431 /);
  const long = new Raw(proxy).write(`GET /${'x'.repeat(20_000)} HTTP/1.1\r\nhost: p\r\n\r\n`);
  assert.match(await long.end(), /^HTTP\/1\.1 (414|431) /);
  assert.equal((await ask(proxy, question('x'.repeat(200_000)))).status, 413);
  const chunk = `4000\r\n${'x'.repeat(0x4000)}\r\n`;
  const endless = new Raw(proxy).write(
    `${head('host: p', JSON_TYPE, 'transfer-encoding: chunked')}${chunk.repeat(10)}`,
  );
  assert.match(await endless.end(), /^HTTP\/1\.1 413 /);
});

test('a caller that takes nothing for too long loses its connection, and the API is left', async (t) => {
  const { proxy, simulator } = await proxied(t, { cache: false, limits: { writeTimeout: 200 } });
  simulator.always({ events: 400_000, eventsPerWrite: 100 });
  const body = JSON.stringify(streamed('much'));
  const raw = new Raw(proxy);
  raw.socket.pause();
  raw.write(`${head('host: p', JSON_TYPE, `content-length: ${body.length}`)}${body}`);
  await until(() => simulator.received[0]?.aborted === true, 'the API is left');
  raw.socket.destroy();
});

test('a flood of streams that are reset harms nobody else', async (t) => {
  const { proxy } = await proxied(t);
  const session = connect(proxy.url);
  session.on('error', () => {});
  t.after(() => session.destroy());
  const headers = { ':method': 'POST', ':path': '/v1/messages', 'content-type': 'application/json' };
  for (let number = 0; number < 3000 && !session.destroyed; number++) {
    const stream = session.request(headers).on('error', () => {});
    stream.close(constants.NGHTTP2_CANCEL);
  }
  assert.equal((await ask(proxy)).status, 200);
  session.destroy();
  const { signal } = new AbortController();
  const gone = async () =>
    /claude_requests_in_flight 0\n/.test(await (await fetch(`${proxy.url}/metrics`, { signal })).text());
  await until(gone, 'nothing is under way');
});

test('headers of an answer can’t split it, and a name of a session can’t reach another', async (t) => {
  const { proxy, simulator } = await proxied(t);
  simulator.reply({ raw: 'HTTP/1.1 200 OK\r\nx-a: 1\rx-evil: 1\r\ncontent-length: 2\r\n\r\n{}' });
  const answer = await ask(proxy, question('split'));
  assert.equal(answer.headers.get('x-evil'), null);
  await ask(proxy, question('mine'), { headers: { 'x-session-id': 'a' } });
  for (const name of ['../a', 'A', ' a b', 'a\u00e4', 'x'.repeat(300)]) {
    const other = await ask(proxy, question('theirs'), { headers: { 'x-session-id': name } });
    assert.ok(other.status === 400 || turns(simulator) === 1, name);
  }
});

test('whoever leaves at any moment leaves nothing behind', async (t) => {
  const { proxy, simulator } = await proxied(t);
  simulator.always({ events: 30, paceMs: 2 });
  for (let round = 0; round < 10; round++) {
    const callers = Array.from({ length: 50 }, async (_, number) => {
      const left = AbortSignal.timeout(1 + ((round * 7 + number * 3) % 40));
      await ask(proxy, streamed(`${round} ${number % 25}`), { signal: left })
        .then((answer) => answer.text())
        .catch(() => {});
    });
    await Promise.all(callers);
  }
  const figures = async () => (await fetch(`${proxy.url}/metrics`)).text();
  await until(async () => /claude_requests_in_flight 0\n/.test(await figures()), 'nothing is under way');
  await until(async () => /claude_pool_in_flight 0\n/.test(await figures()), 'nothing is asked');
  await until(() => simulator.received.every(({ aborted, complete }) => aborted || complete), 'the API was left');
});
