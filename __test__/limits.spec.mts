// rateLimit() and concurrency(): limits held end to end, who goes first, who is refused, and what replicas share.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  AbortError,
  ConfigError,
  cache,
  circuitBreaker,
  concurrency,
  createClient,
  hedge,
  keyPool,
  QueueFullError,
  rateLimit,
  retry,
  StoreError,
  TimeoutError,
  timeout,
} from 'trae-native';
import { redis } from './helpers/redis.mts';
import { answering, collect, message, pair, until } from './helpers/simulator.mts';

test('no more calls are under way than allowed, streams until their end', async (t) => {
  const { client, simulator } = await pair(t);
  const limit = concurrency(2);
  client.use(limit);
  simulator.always({ delayMs: 20 });
  await Promise.all(Array.from({ length: 12 }, () => client.post('/v1/messages', message())));
  assert.equal(simulator.counters.connectionsTotal, 2);
  const stream = await client.stream('/v1/messages', { ...message(), stream: true }, answering({ paceMs: 50 }));
  assert.equal((await limit.stats()).underWay, 1);
  await collect(stream);
  await until(async () => (await limit.stats()).underWay === 0, 'the place is free');
  const { passed, waited, refused, waiting } = await limit.stats();
  assert.deepEqual([passed + waited, refused, waiting], [13, 0, 0]);
  assert.ok(waited >= 10);
});

test('those who wait go by priority, can be aborted, and are refused where too many do', async (t) => {
  const { client } = await pair(t);
  const limit = concurrency({ limit: 1, queueLimit: 3 });
  client.use(limit);
  const order: string[] = [];
  const call = (name: string, config: object = {}): Promise<unknown> =>
    client.post('/v1/messages', message(), config).then(({ timing }) => {
      order.push(name);
      return timing.queuedMs;
    });
  const gone = new AbortController();
  const first = call('first', answering({ delayMs: 200 }));
  await until(async () => (await limit.stats()).underWay === 1, 'the first is under way');
  const rest = [call('low', { priority: 'low' }), call('normal'), call('aborted', { signal: gone.signal })];
  await until(async () => (await limit.stats()).waiting === 3, 'three wait');
  await assert.rejects(call('too many', { priority: 5 }), (error: QueueFullError) => {
    assert.ok(error instanceof QueueFullError && error.retryable, `${error}`);
    return error.attempts === 0 && /`concurrency.queueLimit`/.test(error.message);
  });
  gone.abort();
  await assert.rejects(rest.pop() as Promise<unknown>, AbortError);
  rest.push(call('high', { priority: 'high' }));
  assert.equal(await first, 0);
  for (const queued of await Promise.all(rest)) assert.ok((queued as number) > 0);
  assert.deepEqual(order, ['first', 'high', 'normal', 'low']);
});

test('requests are held to their rate, a full queue says how long one would have waited, and a wait may end', async (t) => {
  const { client, simulator } = await pair(t);
  const limit = rateLimit({ requests: 10, interval: 2000, queueLimit: 2, queueTimeout: 300 });
  client.use(limit);
  const outcomes = await Promise.allSettled(Array.from({ length: 4 }, () => client.post('/v1/messages', message())));
  const errors = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
  assert.equal(errors.length, 2);
  const wait = errors.find((error) => error instanceof QueueFullError)?.retryAfterMs ?? 0;
  assert.ok(wait > 300 && wait <= 600, `${wait}`);
  const late = errors.find((error) => error instanceof TimeoutError);
  assert.equal(late?.phase, 'queue');
  assert.match(late?.message ?? '', /within 300 ms \(`rateLimit.queueTimeout`\)/);
  assert.equal(simulator.received.length, 2);
  const { passed, waited, refused, waiting } = await limit.stats();
  assert.deepEqual([passed, waited, refused, waiting], [1, 1, 2, 0]);
});

