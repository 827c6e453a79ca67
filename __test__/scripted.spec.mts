// What docs/testing.md says of a network that is played, and of its time.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { inspect, promisify } from 'node:util';
import { type ClientConfig, createClient, retry, TimeoutError, type TraeError } from 'trae-native';
import { createScripted, type ScriptedOptions } from 'trae-native/testing';
import { collect, counters, message } from './helpers/simulator.mts';

const HOST = 'https://api.example';

function scripted(t: TestContext, config: ClientConfig = {}, options?: ScriptedOptions) {
  const api = createScripted(options);
  const client = createClient({ baseURL: HOST, ...config, transport: api.transport });
  t.after(() => client.close());
  return { api, client };
}

const failure = (promise: Promise<unknown>): Promise<TraeError> =>
  promise.then(
    () => assert.fail('it was answered'),
    (error) => error,
  );

test('a call is answered by the script, in its order, and no name is looked up', async (t) => {
  const { api, client } = scripted(t);
  api.reply([{ body: { n: 1 } }, { status: 201, body: { n: 2 }, headers: { 'x-a': 'b' } }]);
  const first = await client.get('/one?q=1');
  const second = await client.post('/two', { hello: 'you' });
  assert.deepEqual([first.status, first.data], [200, { n: 1 }]);
  assert.deepEqual([second.status, second.data, second.headers.get('x-a')], [201, { n: 2 }, 'b']);
  assert.equal(second.requestId, 'req_scripted_000002');
  assert.deepEqual(
    api.received.map(({ method, path, url }) => [method, path, url]),
    [
      ['GET', '/one?q=1', `${HOST}/one?q=1`],
      ['POST', '/two', `${HOST}/two`],
    ],
  );
  assert.deepEqual(api.received[1]?.json(), { hello: 'you' });
  assert.equal(client.stats()['connectionsOpened'], 0);
});

test('a reply may be a function of the request, and of a promise', async (t) => {
  const { api, client } = scripted(t);
  api.always(async (request) => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    return { status: 418, body: { path: request.path, said: request.header('x-say') ?? null } };
  });
  const res = await client.get('/tea', { headers: { 'x-say': 'please' }, validateStatus: null });
  assert.deepEqual([res.status, res.data], [418, { path: '/tea', said: 'please' }]);
});

test('what nobody has scripted fails and says what was asked', async (t) => {
  const { api, client } = scripted(t);
  api.reply({ match: { path: '/other' } });
  const error = await failure(client.get('/this?key=secret'));
  assert.equal(error.code, 'CONFIG');
  assert.match(inspect(error), /for GET https:\/\/api\.example\/this\?key=…: none of the 1 left fits/);
});

test('what a reply function throws is told with its words, and is the cause', async (t) => {
  const { api, client } = scripted(t);
  const own = new RangeError('the test did not expect this');
  const said = '`status` must be 200 to 999';
  for (const [thrown, words] of [
    [own, 'RangeError: the test did not expect this'],
    ['a text', "'a text'"],
    [{ code: 7 }, '{ code: 7 }'],
  ] as [unknown, string][]) {
    api.reply(async () => {
      throw thrown;
    });
    const error = await failure(client.get('/'));
    assert.deepEqual([error.code, error.cause], ['CONFIG', thrown]);
    assert.ok(error.message.includes(words), error.message);
  }
  api.reply(() => ({ status: 7 }));
  assert.ok((await failure(client.get('/'))).message.includes(said));
});

