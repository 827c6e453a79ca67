// Callers that are after one another's answers: what one may see, and what one can leave for the others.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProxyOptions } from 'trae-native/proxy';
import { ask, names, proxied, serves, streamed, UPSTREAM_KEY } from './helpers/proxied.mts';
import { exchange } from './helpers/raw.mts';
import { message, until } from './helpers/simulator.mts';

const said = (text: string): unknown => JSON.parse(text).content?.[0]?.text;
const cached = (asked: { headers: Headers }): string | null => asked.headers.get('x-cache');

/** Callers send keys of their own: the proxy has none. */
const passing: ProxyOptions = { upstream: { key: undefined } };

const caller = (name: string, more = {}) => ({ name, key: `key-of-${name}-0123456789`, ...more });
const as = (name: string): Record<string, string> => ({ 'x-api-key': caller(name).key });

test('callers with keys of their own never share an answer, whatever way the key is sent', async (t) => {
  const { proxy, simulator } = await proxied(t, passing);
  const keys: Record<string, string>[] = [
    {},
    { 'x-api-key': 'a' },
    { 'x-api-key': 'b' },
    { authorization: 'Bearer a' },
    { authorization: 'Bearer b' },
    { authorization: 'Bearer a', 'x-api-key': 'a' },
    { cookie: 'session=a' },
    { 'x-auth-token': 'a' },
  ];
  simulator.always({ delayMs: 50 });
  const all = await Promise.all(keys.map((key) => ask(proxy.url, message(), key)));
  assert.deepEqual(all.map(cached), Array(keys.length).fill('miss'));
  const again = await Promise.all(keys.map((key) => ask(proxy.url, message(), key)));
  assert.deepEqual(again.map(cached), Array(keys.length).fill('hit'));
  assert.equal(simulator.received.length, keys.length);
});

test('a conversation of one key is not that of another that has the same name', async (t) => {
  const { proxy, simulator } = await proxied(t, passing);
  for (const key of ['a', 'b'])
    await ask(proxy.url, message(`the secret of ${key}`), { 'x-api-key': key, 'x-session-id': 'chat' });
  const sent = simulator.received.map((request) => request.body.toString());
  assert.match(sent[1] ?? '', /the secret of b/);
  assert.doesNotMatch(sent[1] ?? '', /the secret of a/);
});

test('a conversation of one caller is not that of another that has the same name', async (t) => {
  const { proxy, simulator } = await proxied(t, { callers: [caller('a'), caller('b'), caller('a.b')] });
  for (const name of ['a', 'b', 'a.b'])
    await ask(proxy.url, message(`the secret of ${name}!`), { ...as(name), 'x-session-id': 'chat' });
  for (const [at, name] of ['a', 'b', 'a.b'].entries()) {
    const secrets = simulator.received[at]?.body.toString().match(/the secret of [^!]*/g);
    assert.deepEqual(secrets, [`the secret of ${name}`]);
  }
});

test('no key of a caller goes on, and none of ours comes back', async (t) => {
  const { proxy, simulator } = await proxied(t, { callers: [caller('a')], cache: false });
  await ask(proxy.url, message(), { ...as('a'), cookie: 'a=b', 'proxy-authorization': 'Basic YTpi' });
  await ask(proxy.url, message(), { authorization: `Bearer ${caller('a').key}` });
  for (const { headers } of simulator.received) {
    const text = JSON.stringify(headers);
    assert.doesNotMatch(text, /key-of-a|cookie|proxy-auth/);
    assert.match(text, new RegExp(UPSTREAM_KEY));
  }
  simulator.reply({ status: 401, body: { type: 'error', error: { type: 'x', message: `no ${UPSTREAM_KEY}` } } });
  assert.doesNotMatch((await ask(proxy.url, message(), as('a'))).text, new RegExp(UPSTREAM_KEY));
  simulator.reply({ events: 3, errorAt: { index: 1, message: `no ${UPSTREAM_KEY}` } });
  assert.doesNotMatch((await ask(proxy.url, streamed(), as('a'))).text, new RegExp(UPSTREAM_KEY));
});

