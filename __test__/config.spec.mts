// Options: every wrong one is answered at once, by name, and every default is what the page says.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { type ClientConfig, ConfigError, createClient } from 'trae-native';
import { contract } from './helpers/pages.mts';
import { pair } from './helpers/simulator.mts';

/** Options, the one that is wrong as the user writes it, and the rest of what is said. */
const WRONG: [unknown, string, RegExp][] = [
  [{ timout: 5 }, 'timout', /unknown option .* did you mean `timeout`\?/],
  [{ timeout: { fristByte: 5 } }, 'timeout.fristByte', /unknown option .* did you mean `timeout\.firstByte`\?/],
  [{ pool: { maxSocket: 1 } }, 'pool.maxSocket', /did you mean `pool\.maxSockets`\?/],
  [{ pool: { xyz: 1 } }, 'pool.xyz', /known names are `keepAlive`, `maxSockets`/],
  [{ pool: { maxSockets: 0 } }, 'pool.maxSockets', / must be a whole number of at least 1, got 0/],
  [{ pool: { maxSockets: 1.5 } }, 'pool.maxSockets', / must be a whole number .* got 1\.5/],
  [{ pool: { maxSockets: '10' } }, 'pool.maxSockets', / must be .* got a string/],
  [{ pool: { maxStreams: 0 } }, 'pool.maxStreams', / must be a whole number of at least 1, got 0/],
  [{ pool: { keepAlive: 'yes' } }, 'pool.keepAlive', / must be true or false, got a string/],
  [{ pool: { queueTimeout: -5 } }, 'pool.queueTimeout', / must be a number of milliseconds \(0 for no limit\), got -5/],
  [{ pool: 5 }, 'pool', / must be an object, got 5/],
  [{ timeout: -1 }, 'timeout', / must be a number of milliseconds or .* got -1/],
  [{ timeout: Number.NaN }, 'timeout', / must be .* got NaN/],
  [{ timeout: '5s' }, 'timeout', / must be .* got a string/],
  [{ timeout: () => 5 }, 'timeout', / must be .* got a function/],
  [{ timeout: new Map() }, 'timeout', / can't be an instance of Map/],
  [{ timeout: Symbol('soon') }, 'timeout', / can't be a symbol/],
  [{ timeout: { idle: 'long' } }, 'timeout.idle', / must be a number of milliseconds/],
  [{ baseURL: 'api.anthropic.com' }, 'baseURL', / is not an absolute URL/],
  [{ baseURL: 'ftp://x' }, 'baseURL', /http:\/\/ or https:\/\//],
  [{ baseURL: 'http://user:pass@x' }, 'baseURL', / holds a user name or password: use `headers`/],
  [{ baseURL: 5 }, 'baseURL', / must be a string, got 5/],
  [{ headers: { 'bad name': '1' } }, 'headers', /is not a header name: character 4 is a space/],
  [{ headers: { good: 'a\nb' } }, "headers['good']", / has a character that may not be sent/],
  [{ headers: { good: { a: 1 } } }, "headers['good']", / must be a string.* got an object/],
  [{ headers: { 'transfer-encoding': 'chunked' } }, "headers['transfer-encoding']", / is written by the transport/],
  [{ headers: 'x: y' }, 'headers', / must be an object, a Map, .* got a string/],
  [{ headers: [1] }, 'headers', / number 1 of the list is no such pair/],
  [{ http2: 'yes' }, 'http2', / must be 'auto' or 'off' or 'only', got a string/],
  [{ redirect: 'maybe' }, 'redirect', / must be/],
  [{ proxy: 'gopher://x' }, 'proxy', / must begin with/],
  [{ proxy: 5 }, 'proxy', / must be/],
  [{ proxy: {} }, 'proxy.url', / is missing/],
  [{ proxy: { url: 'http://x', noProxy: 5 } }, 'proxy.noProxy', / must be a string or a list of strings/],
  [{ tls: { ca: 'no pem' } }, 'tls.ca', / holds no certificate/],
  [{ tls: { cert: 'x' } }, 'tls.cert', / needs `tls\.key`/],
  [{ tls: { minVersion: 'SSLv3' } }, 'tls.minVersion', / must be 'TLSv1\.2' or 'TLSv1\.3'/],
  [{ validateStatus: 200 }, 'validateStatus', / must be a function, got 200/],
  [{ transformRequest: 'x' }, 'transformRequest', / must be a function, got a string/],
  [{ transformResponse: [] }, 'transformResponse', / must be a function, got an array/],
  [{ signal: {} }, 'signal', / must be an AbortSignal, got an object/],
  [{ httpAgent: {} }, 'httpAgent', / must be an agent of node:http or node:https, got an object/],
  [{ httpsAgent: true }, 'httpsAgent', / must be an agent/],
  [{ responseType: 'xml' }, 'responseType', / must be/],
  [{ maxResponseBytes: 'big' }, 'maxResponseBytes', / must be/],
  [{ params: 5 }, 'params', / must be an object, a string or URLSearchParams, got 5/],
  [{ params: new Map() }, 'params', / can't be an instance of Map/],
  [{ store: 5 }, 'store', / must be an URL or \{ url, .* got 5/],
  [{ store: 'http://x' }, 'store.url', / must begin with redis:\/\//],
  [{ store: {} }, 'store.url', / is missing/],
  [{ store: { url: 'redis://x', prefx: '' } }, 'store.prefx', /did you mean `store\.prefix`\?/],
  [{ store: { url: 'redis://x', timeout: 0 } }, 'store.timeout', / must be more than 0 ms/],
  [{ store: { url: 'redis://x', tls: { ca: 'x' } } }, 'store.tls', / is for `store\.url` that begin with rediss/],
  [{ store: { url: 'rediss://x', tls: { ca: 'x' } } }, 'store.tls.ca', / holds no certificates/],
  [{ store: { url: 'rediss://x', tls: { cert: 'x' } } }, 'store.tls.cert', / needs `store\.tls\.key`/],
  [{ store: { url: 'redis://x', sentinel: {} } }, 'store.sentinel.name', / is missing/],
  [{ store: { url: 'redis://x', sentinel: 'm', cluster: true } }, 'store.sentinel', / exclude each other/],
  [{ store: 'rediss://x#insecure' }, 'store.url', / holds a query or a fragment/],
  [{ sessions: { maxByte: 1 } }, 'sessions.maxByte', /did you mean `sessions\.maxBytes`\?/],
  [{ sessions: { maxSessions: 0 } }, 'sessions.maxSessions', / must be a whole number of at least 1, got 0/],
  [{ allowAbsoluteUrls: 1 }, 'allowAbsoluteUrls', / must be true or false, got 1/],
];

const isWrong = (option: string, expected: RegExp) => (error: ConfigError) => {
  assert.ok(error instanceof ConfigError, `${error}`);
  assert.equal(error.code, 'CONFIG');
  assert.equal(error.phase, 'prepare');
  assert.match(error.message, expected);
  assert.ok(error.message.includes(`\`${option}\``), error.message);
  // Of several options in one message none is named in another style.
  const rest = error.message.replace(/`[^`]*`/g, '');
  assert.doesNotMatch(
    rest,
    /\b(baseURL|headers?\[|pool\.|timeout\.|tls\.|proxy\.|max[A-Z]|[a-z]+Agent|transform[A-Z])/,
  );
  return true;
};

for (const [options, option, expected] of WRONG) {
  test(`createClient(${inspect(options, { breakLength: Infinity })}) throws a ConfigError that names ${option}`, () => {
    const wrong = isWrong(option, expected);
    assert.throws(() => createClient(options as ClientConfig), wrong);
    assert.throws(() => createClient().extend(options as ClientConfig), wrong);
  });
}

test('what is no set of options at all is refused, not taken for one without any', async () => {
  const client = createClient({ baseURL: 'http://127.0.0.1:1' });
  for (const options of [null, 5, 'json', [], new Map(), () => {}] as never[]) {
    const isOurs = (error: ConfigError) => error instanceof ConfigError && /must be an object, got/.test(error.message);
    assert.throws(() => createClient(options), isOurs);
    assert.throws(() => client.extend(options), isOurs);
    if (options !== null) await assert.rejects(client.get('/x', options), isOurs);
  }
  const loop: Record<string, unknown> = {};
  loop['loop'] = loop;
  assert.throws(() => createClient({ params: loop }), /can't be written as JSON/);
  await assert.rejects(client.get('/x', { params: loop }), ConfigError);
});

test('an argument that cannot be sent rejects with a ConfigError and sends nothing', async () => {
  const client = createClient({ baseURL: 'http://127.0.0.1:1' });
  const loop: Record<string, unknown> = {};
  loop['self'] = loop;
  const cases: [() => Promise<unknown>, RegExp][] = [
    [() => client.post('/x', loop), /can't be written as JSON/],
    [() => client.post('/x', () => 1), /can't be written as JSON/],
    [() => client.post('/x', Promise.resolve({})), /the request body can't be an instance of Promise/],
    [() => client.post('/x', new Map()), /the request body can't be an instance of Map/],
    [() => client.post('/x', {}, { transformRequest: async () => ({}) }), /can't be an instance of Promise/],
    [() => client.get(5 as never), /the URL must be a string, got 5/],
    [() => client.get('/x', 'json' as never), /config must be an object, got a string/],
    [() => client.get('/x', { signal: {} as never }), /`signal` must be an AbortSignal/],
    [() => client.get('/x', { signal: { addEventListener() {} } as never }), /`signal` must be an AbortSignal/],
    [() => client.get('/x', { timeout: 'slow' as never }), /`timeout` must be/],
    [() => client.get('/x', { timeout: { conect: 1 } as never }), /did you mean `timeout\.connect`\?/],
    [() => client.get('/x', { responseType: 'xml' as never }), /`responseType` must be/],
    [() => client.get('/x', { headers: { 'x\r\ny': '1' } }), /is not a header name/],
    [() => client.get('/x', { headers: { x: 'a\r\nb: c' } }), /`headers\['x'\]` has a character/],
    [() => client.get('https://elsewhere.example/x'), /set `allowAbsoluteUrls`/],
    [() => client.get('//elsewhere.example/x'), /set `allowAbsoluteUrls`/],
    [() => client.get('/x', { validateStatus: 200 as never }), /`validateStatus` must be a function, got 200/],
    [
      () => client.get('/x', { transformResponse: {} as never }),
      /`transformResponse` must be a function, got an object/,
    ],
    [
      () => client.post('/x', {}, { transformRequest: 'x' as never }),
      /`transformRequest` must be a function, got a str/,
    ],
    [() => client.stream('/x', {}, { responseType: 'json' }), /`responseType` of a stream must be 'events' or/],
    [() => client.request({ url: '/x', method: 5 as never }), /`method` must be a string, got 5/],
    [() => client.request(null as never), /takes an object with `url`/],
    [() => client.request({ url: '/x', method: 'GE T' }), /HTTP method/],
    [() => createClient().get('/relative'), /has no `baseURL`/],
    [() => createClient().get('file:///etc/passwd'), /only http/],
  ];
  for (const [call, expected] of cases) {
    await assert.rejects(call, (error: ConfigError) => {
      assert.ok(error instanceof ConfigError, `${expected}: ${error}`);
      assert.match(error.message, expected);
      return true;
    });
  }
});

/** The tables of the rooms' pages: a row has an option and its default, or a dash where there is none. */
function documentedByRooms(): Map<string, string> {
  const folder = new URL('../docs/', import.meta.url);
  const pages = readdirSync(new URL('middlewares/', folder)).map((file) => `middlewares/${file}`);
  const defaults = new Map<string, string>();
  for (const file of [...pages, 'store.md']) {
    const page = readFileSync(new URL(file, folder), 'utf8');
    const room = file === 'store.md' ? 'store' : /^# (\w+)\(/.exec(page)?.[1];
    for (const [, option, value] of page.matchAll(/^\| `([\w.]+)` \| ([^|]+) \|/gm)) {
      if (value !== '–') defaults.set(`${room}.${option}`, (value as string).replaceAll(', ', ','));
    }
  }
  return defaults;
}

test('every default on the public page and on those of the middlewares is the default of the engine', () => {
  const engineOf = createRequire(import.meta.url)('../dist/bundle.js').native().engine as { optionDefaults(): string };
  const engine = JSON.parse(engineOf.optionDefaults()) as Record<string, unknown>;
  const page = contract();
  const documented = documentedByRooms();
  const prefixes: Record<string, string> = {
    Timeouts: 'timeout.',
    Pool: 'pool.',
    RequestConfig: '',
    ClientConfig: '',
    CacheOptions: 'cache.',
    CircuitBreakerOptions: 'circuitBreaker.',
    FallbackOptions: 'fallback.',
    HedgeOptions: 'hedge.',
    HedgeBudget: 'hedge.budget.',
    FallbackPrimary: 'fallback.primary.',
    FallbackTarget: 'fallback.targets.',
    KeyPoolOptions: 'keyPool.',
    PoolKey: 'keyPool.keys.',
    RetryOptions: 'retry.',
    RetryBudget: 'retry.budget.',
    WarmupOptions: 'warmup.',
    MetricsOptions: 'metrics.',
    SessionOptions: 'session.',
    SessionsOptions: 'sessions.',
    AdaptiveConcurrency: 'concurrency.adaptive.',
  };
  for (const [, name, body] of page.matchAll(/export interface (\w+) \{\n([\s\S]*?)\n\}/g)) {
    const prefix = prefixes[name as string];
    if (prefix === undefined) continue;
    for (const [, value, option] of (body as string).matchAll(/@default ([^\s*]+)\s*\*\/\s*(\w+)\?:/g)) {
      documented.set(prefix + option, (value as string).replaceAll("'", ''));
    }
  }
  const expected = Object.entries(engine).map(([name, value]) => [name, String(value)]);
  assert.deepEqual(Object.fromEntries([...documented].sort()), Object.fromEntries(expected.sort()));
});

test('agents of node:http, node:https and their like are taken, and their options become the pool', async (t) => {
  const http = await import('node:http');
  const https = await import('node:https');
  const agents: object[] = [
    new http.Agent({ keepAlive: true, maxSockets: 1, timeout: 60_000 }),
    new https.Agent({ keepAlive: true, maxSockets: 1 }),
    { maxSockets: 1 },
    { options: { maxSockets: 1 } },
  ];
  for (const httpAgent of agents as InstanceType<typeof http.Agent>[]) {
    const { client, simulator } = await pair(t, { httpAgent });
    assert.equal(client.config.httpAgent, httpAgent);
    const calls = [1, 2, 3].map(() => client.get('/v1/models'));
    await Promise.all(calls);
    assert.equal(simulator.counters.connectionsTotal, 1);
  }
});

test('the options that a call was made with, those of its client included, may be used for another', async (t) => {
  const { client } = await pair(t, { pool: { maxSockets: 2 } }, { tls: true });
  const looking = client.extend().before((req) => void req.config);
  for (const one of [client, looking]) {
    const { config } = await one.get('/v1/models');
    assert.equal((await one.get('/v1/models', config)).status, 200);
    const other = { ...config, tls: { ca: 'another' } } as object;
    await assert.rejects(one.get('/v1/models', other), /`tls` is an option of a client, not of a call/);
  }
});

test('parameters of a client may be URLSearchParams', async (t) => {
  const { client, simulator } = await pair(t, { params: new URLSearchParams({ beta: 'true' }) });
  await client.get('/v1/models');
  assert.equal(simulator.received[0]?.path, '/v1/models?beta=true');
});
