// `client.fetch` through middlewares: they see its calls as any other, and what they leave alone goes on as it came.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  circuitBreaker,
  EventStream,
  type Middleware,
  mapEvents,
  metrics,
  retry,
  type TraeError,
  type TraeResponse,
  timeout,
} from 'trae-native';
import { answering, counters, message, pair, until } from './helpers/simulator.mts';

const quick = { base: 1, jitter: 'none' } as const;
const post = (body: object, headers: Record<string, string> = {}): RequestInit => ({
  method: 'POST',
  body: JSON.stringify(body),
  headers: { 'content-type': 'application/json', ...headers },
});
const EVENTS = ': hello\n\nevent: odd\ndata: no JSON\n\nid: 7\ndata: {"a":1}\ndata: \n\ndata: [DONE]\n\n';

test('retry() makes a bad status again, and the last bad answer is the answer', async (t) => {
  const { client, simulator } = await pair(t);
  client.use(retry({ ...quick, maxRetries: 2 }));
  simulator.reply([{ status: 529 }, { status: 500 }]);
  const res = await client.fetch('/v1/messages', post(message(), { 'x-stainless-retry-count': '4' }));
  assert.deepEqual([res.status, simulator.received.length], [200, 3]);
  assert.ok(simulator.received.every((received) => received.header('x-stainless-retry-count') === '4'));
  assert.ok(simulator.received.every((received) => received.body.equals(simulator.received[0]?.body as Buffer)));
  simulator.clear();
  simulator.always({ status: 503, body: 'busy' });
  const bad = await client.fetch('/v1/messages', post(message()));
  assert.deepEqual([bad.status, await bad.text(), simulator.received.length], [503, 'busy', 3]);
});

test('retry() makes again what is sent by a Request, whose body is a stream only by name', async (t) => {
  const { client, simulator } = await pair(t);
  client.use(retry(quick));
  simulator.reply({ status: 529 });
  const res = await client.fetch(new Request(`${simulator.url}/v1/messages`, post(message())));
  assert.deepEqual([res.status, simulator.received.map((received) => received.json())], [200, [message(), message()]]);
});

test('retry() makes again a stream that begins with an error, and hands out the last one as it is', async (t) => {
  const { client, simulator } = await pair(t);
  client.use(retry({ ...quick, maxRetries: 1 }));
  const overloaded = { errorAt: { index: 0, type: 'overloaded_error' } };
  simulator.reply(overloaded);
  const good = await client.fetch('/v1/messages', post({ ...message(), stream: true }));
  assert.match(await good.text(), /message_stop/);
  simulator.clear();
  simulator.always(overloaded);
  const bad = await client.fetch('/v1/messages', post({ ...message(), stream: true }));
  assert.match(await bad.text(), /^event: error\ndata: .*overloaded_error/m);
  assert.equal(simulator.received.length, 2);
});

test('retry() makes again an answer that breaks before it is whole', async (t) => {
  const { client, simulator } = await pair(t);
  client.use(retry(quick));
  simulator.reply({ body: { a: 'long enough' }, cutAfterBytes: 5 });
  const res = await client.fetch('/v1/messages', post(message()));
  assert.deepEqual([res.status, simulator.received.length], [200, 2]);
});

test('native middlewares see events, and every byte goes on as it came', async (t) => {
  const { client } = await pair(t);
  client.use(metrics()).use(retry(quick)).use(timeout(10_000));
  for (const bytesPerWrite of [1, 7, 1000]) {
    const res = await client.fetch('/x', answering({ sse: EVENTS, bytesPerWrite }));
    assert.equal(await res.text(), EVENTS);
  }
  await (await client.fetch('/v1/messages', post({ ...message(), stream: true }))).text();
  await (await client.fetch('/v1/messages', post(message()))).json();
  const page = client.metrics();
  assert.match(page, /output_tokens|type="output"/, page);
});

test('a circuit counts bad statuses', async (t) => {
  const { client, simulator } = await pair(t);
  client.use(circuitBreaker({ minCalls: 2 }));
  simulator.always({ status: 500 });
  for (let call = 0; call < 2; call++) await client.fetch('/x');
  const error = await client.fetch('/x').then(
    () => assert.fail('it was sent'),
    (error) => error,
  );
  assert.equal((error.cause as TraeError).code, 'CIRCUIT_OPEN');
});

/** A middleware that notes what it sees. */
function noting(seen: unknown[]): Middleware {
  return async (req, next) => {
    const res = await next();
    seen.push([req.method, req.data, res.status, res.data]);
    return res;
  };
}

