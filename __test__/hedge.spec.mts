// hedge(): a second attempt where an answer is late; the first answer is taken, the other given up.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError, hedge, retry } from 'trae-native';
import { collect, message, pair, until } from './helpers/simulator.mts';

const late = { text: 'late', delayMs: 20_000 };

test('a call that is late is made again, the first answer is taken, and the other is given up', async (t) => {
  const { client, simulator } = await pair(t);
  client.use(hedge({ delay: 30 }));
  simulator.reply([late, { text: 'in time' }]);
  const res = await client.post('/v1/messages', message());
  assert.equal((res.data as { content: { text: string }[] }).content[0]?.text, 'in time');
  assert.equal(res.attempts, 2);
  assert.deepEqual(
    res.history.map(({ code, status }) => code ?? status),
    ['ABORTED', 200],
  );
  await until(() => simulator.received[0]?.aborted === true, 'the first attempt is given up');
  assert.deepEqual(simulator.received[0]?.json(), simulator.received[1]?.json());
});

test('middlewares further in see both attempts at once, each as it is', async (t) => {
  const { client, simulator } = await pair(t);
  const seen: unknown[] = [];
  client
    .use(hedge({ delay: 30 }))
    .use(async function outer(req, next) {
      req.headers['x-outer'] = String(req.attempt);
      return next({ ...req, data: { ...message(), metadata: { user_id: `attempt ${req.attempt}` } } } as never);
    })
    .use(retry({ maxRetries: 1, base: 1 }))
    .use(async function inner(req, next) {
      // The first attempt is still here when the second one passes.
      if (req.headers['x-outer'] === '1') await new Promise((resolve) => setTimeout(resolve, 60));
      seen.push([req.headers['x-outer'], (req.data as { metadata: unknown }).metadata]);
      return next();
    });
  simulator.always(late);
  const call = client.post('/v1/messages', message(), { signal: AbortSignal.timeout(400) });
  await assert.rejects(call);
  assert.deepEqual(seen, [
    ['2', { user_id: 'attempt 2' }],
    ['1', { user_id: 'attempt 1' }],
  ]);
  const told = simulator.received.map((one) => [one.header('x-outer'), (one.json() as { metadata: unknown }).metadata]);
  assert.deepEqual(told, seen);
});

test('a stream whose first event is late comes from the second attempt, whole, and ends its middlewares once', async (t) => {
  const { client, simulator } = await pair(t);
  const ends: unknown[] = [];
  client.use(hedge({ delay: 40 })).finally(({ req, error }) => void ends.push([req.attempt, error?.code]));
  simulator.reply([{ hang: 'body' }, { events: 5 }]);
  const stream = await client.stream('/v1/messages', { ...message(), stream: true });
  assert.ok((await collect(stream)).length >= 5);
  await until(() => simulator.received[0]?.aborted === true, 'the first attempt is given up');
  await until(() => ends.length === 2, 'both have ended');
  assert.deepEqual(ends.map((one) => (one as unknown[])[0]).sort(), [1, 2]);
});

test('a stream of the first attempt that wins is not ended by the second one that came beside it', async (t) => {
  const { client, simulator } = await pair(t);
  const ends: unknown[] = [];
  client.use(hedge({ delay: 40 })).finally(({ req, error }) => void ends.push([req.attempt, error?.code]));
  // Its headers are there at once, and its first event after a while.
  simulator.reply([{ events: 5, bytesPerWrite: 30, paceMs: 20 }, late]);
  const stream = await client.stream('/v1/messages', { ...message(), stream: true });
  await collect(stream);
  assert.deepEqual([stream.response.attempts, simulator.received.length], [2, 2]);
  await until(() => ends.length === 2, 'both have ended');
  assert.ok(
    ends.some((one) => (one as unknown[])[0] === 1 && (one as unknown[])[1] === undefined),
    `${ends}`,
  );
});

test('wrong options are refused by name', () => {
  for (const [options, expected] of [
    [{ percentile: 95 }, /`hedge.percentile` must be a number from 0.5 to 0.999, got 95/],
    [{ minDelay: 9, maxDelay: 5 }, /`hedge.maxDelay` must not be less than `hedge.minDelay`/],
    [{ key: 5 }, /`hedge.key` must be a function, got 5/],
  ] as const)
    assert.throws(
      () => hedge(options as never),
      (error) => error instanceof ConfigError && expected.test(error.message),
    );
});
