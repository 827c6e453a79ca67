// fallback(): a call that fails at one target goes to the next, and no key goes where it does not belong.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { inspect } from 'node:util';
import {
  auth,
  BadRequestError,
  ConfigError,
  circuitBreaker,
  fallback,
  OverloadedError,
  retry,
  type TraeError,
} from 'trae-native';
import { createSimulator } from 'trae-native/simulator';
import { collect, message, pair } from './helpers/simulator.mts';

const OWN = 'own-key-4711';
const THEIRS = 'their-key-0815';

/** A client of one simulator, and another that stands in for it. */
async function three(t: TestContext) {
  const { client, simulator } = await pair(t, { headers: { 'x-tenant': 't' } });
  const other = await createSimulator();
  t.after(() => other.close());
  const target = { name: 'other', baseURL: other.url, apiKey: THEIRS, model: 'small' };
  return { client, simulator, other, target };
}

test('a call that fails goes to the next target with its key and model, and the answer says who it was', async (t) => {
  const { client, simulator, other, target } = await three(t);
  client.use(fallback({ targets: [target] })).use(auth({ value: OWN }));
  simulator.reply({ status: 529 });
  const res = await client.post('/v1/messages', message());
  assert.deepEqual([res.status, res.target, res.key, res.attempts], [200, 'other', undefined, 2]);
  assert.deepEqual(
    res.history.map(({ target, status }) => [target, status]),
    [
      ['primary', 529],
      ['other', 200],
    ],
  );
  assert.equal(res.request.url, `${other.url}/v1/messages`);
  const [mine, theirs] = [simulator.received[0], other.received[0]];
  assert.equal(mine?.header('x-api-key'), OWN);
  assert.equal(theirs?.header('x-api-key'), THEIRS);
  assert.equal(theirs?.header('x-tenant'), 't');
  assert.deepEqual(theirs?.json(), { ...message(), model: 'small' });
  assert.equal((await client.post('/v1/messages', message())).target, 'primary');
});

test('no credential of the client goes to a target that has none of its own', async (t) => {
  const { client, simulator, other } = await three(t);
  client.use(fallback({ targets: [{ baseURL: other.url }] })).use(auth({ value: OWN, scheme: 'bearer' }));
  simulator.always({ status: 503 });
  const headers = { 'x-api-key': OWN, cookie: `session=${OWN}`, 'x-session-token': OWN };
  const res = await client.post('/v1/messages', message(), { headers, params: { api_key: OWN, page: 1 } });
  assert.equal(res.target, 'target 1');
  const { headers: sent, path } = other.received[0] as NonNullable<(typeof other.received)[0]>;
  assert.ok(!JSON.stringify([sent, path]).includes(OWN), JSON.stringify([sent, path]));
  assert.equal(path, '/v1/messages?page=1');
});

test('what no other target could heal is the caller’s at once', async (t) => {
  const { client, simulator, other, target } = await three(t);
  client.use(fallback({ targets: [target] }));
  simulator.reply({ status: 400 });
  await assert.rejects(client.post('/v1/messages', message()), BadRequestError);
  assert.equal(other.received.length, 0);
});

test('when all have failed the error says what each has said, and no key', async (t) => {
  const { client, simulator, other, target } = await three(t);
  client.use(fallback({ targets: [target] }));
  simulator.always({ status: 500 });
  other.always({ status: 529, body: { error: { type: 'overloaded_error', message: `your key ${THEIRS} is fine` } } });
  await assert.rejects(client.post('/v1/messages', message()), (error: TraeError) => {
    assert.ok(error instanceof OverloadedError);
    assert.match(error.message, /`fallback\(\)` has tried `primary` SERVER, `other` OVERLOADED/);
    assert.deepEqual(
      error.history?.map(({ target }) => target),
      ['primary', 'other'],
    );
    assert.ok(!inspect(error, { depth: 9 }).includes(THEIRS) && !JSON.stringify(error).includes(THEIRS));
    return error.attempts === 2;
  });
});

test('a stream whose first event is an error comes from the next target, and one that has begun does not', async (t) => {
  const { client, simulator, other, target } = await three(t);
  client.use(fallback({ targets: [target] }));
  simulator.reply({ errorAt: { index: 0, type: 'overloaded_error' } });
  const stream = await client.stream('/v1/messages', { ...message(), stream: true });
  assert.ok((await collect(stream)).length > 2);
  assert.equal(other.received.length, 1);
  simulator.reply({ errorAt: { index: 2, type: 'overloaded_error' } });
  const begun = await client.stream('/v1/messages', { ...message(), stream: true });
  await assert.rejects(collect(begun), OverloadedError);
  assert.equal(other.received.length, 1);
});

test('an open circuit sends calls on without asking, and each target has its own', async (t) => {
  const { client, simulator, other, target } = await three(t);
  client
    .use(retry(0))
    .use(fallback({ targets: [target] }))
    .use(circuitBreaker({ minCalls: 2 }));
  simulator.always({ status: 500 });
  for (let call = 0; call < 5; call++) assert.equal((await client.post('/v1/messages', message())).target, 'other');
  assert.deepEqual([simulator.received.length, other.received.length], [2, 5]);
});

test('a middleware further in may change what a target is sent, and its key never comes back home', async (t) => {
  const { client, simulator, other, target } = await three(t);
  client.use(fallback({ targets: [target] })).use(async function further(req, next) {
    req.params = { seen: req.attempt };
    return next();
  });
  simulator.reply({ status: 529 });
  const res = await client.post('/v1/messages', message());
  assert.equal(res.target, 'other');
  assert.equal(other.received[0]?.path, '/v1/messages?seen=2');
  assert.equal(other.received[0]?.header('x-api-key'), THEIRS);
  assert.equal(simulator.received.length, 1);
  assert.ok(!JSON.stringify(simulator.received[0]?.headers).includes(THEIRS));
});

test('an answer made further out keeps who has answered, and nothing printed shows a key', async (t) => {
  const { client, simulator, target } = await three(t);
  const middleware = fallback({ targets: [target] });
  client
    .use(retry())
    .after((res) => ({ data: { wrapped: res.data }, status: res.status }))
    .use(middleware);
  simulator.reply({ status: 529 });
  const res = await client.post('/v1/messages', message());
  assert.equal(res.target, 'other');
  for (const thing of [res, client, middleware])
    assert.ok(!inspect(thing, { depth: 9, showHidden: true }).includes(THEIRS), inspect(thing));
  assert.match(inspect(res), /target: 'other'/);
});

test('wrong options are refused by name', () => {
  for (const [options, expected] of [
    [undefined, /`fallback.targets` must have somewhere to go/],
    [{ targets: [{}] }, /`fallback.targets\[0\]` is the client's own target again/],
    [{ targets: [{ model: 'm', baseUrl: 'x' }] }, /did you mean `fallback.targets\[0\].baseURL`/],
    [{ targets: [{ model: 'm' }], on: ['OVERLODED'] }, /did you mean 'OVERLOADED'/],
  ] as const)
    assert.throws(
      () => fallback(options as never),
      (error) => error instanceof ConfigError && expected.test(error.message),
    );
});