test('each attempt counts inside of retry(), the short form stands there, and figures tell of it', async (t) => {
  const { client, simulator } = await pair(t, {
    retry: { base: 1 },
    rateLimit: { requests: 1000, interval: 1000 },
    concurrency: 4,
    metrics: true,
  });
  simulator.reply([{ status: 500 }, {}]);
  await client.post('/v1/messages', message());
  const text = client.metrics();
  for (const line of [
    'claude_limiter_decisions_total{limiter="rate_limit",outcome="passed"} 2',
    'claude_limiter_decisions_total{limiter="concurrency",outcome="passed"} 2',
    'claude_limiter_waiting{limiter="rate_limit"} 0',
    'claude_concurrency_limit 4',
    'claude_concurrency_in_flight 0',
    'claude_limiter_store_failures_total{limiter="rate_limit"} 0',
  ])
    assert.ok(text.includes(`${line}\n`), `${line}\n${text}`);
  assert.match(client.inspect(), /retry.*\n.*rateLimit.*\n.*concurrency.*\n/);
});

test('a 429 has all calls of its key wait as long as the server asks, and a function says which belong together', async (t) => {
  const { client, simulator } = await pair(t);
  const keyed = rateLimit({
    requests: 1000,
    key: ({ headers, data }) => `${headers['x-team']}:${(data as { model: string }).model}`,
  });
  client.use(keyed);
  const of = (team: string): object => ({ headers: { 'x-team': team } });
  simulator.reply([{ status: 429, headers: { 'retry-after-ms': '300' } }]);
  await assert.rejects(client.post('/v1/messages', message(), of('a')));
  const [same, other] = await Promise.all([
    client.post('/v1/messages', message(), of('a')),
    client.post('/v1/messages', message(), of('b')),
  ]);
  assert.ok(same.timing.queuedMs > 200, `${same.timing.queuedMs}`);
  assert.equal(other.timing.queuedMs, 0);
});

test('a call whose time is over while it waits here blames no server', async (t) => {
  const { client, simulator } = await pair(t);
  client.use(rateLimit({ requests: 1, interval: 60_000, burst: 0 }));
  await client.get('/v1/models');
  for (const limit of [50, { total: 50 }]) {
    const error = await client.get('/v1/models', { timeout: limit }).catch((error) => error);
    assert.ok(error instanceof TimeoutError);
    if (limit === 50)
      assert.deepEqual([error.phase, /still waited here and was not sent/.test(error.message)], ['queue', true]);
  }
  assert.equal(simulator.received.length, 1);
});

test('one instance does not stand within itself, where it would wait for what it holds', async (t) => {
  const { client } = await pair(t);
  for (const make of [
    () => concurrency(1),
    () => rateLimit({ requests: 5 }),
    () => cache(),
    () => circuitBreaker(),
    () => hedge(),
    () => keyPool({ keys: ['a'] }),
  ]) {
    const one = make();
    const told = (error: unknown) => error instanceof ConfigError && /can't stand within itself/.test(error.message);
    const extended = client.extend().use(one).use(timeout(5000));
    assert.throws(() => extended.use(one), told);
    assert.throws(() => extended.extend().use(one), told);
    await assert.rejects(extended.get('/v1/models', { middlewares: [one] }), told);
    assert.equal((await client.extend().use(one).get('/v1/models')).status, 200, 'of another client it is one too');
    assert.equal((await extended.get('/v1/models', { middlewares: [make()] })).status, 200);
  }
});