test('a part, or that nothing has changed, is told to whoever asked for it alone', async (t) => {
  const { proxy, simulator } = await proxied(t);
  const odd: [Record<string, string>, object][] = [
    [{ 'if-none-match': '"x"' }, { status: 304 }],
    [{ 'if-modified-since': 'Fri, 27 Nov 2026 00:00:00 GMT' }, { status: 304 }],
    [{ range: 'bytes=0-3' }, { status: 206, body: 'half', headers: { 'content-range': 'bytes 0-3/99' } }],
    [{ 'if-match': '"x"' }, { status: 412 }],
    [{ range: 'bytes=0-3' }, { status: 416 }],
  ];
  for (const [at, [headers, reply]] of odd.entries()) {
    const path = `/v1/models?at=${at}`;
    simulator.clear();
    simulator.reply([{ ...reply, delayMs: 100 }]);
    const first = ask(proxy.url, null, headers, { path });
    await until(() => simulator.counters.requests > at * 2, 'the first is asked');
    const second = await ask(proxy.url, null, {}, { path });
    assert.equal((await first).status, (reply as { status: number }).status);
    assert.deepEqual([second.status, cached(second)], [200, 'miss'], JSON.stringify(headers));
  }
});

test('headers that change an answer are part of the question', async (t) => {
  const { proxy, simulator } = await proxied(t);
  simulator.always({ echo: true });
  const betas: Record<string, string>[] = [
    {},
    { 'anthropic-beta': 'a' },
    { 'anthropic-beta': 'a,b' },
    { 'anthropic-version': '2023-01-01' },
    { 'anthropic-workspace-id': 'w' },
  ];
  for (const beta of betas) assert.equal(cached(await ask(proxy.url, message(), beta)), 'miss', JSON.stringify(beta));
  // A header that stands aside as one of the connection is not sent, and is part of no question.
  const aside = await exchange(
    t,
    proxy.url,
    `GET /v1/models HTTP/1.1\r\nhost: a\r\nanthropic-beta: evil\r\nconnection: anthropic-beta\r\n\r\n`,
    300,
  );
  assert.doesNotMatch(aside.text, /evil/);
  simulator.always({ headers: { vary: 'x-own' }, echo: true });
  for (const own of ['1', '2']) {
    const asked = await ask(proxy.url, message('varies'), { 'x-own': own });
    assert.deepEqual([cached(asked), asked.text.includes(`"${own}"`)], ['miss', true]);
  }
});

test('what a caller says of caches keeps no other from a good answer', async (t) => {
  const { proxy, simulator } = await proxied(t);
  for (const [at, wish] of ['no-store', 'no-cache', 'max-age=0', 'only-if-cached', 'x', 'private="'].entries()) {
    const [own, other] = [message(`wish ${at}`), message(`wish ${at}`)];
    simulator.reply({ status: 500 });
    assert.equal((await ask(proxy.url, own, { 'cache-control': wish })).status, 500, wish);
    const asked = await ask(proxy.url, other);
    assert.deepEqual([asked.status, cached(asked)], [200, 'miss'], wish);
    // Whoever wants none of the cache does not drive out what is in it.
    await ask(proxy.url, own, { 'cache-control': wish });
    assert.equal(cached(await ask(proxy.url, other)), 'hit', wish);
  }
});

test('what was meant for one caller is in no answer of another', async (t) => {
  const { proxy, simulator } = await proxied(t);
  const headers = { 'set-cookie': 'id=first', 'retry-after': '9', 'anthropic-ratelimit-requests-remaining': '7' };
  simulator.reply({ headers, delayMs: 100 });
  const all = await Promise.all(Array.from({ length: 4 }, () => ask(proxy.url)));
  all.push(await ask(proxy.url));
  assert.equal(simulator.received.length, 1);
  const ids = all.map((asked) => asked.headers.get('x-request-id'));
  assert.equal(new Set(ids).size, ids.length);
  for (const asked of all.filter((one) => cached(one) !== 'miss'))
    for (const name of Object.keys(headers)) assert.equal(asked.headers.get(name), null, `${cached(asked)} ${name}`);
});

