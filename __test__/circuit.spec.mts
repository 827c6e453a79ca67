// circuitBreaker(): a server that fails too often is left alone.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CircuitOpenError, ConfigError, circuitBreaker, retry, ServerError } from 'trae-native';
import { message, pair } from './helpers/simulator.mts';

test('calls to a server that fails too often fail at once, until a trial has succeeded', async (t) => {
  const { client, simulator } = await pair(t);
  client.use(circuitBreaker({ minCalls: 3, open: 50, trials: 1 }));
  simulator.reply([{ status: 500 }, { status: 502 }, { status: 529 }]);
  for (let call = 0; call < 3; call++) await assert.rejects(client.post('/v1/messages', message()));
  await assert.rejects(client.post('/v1/messages', message()), (error: CircuitOpenError) => {
    assert.ok(error instanceof CircuitOpenError);
    assert.equal(error.code, 'CIRCUIT_OPEN');
    assert.ok((error.retryAfterMs as number) > 0 && (error.retryAfterMs as number) <= 50);
    return error.retryable === false && error.attempts === 0;
  });
  assert.equal(simulator.received.length, 3);
  await new Promise((resolve) => setTimeout(resolve, 60));
  assert.equal((await client.post('/v1/messages', message())).status, 200);
});

test('below retry() each attempt counts, and a call whose circuit is open is not made again', async (t) => {
  const { client, simulator } = await pair(t);
  client.use(retry({ base: 1, maxRetries: 5 })).use(circuitBreaker({ minCalls: 3 }));
  simulator.always({ status: 500 });
  await assert.rejects(client.post('/v1/messages', message()), CircuitOpenError);
  assert.equal(simulator.received.length, 3);
});

test('one circuitBreaker() may serve several clients', async (t) => {
  const { client, simulator } = await pair(t);
  const breaker = circuitBreaker({ minCalls: 2 });
  const [one, other] = [client.extend().use(breaker), client.extend().use(breaker)];
  simulator.always({ status: 500 });
  for (const own of [one, other]) await assert.rejects(own.post('/v1/messages', message()), ServerError);
  for (const own of [one, other]) await assert.rejects(own.post('/v1/messages', message()), CircuitOpenError);
});

test('a function of your own says what has a circuit of its own', async (t) => {
  const { client, simulator } = await pair(t);
  const seen: unknown[] = [];
  client.use(
    circuitBreaker({
      minCalls: 2,
      key: async ({ method, data, headers }) => {
        seen.push([method, headers['x-tenant']]);
        return (data as { metadata?: { user_id: string } }).metadata?.user_id;
      },
    }),
  );
  const of = (user?: string) =>
    client.post(
      '/v1/messages',
      { ...message(), ...(user && { metadata: { user_id: user } }) },
      { headers: { 'x-tenant': 't' } },
    );
  simulator.reply([{ status: 500 }, { status: 500 }]);
  for (let call = 0; call < 2; call++) await assert.rejects(of('one'), ServerError);
  await assert.rejects(of('one'), /too many calls of this `key` have failed/);
  assert.equal((await of('another')).status, 200);
  assert.equal((await of()).status, 200);
  assert.deepEqual(seen[0], ['POST', 't']);
});

test('a key that can not be told is an error of its own, and nothing is sent', async (t) => {
  const { client, simulator } = await pair(t);
  client.use(circuitBreaker({ key: () => 5 as never }));
  await assert.rejects(client.post('/v1/messages', message()), /`key` gave 5, where a string is wanted/);
  assert.equal(simulator.received.length, 0);
});

test('wrong options are refused by name', () => {
  for (const [options, expected] of [
    [{ failureShare: 0 }, /`circuitBreaker.failureShare` must be a number from 0.01 to 1, got 0/],
    [{ failureShare: 2 }, /failureShare/],
    [{ minCalls: 0 }, /`circuitBreaker.minCalls`/],
    [{ window: 0 }, /`circuitBreaker.window` must be more than 0 ms/],
    [{ per: 'host' }, /`circuitBreaker.per` must be 'origin' or 'endpoint' or 'credential' or 'model' or 'all'/],
    [{ key: 'x' }, /`circuitBreaker.key` must be a function, got a string/],
    [{ per: 'all', key: () => 'x' }, /`circuitBreaker.per` and `circuitBreaker.key` both say what belongs together/],
    [{ trails: 1 }, /did you mean `circuitBreaker.trials`/],
  ] as const)
    assert.throws(
      () => circuitBreaker(options as never),
      (error) => error instanceof ConfigError && expected.test(error.message),
    );
});