for (const place of ['outside of', 'inside of'] as const)
  test(`a middleware of JavaScript's ${place} native ones sees data parsed, and the text goes on as it came`, async (t) => {
    const { client } = await pair(t);
    const seen: unknown[] = [];
    if (place === 'inside of') client.use(retry(quick));
    client.use(noting(seen));
    if (place === 'outside of') client.use(retry(quick));
    const text = '{"big": 12345678901234567890,  "a":1.0}';
    const reply = answering({ body: text, headers: { 'content-type': 'application/json', 'x-a': '1' } });
    const res = await client.fetch('/x', { method: 'POST', body: 'asked', ...reply });
    assert.deepEqual([await res.text(), res.headers.get('x-a')], [text, '1']);
    assert.deepEqual(seen, [['POST', 'asked', 200, JSON.parse(text)]]);
    const streamed = await client.fetch('/x', answering({ sse: EVENTS }));
    assert.ok((seen[1] as unknown[])[3] instanceof EventStream);
    // Comments are no events, and an id stays until there is another.
    assert.deepEqual(
      (await streamed.text()).replaceAll('id: 7\n', ''),
      EVENTS.replace(/^.*\n\n/, '').replace('id: 7\n', ''),
    );
    const bytes = await client.fetch('/x', answering({ body: 'abc', headers: { 'content-type': 'image/png' } }));
    assert.equal(await bytes.text(), 'abc');
    const bad = await client.fetch('/x', answering({ status: 404, body: 'none' }));
    assert.deepEqual([bad.status, await bad.text()], [404, 'none']);
    await until(() => counters()[1] === 0, 'nothing is under way');
  });

test('what a middleware changes, in place or by another answer, is what is answered', async (t) => {
  const { client } = await pair(t);
  const change = (how: (res: TraeResponse) => unknown) => {
    const changed = client.extend();
    changed.after(how as never);
    return changed.fetch('/x', answering({ body: { a: 1, long: 'x'.repeat(100) }, headers: { 'x-a': '1' } }));
  };
  const inPlace = await change((res) => {
    res.data.a = 2;
    delete res.data.long;
  });
  assert.deepEqual(await inPlace.clone().json(), { a: 2 });
  assert.equal(inPlace.headers.get('x-a'), '1');
  assert.equal(inPlace.headers.get('content-length'), null, 'it was that of another body');
  const replaced = await change(() => ({ status: 418, data: { b: 1 }, headers: { 'x-c': '3' } }));
  assert.deepEqual([replaced.status, replaced.headers.get('content-type')], [418, 'application/json']);
  assert.deepEqual(await replaced.json(), { b: 1 });
  const bytes = await change(() => ({ data: Buffer.from('abc') }));
  assert.equal(await bytes.text(), 'abc');
  const none = await change(() => ({ status: 204 }));
  assert.equal(none.body, null);
});

test('a middleware may answer without a server, change the request, and make other events', async (t) => {
  const { client, simulator } = await pair(t);
  const short = client.extend().use(async (_req, _next) => ({ data: { made: true } }));
  assert.deepEqual(await (await short.fetch('/x')).json(), { made: true });
  assert.equal(simulator.received.length, 0);
  const changing = client.extend().before((req) => {
    req.headers['x-added'] = '1';
    req.url = '/y';
    req.data = { b: 2 };
  });
  await changing.fetch('/x', { method: 'POST', body: 'old' });
  const [received] = simulator.received;
  assert.deepEqual([received?.path, received?.header('x-added'), received?.json()], ['/y', '1', { b: 2 }]);
  const louder = client
    .extend()
    .use(mapEvents((event: { data: string }) => ({ ...event, data: event.data.toUpperCase() })));
  const res = await louder.fetch('/x', answering({ sse: 'event: a\ndata: one\n\ndata: two\n\n' }));
  assert.deepEqual(
    [res.headers.get('content-type'), await res.text()],
    ['text/event-stream; charset=utf-8', 'event: a\ndata: ONE\n\ndata: TWO\n\n'],
  );
});

test('what a middleware throws itself comes as it was thrown, what is ours as the cause of a TypeError', async (t) => {
  const { client } = await pair(t);
  const thrown = new Error('mine');
  const throwing = client.extend().use(async (_req, _next) => {
    throw thrown;
  });
  await assert.rejects(throwing.fetch('/x'), thrown);
  const hung = client.extend({ timeout: 20 }).use(async (_req, next) => next());
  const error = await hung.fetch('/x', answering({ hang: 'headers' })).catch((error) => error);
  assert.deepEqual([error.name, error.cause.code], ['TypeError', 'TIMEOUT']);
});

test('an abort reaches through middlewares, and gives its reason', async (t) => {
  const { client, simulator } = await pair(t);
  client.use(async (_req, next) => next()).use(retry(quick));
  const reason = new Error('no longer wanted');
  const given = new AbortController();
  const call = client.fetch('/x', { signal: given.signal, ...answering({ hang: 'headers' }) });
  await until(() => simulator.received.length === 1, 'the request has arrived');
  given.abort(reason);
  await assert.rejects(call, reason);
  const reading = new AbortController();
  const pausing = answering({ events: 5, hangAfterEvents: 2 });
  const res = await client.fetch('/v1/messages', { signal: reading.signal, ...pausing });
  const text = res.text();
  reading.abort(reason);
  await assert.rejects(text, reason);
  await until(() => counters()[1] === 0, 'nothing is under way');
});

test('a limit on the first event holds for a stream of bytes too', async (t) => {
  const { client } = await pair(t, { timeout: { firstEvent: 30 } });
  const ping = 'event: ping\ndata: {"type":"ping"}\n\n';
  const res = await client.fetch('/v1/messages', answering({ sse: ping, hang: 'body' }));
  const error = await res.text().catch((error) => error);
  assert.deepEqual([error.name, error.cause.code, error.cause.phase], ['TypeError', 'TIMEOUT', 'firstEvent']);
});