test('a stream and a whole answer of one question are one, in either order, and say the same', async (t) => {
  const { proxy, simulator } = await proxied(t);
  for (const [at, order] of [
    [streamed, message],
    [message, streamed],
  ].entries()) {
    const [first, second] = order.map((form) => form(`form ${at}`)) as [object, object];
    const asked = [await ask(proxy.url, first), await ask(proxy.url, second)];
    assert.deepEqual(asked.map(cached), ['miss', 'hit']);
    const [sse, json] = at === 0 ? asked : asked.reverse();
    assert.equal(names(sse?.text ?? '').at(-1), 'message_stop');
    const deltas = [...(sse?.text ?? '').matchAll(/"text_delta","text":("(?:[^"\\]|\\.)*")/g)];
    assert.equal(deltas.map(([, text]) => JSON.parse(text as string)).join(''), said(json?.text ?? ''));
    assert.match(sse?.headers.get('content-type') ?? '', /^text\/event-stream/);
    assert.match(json?.headers.get('content-type') ?? '', /^application\/json/);
  }
  assert.equal(simulator.received.length, 2);
});

test('an answer that is there does not let a caller have a model that it may not use', async (t) => {
  const callers = [caller('all'), caller('few', { models: ['claude-haiku-*'] })];
  const { proxy, simulator } = await proxied(t, { callers });
  assert.equal((await ask(proxy.url, message(), as('all'))).status, 200);
  const forms: [string | object, Record<string, string>, string][] = [
    [message(), {}, 'POST'],
    [streamed(), {}, 'POST'],
    [message(), { 'content-type': 'text/plain' }, 'POST'],
    [message(), { 'content-type': 'application/octet-stream' }, 'POST'],
    [JSON.stringify(message()).replace('"model"', '"mod\\u0065l"'), {}, 'POST'],
    [`{"model":"claude-haiku-4",${JSON.stringify(message()).slice(1)}`, {}, 'POST'],
    [`${JSON.stringify(message()).slice(0, -1)},"model":"claude-haiku-4"}`, {}, 'POST'],
    [`\ufeff${JSON.stringify(message())}`, {}, 'POST'],
    [message(), { 'content-encoding': 'identity' }, 'POST'],
    [message(), { 'x-session-id': 's' }, 'POST'],
    [{ requests: [{ custom_id: 'a', params: message() }] }, {}, 'POST'],
  ];
  for (const [body, headers, method] of forms) {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const answer = await fetch(`${proxy.url}/v1/messages`, {
      method,
      body: text,
      headers: { 'content-type': 'application/json', ...as('few'), ...headers },
    });
    assert.equal(answer.status, 403, `${method} ${JSON.stringify(headers)} ${text.slice(0, 60)}`);
    await answer.text();
  }
  assert.equal(simulator.received.length, 1);
});

test('no other method is a way around the models that a caller may use', async (t) => {
  const { proxy, simulator } = await proxied(t, { callers: [caller('few', { models: ['claude-haiku-*'] })] });
  for (const method of ['PUT', 'PATCH'])
    await ask(proxy.url, null, as('few'), { method, body: JSON.stringify(message()) });
  assert.deepEqual(
    simulator.received.map(({ method }) => method),
    [],
  );
});

test('a name that leads here from elsewhere, or a page of another site, is refused', async (t) => {
  const { proxy, simulator } = await proxied(t);
  const hosts = [
    'evil.example',
    'evil.example:1',
    '127.0.0.1.evil.example',
    'a@evil.example',
    'localhost.evil.example',
    '[::1].evil.example',
  ];
  for (const host of hosts)
    for (const path of ['/v1/models', '/metrics', '/', '/-/requests']) {
      const raw = await exchange(
        t,
        proxy.url,
        `GET ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`,
        500,
      );
      assert.deepEqual(raw.statuses, [421], `${host}${path}`);
    }
  for (const origin of ['http://evil.example', 'null', 'http://127.0.0.1:1', 'file://', new URL(proxy.url).host]) {
    const asked = await ask(proxy.url, message(), { origin, 'content-type': 'text/plain' });
    assert.equal(asked.status, 403, origin);
    assert.equal(asked.headers.get('access-control-allow-origin'), null);
  }
  assert.deepEqual(simulator.received, []);
});

test('a turn with very many members takes no longer than its size', async (t) => {
  const { proxy } = await proxied(t);
  const members = (count: number): string => Array.from({ length: count }, (_, at) => `"k${at}":1`).join();
  const turn = async (count: number): Promise<number> => {
    const body = `{${members(count)},${JSON.stringify(message(`${count}`)).slice(1)}`;
    const began = performance.now();
    await ask(proxy.url, null, { 'x-session-id': `s${count}` }, { method: 'POST', body });
    return performance.now() - began;
  };
  await turn(1000);
  const [few, many] = [await turn(10_000), await turn(40_000)];
  assert.ok(many < few * 8 + 50, `${few.toFixed(0)} ms, and four times as many ${many.toFixed(0)} ms`);
  await serves(proxy.url);
});