test('wrong options are refused by name', async (t) => {
  for (const [make, expected] of [
    [() => rateLimit({ adapt: false }), /rateLimit\(\) limits nothing/],
    [() => rateLimit({ requests: 0 }), /`rateLimit.requests` must be a whole number of at least 1, got 0/],
    [() => rateLimit({ requests: 5, burst: 2 }), /`rateLimit.burst` must be a number from 0 to 1/],
    [() => rateLimit({ requests: 5, interval: 0 }), /`rateLimit.interval` must be more than 0 ms/],
    [() => rateLimit({ limits: [{ interval: 5 }] }), /`rateLimit.limits\[0\]` limits nothing/],
    [() => rateLimit({ requests: 5, lease: 5 }), /`rateLimit.lease` needs `rateLimit.store`/],
    [() => rateLimit({ request: 5 } as never), /did you mean `rateLimit.requests`/],
    [() => rateLimit({ requests: 5, key: 'x' as never }), /`rateLimit.key` must be a function/],
    [() => rateLimit({ requests: 5, per: 'all', key: () => 'x' }), /`rateLimit.per` and `rateLimit.key`/],
    [() => concurrency(0), /`concurrency.limit` must be a whole number of at least 1, got 0/],
    [() => concurrency(Number.NaN), /`concurrency` must be a whole number of calls, or an object, got NaN/],
    [() => concurrency({ limit: 1, adaptive: true }), /exclude each other/],
    [() => concurrency({ limit: 1, min: 1 }), /`concurrency.min`/],
    [() => concurrency({ adaptive: false }), /`concurrency.limit` is missing/],
    [() => concurrency({ min: 5, max: 2 }), /`concurrency.min` must not be more/],
    [() => concurrency({ adaptive: { backof: 1 } as never }), /did you mean `concurrency.adaptive.backoff`/],
  ] as const)
    assert.throws(make, (error) => error instanceof ConfigError && expected.test(error.message), `${expected}`);
  const { client } = await pair(t);
  client.use(concurrency(1));
  for (const priority of ['urgent', 101, 1.5])
    await assert.rejects(client.post('/v1/messages', message(), { priority: priority as never }), /`priority` must be/);
  assert.throws(() => client.use(rateLimit as never), /did you mean `rateLimit\(\)`/);
});

test('clients that share a Redis share their limit, and each policy does what it says while that is away', async (t) => {
  const server = await redis(t);
  if (!server) return;
  const { client, simulator } = await pair(t);
  const lines: string[] = [];
  const limited = (onStoreFailure: 'open' | 'closed' | 'local', connection: number) =>
    createClient({
      baseURL: simulator.url,
      proxy: false,
      logger: { level: 'warn', sink: (line) => void lines.push(line.msg) },
      // Another time limit is another connection, as another process has.
      rateLimit: {
        requests: 20,
        interval: 1000,
        store: { url: server.url, timeout: 400 + connection },
        onStoreFailure,
      },
    });
  const clients = [limited('local', 1), limited('open', 2), limited('closed', 3)];
  t.after(() => Promise.all(clients.map((one) => one.close())));
  const [local, open, closed] = clients as [typeof client, typeof client, typeof client];
  const start = performance.now();
  await Promise.all(Array.from({ length: 30 }, (_, place) => clients[place % 3]?.post('/v1/messages', message())));
  const took = performance.now() - start;
  assert.ok(took > 1300, `28 of 30 at 20 a second, whoever sends them: ${took} ms`);
  await server.kill();
  await until(async () => {
    const outcome = await closed.post('/v1/messages', message()).catch((error) => error);
    return outcome instanceof StoreError && /onStoreFailure/.test(outcome.message);
  }, 'it is known to be away');
  await until(async () => (await open.post('/v1/messages', message())).status === 200 && lines.length > 1, 'it passes');
  const free = performance.now();
  await Promise.all(Array.from({ length: 30 }, () => open.post('/v1/messages', message())));
  assert.ok(performance.now() - free < 1000, 'nobody is held');
  assert.equal((await local.post('/v1/messages', message())).status, 200);
  const told = lines.filter((line) => /rateLimit\(\): the store is away/.test(line));
  assert.ok(told.length >= 2 && told.length <= 3, `once each: ${lines.join('\n')}`);
});

test('retry() makes a call again that a full queue has refused', async (t) => {
  const { client } = await pair(t);
  client.use(retry({ base: 20, maxRetries: 5 })).use(concurrency({ limit: 1, queueLimit: 0 }));
  const slow = client.post('/v1/messages', message(), answering({ delayMs: 40 }));
  const [one, other] = await Promise.all([slow, client.post('/v1/messages', message())]);
  assert.deepEqual([one.status, other.status], [200, 200]);
});
