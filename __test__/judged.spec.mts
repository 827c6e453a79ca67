// A status that `validateStatus` judges: what it refuses is the error that the engine would have made of it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  auth,
  idempotencyKey,
  type Next,
  OverloadedError,
  RateLimitError,
  retry,
  type TraeError,
  type TraeRequest,
} from 'trae-native';
import { message, pair } from './helpers/simulator.mts';

const KEY = 'AUTHVALUE-SECRET-0123';
const good = (status: number): boolean => status < 300;

const thrownBy = (call: Promise<unknown>): Promise<TraeError> =>
  call.then(
    () => assert.fail('it was answered'),
    (error) => error,
  );

test('it tells no key, wherever that was put on the call', async (t) => {
  const { client, simulator } = await pair(t, { validateStatus: good });
  const error = { type: 'authentication_error', message: `invalid key ${KEY}` };
  simulator.always({ status: 403, headers: { 'x-echo': KEY }, body: { type: 'error', error } });
  const below = async (req: TraeRequest, next: Next) => {
    req.headers['x-api-key'] = KEY;
    return next();
  };
  for (const keyed of [
    client.extend({ headers: { 'x-api-key': KEY } }),
    client.extend().use(auth({ value: KEY })),
    client.extend().use(below),
    client.extend().use(idempotencyKey()).use(below),
  ])
    for (const responseType of [undefined, 'stream', 'buffer'] as const) {
      const thrown = await thrownBy(keyed.post('/v1/messages', message(), { responseType }));
      assert.match(thrown.message, /invalid key \[redacted\]/);
      assert.equal(thrown.response?.headers.get('x-echo'), '[redacted]');
      assert.ok(!JSON.stringify(thrown.response?.data).includes(KEY));
    }
});

test('it says how many attempts there were and what each came to', async (t) => {
  const { client, simulator } = await pair(t, { validateStatus: good });
  client.use(retry({ base: 1, maxRetries: 2 }));
  simulator.always({ status: 529 });
  const thrown = await thrownBy(client.post('/v1/messages', message()));
  assert.ok(thrown instanceof OverloadedError);
  assert.equal(thrown.attempts, 3);
  assert.deepEqual(
    thrown.history?.map(({ status }) => status),
    [529, 529, 529],
  );
  assert.equal(thrown.request?.url, '/v1/messages');
});

test('it has the body of an answer that was to come as a stream of bytes, and one that is taken has all of it', async (t) => {
  const { client, simulator } = await pair(t);
  const text = 'too many '.repeat(20_000);
  simulator.always({
    status: 429,
    headers: { 'content-type': 'text/plain', 'retry-after': '7' },
    body: text,
    bytesPerWrite: 1000,
  });
  const config = { responseType: 'stream', validateStatus: good } as const;
  const thrown = await thrownBy(client.post('/v1/messages', message(), config));
  assert.ok(thrown instanceof RateLimitError);
  assert.equal(thrown.retryAfterMs, 7000);
  assert.ok(String(thrown.response?.data).startsWith('too many too many'));
  const taken = await client.post('/v1/messages', message(), { ...config, validateStatus: () => true });
  let length = 0;
  for await (const chunk of taken.data) length += chunk.length;
  assert.equal(length, text.length);
  const whole = await client.post('/v1/messages', message(), { validateStatus: null });
  assert.equal(whole.data.length, text.length);
});

test('a status that the engine takes for good may be refused too', async (t) => {
  const { client } = await pair(t);
  const thrown = await thrownBy(client.post('/v1/messages', message(), { validateStatus: (status) => status === 201 }));
  assert.equal(thrown.status, 200);
});
