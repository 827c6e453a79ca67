// keyPool(): each call goes with the key that has least to carry, and no key is told.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { AuthenticationError, auth, ConfigError, fallback, keyPool, RateLimitError, type TraeError } from 'trae-native';
import { collect, message, pair, until } from './helpers/simulator.mts';

const keys = [
  { name: 'a', apiKey: 'key-a-4711' },
  { name: 'b', apiKey: 'key-b-4711' },
];

test('keys take turns, and a key that still carries a stream has less to take', async (t) => {
  const { client, simulator } = await pair(t);
  const pool = keyPool({ keys });
  client.use(pool).use(auth({ value: 'never-used-4711', scheme: 'bearer' }));
  simulator.reply({ events: 20, paceMs: 25 });
  const stream = await client.stream('/v1/messages', { ...message(), stream: true });
  for (let call = 0; call < 2; call++) assert.equal((await client.post('/v1/messages', message())).key, 'b');
  await collect(stream);
  await until(async () => (await pool.stats()).every(({ inFlight }) => inFlight === 0), 'nothing is under way');
  assert.equal((await client.post('/v1/messages', message())).key, 'a');
  const sent = simulator.received.map((one) => one.header('x-api-key'));
  assert.deepEqual(sent, ['key-a-4711', 'key-b-4711', 'key-b-4711', 'key-a-4711']);
  assert.ok(simulator.received.every((one) => one.header('authorization') === undefined));
});

test('a key that is refused rests, and the call goes on with the next', async (t) => {
  const { client, simulator } = await pair(t);
  const pool = keyPool({ keys, rest: 30_000 });
  client.use(pool);
  simulator.reply([{ status: 401 }, { status: 200, body: {} }]);
  const res = await client.post('/v1/messages', message());
  assert.deepEqual([res.key, res.attempts], ['b', 2]);
  assert.deepEqual(
    res.history.map(({ key, status }) => [key, status]),
    [
      ['a', 401],
      ['b', 200],
    ],
  );
  const [a, b] = await pool.stats();
  assert.ok(a && a.restsMs > 20_000 && a.restsMs <= 30_000 && a.inFlight === 0 && a.calls === 1, inspect(a));
  assert.deepEqual(b, { name: 'b', inFlight: 0, calls: 1, restsMs: 0 });
  assert.equal((await client.post('/v1/messages', message())).key, 'b');
});

test('when every key is used up the error says when the first may be used again, and shows none', async (t) => {
  const { client, simulator } = await pair(t);
  client.use(keyPool({ keys }));
  simulator.reply([
    { status: 429, headers: { 'retry-after': '9' } },
    { status: 429, headers: { 'retry-after': '40' }, body: { error: { message: 'too much of key-b-4711' } } },
  ]);
  await assert.rejects(client.post('/v1/messages', message()), (error: TraeError) => {
    assert.ok(error instanceof RateLimitError);
    assert.match(error.message, /`keyPool\(\)` has tried `a` RATE_LIMIT, `b` RATE_LIMIT/);
    assert.ok(!inspect(error, { depth: 9 }).includes('4711'), inspect(error));
    return error.retryAfterMs === 9000 && error.attempts === 2;
  });
});

test('one key may have a circuit of its own, whose opening leaves the others alone', async (t) => {
  const { client, simulator } = await pair(t);
  client.use(keyPool({ keys: keys.map((key) => ({ ...key, circuitBreaker: { minCalls: 1 } })) }));
  simulator.reply({ status: 500 });
  await assert.rejects(client.post('/v1/messages', message()));
  for (let call = 0; call < 3; call++) assert.equal((await client.post('/v1/messages', message())).key, 'b');
});

test('a call that is aborted, or whose stream is left, counts no longer', async (t) => {
  const { client, simulator } = await pair(t);
  const pool = keyPool({ keys: keys.slice(0, 1) });
  client.use(pool);
  simulator.reply([{ hang: 'headers' }, { events: 50, paceMs: 20 }]);
  await assert.rejects(client.post('/v1/messages', message(), { signal: AbortSignal.timeout(50) }));
  const stream = await client.stream('/v1/messages', { ...message(), stream: true });
  for await (const _event of stream) break;
  await until(async () => (await pool.stats())[0]?.inFlight === 0, 'nothing is under way');
});

test('where every key is refused the error says when the first may be used again', async (t) => {
  const { client, simulator } = await pair(t);
  client.use(keyPool({ keys: ['first', 'second'], rest: 5000 }));
  simulator.always({ status: 401 });
  await assert.rejects(
    client.post('/v1/messages', message()),
    (error) => error instanceof AuthenticationError && error.retryAfterMs === 5000,
  );
});

test('a key may be a mere string', async (t) => {
  const { client, simulator } = await pair(t);
  client.use(keyPool({ keys: ['first', 'second'] }));
  simulator.reply([{ status: 401 }, {}]);
  assert.equal((await client.post('/v1/messages', message())).key, 'key 2');
  assert.deepEqual(
    simulator.received.map((request) => request.header('x-api-key')),
    ['first', 'second'],
  );
});

test('a target of fallback() with a key of its own is none of the pool’s', async (t) => {
  const { client, simulator } = await pair(t);
  client
    .use(fallback({ targets: [{ name: 'paid', apiKey: 'paid-key-4711' }], on: [529, 'AUTHENTICATION'] }))
    .use(keyPool({ keys }));
  simulator.reply([{ status: 401 }, { status: 401 }]);
  const res = await client.post('/v1/messages', message());
  assert.deepEqual([res.target, res.key], ['paid', undefined]);
  assert.deepEqual(
    res.history.map(({ target, key }) => [target, key]),
    [
      ['primary', 'a'],
      ['primary', 'b'],
      ['paid', undefined],
    ],
  );
  simulator.always({ status: 401 });
  await assert.rejects(client.post('/v1/messages', message()), AuthenticationError);
});

test('wrong options are refused by name, and no key is repeated', () => {
  for (const [options, expected] of [
    [undefined, /`keyPool` needs `keyPool.keys`/],
    [{ keys: [{ name: 'a' }] }, /`keyPool.keys\[0\].apiKey` is missing/],
    [
      { keys: [{ apiKey: 'x', circuitBreaker: { trails: 1 } }] },
      /circuitBreaker.trials`\? \(`keyPool.keys\[0\].circuitBreaker`\)/,
    ],
    [{ keys: [{ apiKey: 'x', circuitBreaker: { key: () => 'x' } }] }, /can't be reached here/],
  ] as const)
    assert.throws(
      () => keyPool(options as never),
      (error) => error instanceof ConfigError && expected.test(error.message),
    );
});
