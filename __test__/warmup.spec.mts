// Connections ready before the first call: what a warm-up opens, tells, keeps up and never does.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import {
  AbortError,
  auth,
  type Client,
  ConfigError,
  ConnectionError,
  createClient,
  TimeoutError,
  type WarmupOptions,
} from 'trae-native';
import { createSimulator } from 'trae-native/simulator';
import { message, pair, until } from './helpers/simulator.mts';

const KEY = 'sk-ant-api03-quite-secret_0123456789';

/** So many calls at once; how long each waited for a new connection. */
async function crowd(client: Client, count: number): Promise<(number | null)[]> {
  const calls = Array.from({ length: count }, () => client.post('/v1/messages', message()));
  return (await Promise.all(calls)).map((response) => response.timing.connectMs);
}

/** The port of a server that was there. */
async function nobody(t: TestContext): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  t.diagnostic(`nobody listens on ${port}`);
  return `127.0.0.1:${port}`;
}

test('as many calls at once as there are warm connections open none', async (t) => {
  for (const [tls, http] of [
    [false, 'auto'],
    [true, '1'],
    [true, 'auto'],
  ] as const) {
    const { client, simulator } = await pair(t, {}, { tls, http });
    const { connections, totalMs, prompt } = await client.warmup({ connections: 5 });
    assert.equal(connections.length, 5);
    for (const { connectMs, reused, inUse, status, httpVersion, error } of connections) {
      assert.ok(connectMs !== null && connectMs > 0 && connectMs <= totalMs, `${connectMs} of ${totalMs}`);
      const version = tls && http === 'auto' ? '2' : '1.1';
      assert.deepEqual(
        [reused, inUse, typeof status, httpVersion, error],
        [false, false, 'number', version, undefined],
      );
    }
    assert.equal(prompt, undefined);
    assert.equal(simulator.counters.connectionsTotal, 5);
    const opened = new Set(simulator.received.map(({ connection }) => connection));
    assert.deepEqual(new Set(await crowd(client, 5)), new Set([null]));
    assert.equal(simulator.counters.connectionsTotal, 5);
    assert.ok(opened.size > 1, 'more than one was asked');
    assert.deepEqual([client.stats().requests, client.stats().pending], [5, 0], 'a warm-up is no call');
  }
});

test('asked again it opens what is missing and reuses the rest', async (t) => {
  const { client, simulator } = await pair(t);
  assert.equal((await client.warmup()).connections.length, 1);
  const { connections } = await client.warmup({ connections: 3 });
  assert.deepEqual(connections.map(({ reused }) => reused).sort(), [false, false, true]);
  assert.equal(simulator.counters.connectionsTotal, 3);
  simulator.reply({ match: { method: 'POST' }, hang: 'headers' });
  const gone = new AbortController();
  const call = client.post('/v1/messages', message(), { signal: gone.signal }).catch((error) => error.code);
  await until(() => simulator.received.some(({ method }) => method === 'POST'), 'a call is under way');
  const busy = await client.warmup({ connections: 2 });
  assert.deepEqual(busy.connections.map(({ inUse }) => inUse).sort(), [false, true]);
  gone.abort();
  assert.equal(await call, 'ABORTED');
  await until(() => simulator.counters.connectionsOpen === 2, 'the aborted call took its connection along');
  const again = await client.warmup({ connections: 3 });
  assert.equal(again.connections.filter(({ reused }) => !reused).length, 1);
});

test('idle connections that the pool has closed are opened again, once by request and on and on with `every`', async (t) => {
  const { client, simulator } = await pair(t, { pool: { idleTimeout: 200 } });
  await client.warmup({ connections: 2 });
  await until(() => simulator.counters.connectionsOpen === 0, 'they are closed idle');
  assert.equal((await client.warmup({ connections: 2 })).connections.filter(({ reused }) => reused).length, 0);
  await until(() => simulator.counters.connectionsOpen === 0, 'and again');
  await client.warmup({ connections: 2, every: 40 });
  const before = simulator.received.length;
  await until(() => simulator.received.length > before + 20, 'it asks again and again');
  assert.equal(simulator.counters.connectionsOpen, 2);
  assert.equal(simulator.counters.connectionsTotal, 6, 'what is asked often enough stays open');
});