test('a reply that can not be meant is refused where it is written, in words for who wrote it', (t) => {
  const { api } = scripted(t);
  for (const [reply, expected] of [
    [{ stat: 200 }, /unknown option `stat` of a reply: did you mean `status`\?$/],
    [{ nothingLikeIt: 1 }, /known names are `match`, .*`gapsMs`.*`error`$/],
    [{ error: 'OVERLOADED' }, /`error` must be one of DNS, /],
    [{ status: 9999 }, /`status` must be 200 to 999, not 9999$/],
    [{ delayMs: 'long' }, /`delayMs`: invalid type: string "long"/],
    [{ body: 1n }, /`body` can't be a bigint/],
    [{ match: { path: 'v1/messages' } }, /`match\.path` must begin with a slash, got "v1\/messages"/],
    [{ match: { path: 'https://api.example/v1' } }, /`match\.path` must begin with a slash/],
    [undefined, /must be an object, got undefined/],
    ...['raw', 'rawBase64', 'readBody', 'stamp'].map((name) => [
      { [name]: name },
      /about a connection, and a script has none/,
    ]),
  ] as [never, RegExp][])
    for (const add of [() => api.reply(reply), () => api.always(reply)])
      assert.throws(add, (error: TraeError) => {
        assert.equal(error.code, 'CONFIG');
        assert.match(error.message, expected);
        assert.doesNotMatch(error.message, /line \d|column/);
        return true;
      });
});

test('an hour of backoff passes at once, and every attempt is at the time when it would be', async (t) => {
  const { api, client } = scripted(t);
  client.use(retry({ maxRetries: 3, base: 60_000, cap: 0, jitter: 'none' }));
  api.reply([{ status: 529 }, { status: 500 }, { error: 'CONNECTION_RESET' }, { body: {} }]);
  const began = performance.now();
  const res = await client.post('/v1/messages', message());
  assert.equal(res.attempts, 4);
  assert.ok(performance.now() - began < 5000);
  assert.deepEqual(
    api.received.map(({ atMs }) => Math.round(atMs / 1000)),
    [0, 60, 180, 420],
  );
});

test('a stream comes event by event, with the gaps that the script has', async (t) => {
  const { api, client } = scripted(t);
  api.reply({ text: 'One two three', paceMs: 1000 });
  const stream = await client.stream('/v1/messages', { ...message(), stream: true });
  const times: number[] = [];
  for await (const _event of stream) times.push(Math.round(api.now / 1000));
  assert.deepEqual(
    times,
    [...times].sort((a, b) => a - b),
  );
  assert.ok(times.length > 5 && (times.at(-1) as number) >= times.length - 2, String(times));
  assert.ok((stream.response.timing.totalMs as number) >= 4000);
});

test('limits on the time hold, and name what passed', async (t) => {
  const { api, client } = scripted(t, { timeout: { connect: 2000, firstByte: 30_000, idle: 7000 } });
  api.reply([{ hang: 'headers' }, { error: 'TIMEOUT' }, { text: 'a b c', hangAfterEvents: 2 }, { delayMs: 30_001 }]);
  const first = await failure(client.post('/v1/messages', message()));
  assert.ok(first instanceof TimeoutError);
  assert.deepEqual([first.phase, Math.round(api.now)], ['firstByte', 30_000]);
  const second = await failure(client.get('/'));
  assert.deepEqual([second.code, second.phase, Math.round(api.now)], ['TIMEOUT', 'connect', 32_000]);
  const stream = await client.stream('/v1/messages', { ...message(), stream: true });
  const third = await failure(collect(stream));
  assert.deepEqual([third.code, Math.round(api.now)], ['STREAM_IDLE', 39_000]);
  assert.equal((await failure(client.get('/'))).phase, 'firstByte');
});

test('the network fails in the ways that networks do', async (t) => {
  const { api, client } = scripted(t);
  for (const code of ['DNS', 'CONNECTION_REFUSED', 'CONNECTION_RESET', 'CONNECTION', 'TLS', 'PROXY'] as const) {
    api.reply({ error: code });
    const error = await failure(client.get('/'));
    assert.equal(error.code, code);
    assert.match(error.message, /api\.example/);
  }
  api.reply([
    { body: 'half of it', cutAfterBytes: 4, cut: 'reset' },
    { text: 'a b c d', cutAfterEvents: 3 },
  ]);
  assert.equal((await failure(client.get('/'))).code, 'CONNECTION_RESET');
  const stream = await client.stream('/v1/messages', { ...message(), stream: true });
  assert.match((await failure(collect(stream))).code, /^INCOMPLETE/);
});

test('without autoAdvance nothing happens before its time is moved', async (t) => {
  const { api, client } = scripted(t, { retry: { maxRetries: 1, base: 500, jitter: 'none' } }, { autoAdvance: false });
  api.reply([
    { status: 503, delayMs: 100 },
    { body: {}, delayMs: 100 },
  ]);
  let done = false;
  const call = client.get('/').finally(() => {
    done = true;
  });
  await api.advance(599);
  assert.deepEqual([api.received.length, done, Math.round(api.now)], [1, false, 599]);
  await api.advance(1);
  assert.deepEqual([api.received.length, done], [2, false]);
  await api.advance(100);
  assert.deepEqual([done, (await call).attempts], [true, 2]);
});

test('an aborted call is over at once, also one that waits', async (t) => {
  const { api, client } = scripted(t, {}, { autoAdvance: false });
  api.reply({ delayMs: 60_000 });
  const gone = new AbortController();
  const call = client.get('/', { signal: gone.signal });
  await api.advance(10);
  gone.abort(new Error('enough'));
  assert.equal((await failure(call)).code, 'ABORTED');
  await api.advance(0);
  assert.equal(counters()[1], 0);
});

test('a middleware that is at work holds its time', async (t) => {
  const { api, client } = scripted(t, { timeout: 50 });
  client.use(retry(1)).use(async (req, next) => {
    await new Promise((resolve) => setTimeout(resolve, 30));
    return next(req);
  });
  api.reply({ body: {}, delayMs: 40 });
  assert.equal((await client.get('/')).status, 200);
});

test('what was asked is there to be read, and shows no credential when printed', async (t) => {
  const { api, client } = scripted(t, { headers: { 'x-api-key': 'sk-ant-very-secret' } });
  api.always({ body: {} });
  await client.get('/?token=hidden');
  const [request] = api.received;
  assert.equal(request?.header('X-Api-Key'), 'sk-ant-very-secret');
  for (const text of [inspect(api.received), JSON.stringify(api.received), inspect(client), JSON.stringify(client)])
    assert.doesNotMatch(text, /very-secret|hidden/);
});

test('a client that is there already is extended with the transport, and so are its children', async (t) => {
  const real = createClient({ baseURL: HOST, headers: { a: 'b' } });
  const api = createScripted().always({ body: { ok: true } });
  const client = real.extend({ transport: api.transport });
  t.after(() => real.close());
  await client.extend({ params: { c: 1 } }).get('/x');
  assert.deepEqual([api.received[0]?.path, api.received[0]?.header('a')], ['/x?c=1', 'b']);
  assert.throws(() => createClient({ transport: {} as never }), /must be one that trae-native\/testing has made/);
  assert.equal((await failure(client.get('/', { transport: createScripted().transport } as never))).code, 'CONFIG');
});

test('redirects, encodings and uploads are those of a network', async (t) => {
  const { api, client } = scripted(t);
  api.reply([
    { status: 307, headers: { location: '/there' }, body: '' },
    { body: { packed: true }, encoding: 'gzip' },
  ]);
  const res = await client.post('/here', new Blob(['some ', 'bytes']).stream(), { redirect: 'manual' });
  assert.equal(res.status, 307);
  assert.equal(api.received[0]?.body.toString(), 'some bytes');
  assert.deepEqual((await client.get('/packed')).data, { packed: true });
  api.reply([{ status: 307, headers: { location: '/there' } }, { echo: true }]);
  const followed = await client.post('/here', { again: 1 });
  assert.equal(followed.request.url, `${HOST}/there`);
});

test('a thread that ends in the middle of a scripted call ends, and a program that is done does too', async () => {
  const source = `
    const { createClient } = require('trae-native');
    const { createScripted } = require('trae-native/testing');
    const { parentPort } = require('node:worker_threads');
    const api = createScripted({ autoAdvance: parentPort === null });
    const client = createClient({ baseURL: 'https://api.example', transport: api.transport });
    api.always(() => (parentPort?.postMessage('asked'), { body: { ok: true }, delayMs: 1000 }));
    client.get('/').then((res) => console.log(JSON.stringify(res.data)));`;
  const { Worker } = await import('node:worker_threads');
  const worker = new Worker(source, { eval: true });
  await once(worker, 'message');
  assert.equal(await worker.terminate(), 1);
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', source], { timeout: 20_000 });
  assert.equal(stdout, '{"ok":true}\n');
});

test('a call holds a script that nobody else holds any more', async (t) => {
  const client = createClient({
    baseURL: HOST,
    transport: createScripted().always({ body: { ok: true }, delayMs: 5000 }).transport,
  });
  t.after(() => client.close());
  globalThis.gc?.();
  await new Promise((resolve) => setImmediate(resolve));
  globalThis.gc?.();
  assert.deepEqual((await client.get('/')).data, { ok: true });
});