test('`every` ends with its signal, with the client, and with the next `every`', async (t) => {
  const { client, simulator } = await pair(t);
  const still = async () => {
    const count = simulator.received.length;
    await new Promise((resolve) => setTimeout(resolve, 100));
    return simulator.received.length - count;
  };
  const gone = new AbortController();
  await client.warmup({ every: 10, signal: gone.signal });
  await until(() => simulator.received.length > 2, 'it goes on');
  gone.abort();
  await until(async () => (await still()) === 0, 'it has ended');
  await client.warmup({ every: 10 });
  await client.warmup({ every: 3_600_000 });
  await until(async () => (await still()) === 0, 'the next one stands in its place');
  const child = client.extend();
  await child.warmup({ every: 10 });
  await until(() => simulator.received.length > 8, 'it goes on');
  await client.close();
  await until(async () => (await still()) === 0, 'it is closed with its parent');
});

test('a connection carries no credential, a prompt goes once through all middlewares', async (t) => {
  const headers = { 'x-api-key': KEY, 'x-anything': KEY };
  const { client, simulator } = await pair(t, { headers, params: { key: KEY } }, { requireKey: true });
  const seen: string[] = [];
  client.use(auth({ value: KEY })).before((req) => void seen.push(`${req.method} ${req.url}`));
  const bare = createClient({ baseURL: `${simulator.url}/v1?key=${KEY}`, headers, proxy: false });
  await bare.warmup({ path: '/models' });
  await bare.close();
  const prompt = { ...message(), max_tokens: 1 };
  const warm = await client.warmup({ connections: 3, path: '/v1/messages', prompt });
  const heads = simulator.received.filter(({ method }) => method === 'HEAD');
  assert.deepEqual(
    heads.map(({ path }) => path),
    ['/v1/models', ...Array(3).fill('/v1/messages')],
  );
  assert.deepEqual([...new Set(heads.flatMap((head) => head.headers.map(([name]) => name)))].sort(), [
    'accept',
    'host',
    'user-agent',
  ]);
  assert.ok(!JSON.stringify(heads).includes(KEY));
  const [post, ...more] = simulator.received.filter(({ method }) => method === 'POST');
  assert.deepEqual([more.length, post?.header('x-api-key'), post?.json()], [0, KEY, prompt]);
  assert.deepEqual(seen, ['POST /v1/messages']);
  assert.equal(warm.prompt?.response?.data.type, 'message');
  assert.equal(warm.prompt?.response?.timing.connectMs, null, 'it uses a connection that is warm');
  assert.ok((warm.prompt?.totalMs as number) > 0);
});

test('a prompt goes to /messages by itself, may be a stream, and its failure is told with the connections', async (t) => {
  const { simulator } = await pair(t);
  const client = createClient({ baseURL: `${simulator.url}/v1`, proxy: false });
  t.after(() => client.close());
  const streamed = await client.warmup({ prompt: { ...message(), stream: true } });
  assert.equal(streamed.prompt?.response?.httpVersion, '1.1');
  const post = simulator.received.find(({ method }) => method === 'POST');
  assert.deepEqual([post?.path, post?.complete, post?.aborted], ['/v1/messages', true, false]);
  simulator.reply({ match: { method: 'POST' }, status: 529 });
  const failed = await client.warmup({ prompt: message() });
  assert.equal((failed.prompt?.error as { code: string } | undefined)?.code, 'OVERLOADED');
  assert.deepEqual([failed.connections[0]?.reused, failed.prompt?.response], [true, undefined]);
});

test('where no connection can be had it rejects with what the first failed with', async (t) => {
  const client = createClient({ baseURL: `http://${await nobody(t)}/v1?secret=1`, proxy: false });
  const error = await client.warmup({ connections: 3, path: '/x', every: 10 }).catch((error) => error);
  assert.ok(error instanceof ConnectionError, String(error));
  assert.deepEqual([error.code, error.phase], ['CONNECTION_REFUSED', 'connect']);
  assert.match(error.stack as string, /warmup\.spec\.mts/);
  const { simulator, client: slow } = await pair(t);
  simulator.always({ hang: 'headers' });
  await assert.rejects(slow.warmup({ timeout: 30 }), (error: TimeoutError) => {
    assert.ok(error instanceof TimeoutError);
    assert.match(error.message, /no warm connection to 127\.0\.0\.1:\d+ within 30 ms \(`warmup\.timeout`\)/);
    return true;
  });
  await client.close();
});

test('a wrong option is refused by name before anything is opened', async (t) => {
  const { client, simulator } = await pair(t, { pool: { maxSockets: 4, maxFreeSockets: 3 } });
  const wrong: [WarmupOptions | Record<string, unknown>, RegExp][] = [
    [{ conections: 2 }, /unknown option `warmup\.conections`: did you mean `warmup\.connections`\?/],
    [{ propmt: {} }, /did you mean `warmup\.prompt`\?/],
    [{ connections: 0 }, /`warmup\.connections` must be a whole number of at least 1, got 0/],
    [{ connections: 5 }, /can't keep 5 connections \(`warmup\.connections`\): `pool\.maxSockets` is 4/],
    [{ connections: 4 }, /can't keep 4 connections \(`warmup\.connections`\): `pool\.maxFreeSockets` is 3/],
    [{ method: 'POST' }, /`warmup\.method` must be 'HEAD' or 'GET' or 'OPTIONS', got a string/],
    [{ path: 7 }, /`warmup\.path` must be a string, got 7/],
    [{ path: 'https://elsewhere.example/' }, /not on the client's origin/],
    [{ every: -1 }, /`warmup\.every` must be a number of milliseconds/],
    [{ timeout: 'soon' }, /`warmup\.timeout` must be a number of milliseconds/],
    [{ prompt: 'Hello' }, /`warmup\.prompt` must be an object, the body of a call, got a string/],
    [{ prompt: [] }, /`warmup\.prompt` must be an object, the body of a call, got an array/],
    [{ signal: 1 }, /`signal` must be an AbortSignal, got 1/],
    [[] as unknown as Record<string, unknown>, /the options of warmup\(\) must be an object, got an array/],
  ];
  for (const [options, words] of wrong) {
    await assert.rejects(client.warmup(options as WarmupOptions), (error: Error) => {
      assert.ok(error instanceof ConfigError, error.stack);
      assert.match(error.message, words);
      return true;
    });
  }
  await assert.rejects(createClient().warmup(), /the client has no `baseURL`/);
  const loose = createClient({ baseURL: simulator.url, proxy: false, pool: { keepAlive: false } });
  await assert.rejects(loose.warmup(), /`pool\.keepAlive` is false/);
  assert.equal(simulator.counters.connectionsTotal, 0);
});

test('it ends with its signal and with its client, and a closed client takes none', async (t) => {
  const { client, simulator } = await pair(t);
  simulator.always({ hang: 'headers' });
  const gone = new AbortController();
  const aborted = client.warmup({ connections: 2, signal: gone.signal }).catch((error) => error);
  await until(() => simulator.received.length === 2, 'both are asked');
  gone.abort(new Error('enough'));
  assert.ok((await aborted) instanceof AbortError);
  await until(() => client.stats().inFlight === 0, 'its places are given back');
  await assert.rejects(client.warmup({ signal: gone.signal }), AbortError);
  const closed = client.warmup().catch((error) => error);
  await until(() => simulator.received.length === 3, 'it is asked');
  await client.close();
  assert.ok((await closed) instanceof AbortError);
  await assert.rejects(client.warmup(), /the client is closed/);
});

test('clients that are extended share the pool, and what is warm in it', async (t) => {
  const { client, simulator } = await pair(t);
  const child = client.extend({ headers: { 'x-tenant': 'a' } });
  await client.warmup({ connections: 2 });
  assert.deepEqual(await crowd(child, 2), [null, null]);
  assert.ok((await child.warmup({ connections: 2 })).connections.every(({ reused }) => reused));
  assert.equal(simulator.counters.connectionsTotal, 2);
});

test('a process ends although its client is warm and keeps itself so, also where the server is silent', async (t) => {
  const simulator = await createSimulator();
  t.after(() => simulator.close());
  const entry = createRequire(import.meta.url).resolve('trae-native');
  const script = `const client = require(${JSON.stringify(entry)}).createClient({ baseURL: '${simulator.url}', proxy: false });
    client.warmup({ connections: 2, every: 5 }).then(({ connections }) => {
      console.log(connections.length);
      setTimeout(() => {}, 50);
    });`;
  simulator.reply([{}, {}]).always({ hang: 'headers' });
  const child = spawn(process.execPath, ['-e', script]);
  let out = '';
  child.stdout.on('data', (chunk) => (out += chunk));
  child.stderr.on('data', (chunk) => (out += chunk));
  const timer = setTimeout(() => child.kill('SIGKILL'), 15_000);
  const code = await new Promise((resolve) => child.on('close', resolve));
  clearTimeout(timer);
  assert.deepEqual([code, out], [0, '2\n']);
  assert.ok(simulator.received.length > 2, 'it was asking when the process ended');
});
