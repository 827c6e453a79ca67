// The short form of middlewares in a client's options, and the preset for the Claude API.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { ConfigError, claude, createClient, idempotencyKey, type LogLine } from 'trae-native';
import { createSimulator } from 'trae-native/simulator';
import { CLAUDE_OPTIONS, CLIENT_OPTIONS } from '../js/names.js';
import { message, pair, until } from './helpers/simulator.mts';

const names = (client: { inspect(): string }): string[] =>
  client
    .inspect()
    .split('\n')
    .map((line) => line.replace(/^\d+\. /, '').replace(/ \(.*/, ''));

const ORDER =
  'redact logger metrics cache idempotencyKey fallback retry hedge circuitBreaker rateLimit concurrency keyPool auth jwt'.split(
    ' ',
  );

test('short forms are installed in one order, whatever order they are written in', () => {
  const client = createClient({
    jwt: { algorithm: 'HS256', key: 'k'.repeat(32) },
    keyPool: { keys: [{ apiKey: 'key-4567' }] },
    concurrency: 8,
    rateLimit: { requests: 600 },
    circuitBreaker: true,
    hedge: { delay: 100 },
    retry: 3,
    fallback: { targets: [{ baseURL: 'http://127.0.0.1:1' }] },
    cache: true,
    metrics: true,
    idempotencyKey: {},
    redact: {},
    logger: { level: 'silent' },
    auth: { value: 'key-0123', header: 'x-odd' },
  });
  assert.deepEqual(names(client), [...ORDER, 'transport']);
  assert.ok(!('retry' in client.config) && !('auth' in client.config));
  assert.deepEqual(names(createClient({ retry: false, logger: false, auth: undefined })), ['transport']);
});

test('what use() adds stands further in than the short forms, and they can be ejected by name', async (t) => {
  const { client, simulator } = await pair(t, { retry: { base: 1, maxRetries: 2 }, auth: { value: 'key-0123' } });
  const attempts: number[] = [];
  client.before((req) => void attempts.push(req.attempt));
  simulator.reply([{ status: 529 }, {}]);
  await client.post('/v1/messages', message());
  assert.deepEqual(attempts, [1, 2]);
  assert.equal(simulator.received[0]?.header('x-api-key'), 'key-0123');
  assert.equal(client.eject('retry'), true);
  assert.deepEqual(names(client), ['auth', 'before', 'transport']);
});

test('in an extended client a short form takes the place of the one that there is, or takes it out', () => {
  const parent = createClient({ logger: { level: 'silent' }, retry: true }).before(() => {});
  assert.deepEqual(names(parent), ['logger', 'retry', 'before', 'transport']);
  assert.deepEqual(names(parent.extend({ retry: 1, metrics: true })), [
    'logger',
    'metrics',
    'retry',
    'before',
    'transport',
  ]);
  assert.deepEqual(names(parent.extend({ retry: false })), ['logger', 'before', 'transport']);
  assert.deepEqual(names(parent.extend({ redact: {} })), ['redact', 'logger', 'retry', 'before', 'transport']);
  assert.deepEqual(names(parent.extend({ auth: { value: 'k' } })), ['logger', 'retry', 'auth', 'before', 'transport']);
  assert.deepEqual(names(parent), ['logger', 'retry', 'before', 'transport']);
});

test('a call of a client with short forms may have retries of its own, also with the options that a middleware saw', async (t) => {
  const { client, simulator } = await pair(t, { retry: { base: 1, budget: false, shouldRetry: () => true } });
  client.before((req) => {
    req.config['seen'] = true;
  });
  simulator.always({ status: 500 });
  await assert.rejects(client.post('/v1/messages', message(), { retry: false }));
  assert.equal(simulator.received.length, 1);
  await assert.rejects(client.post('/v1/messages', message(), { retry: { maxRetries: 3 } }));
  assert.equal(simulator.received.length, 5);
});

test('wrong short forms are refused when the client is made, and late ones by the next call', async () => {
  const cases: [object, RegExp][] = [
    [{ retry: 'often' }, /`retry` must be an object or a number of retries, got a string/],
    [{ retry: { maxRetrys: 1 } }, /did you mean `retry.maxRetries`/],
    [{ metrics: idempotencyKey }, /`metrics` must be options of metrics\(\), got a function/],
    [{ auth: {} }, /`auth` needs `auth.value`/],
    [{ auth: true }, /`auth` needs `auth.value`/],
    [{ auth: { username: 'u', password: 'p' } }, /unknown option `auth.username`/],
    [{ retri: {} }, /unknown option `retri`: did you mean `retry`\?/],
    [{ retyr: 3 }, /unknown option `retyr`: did you mean `retry`\?/],
    [{ loger: true }, /unknown option `loger`: did you mean `logger`\?/],
    [{ retries: 1 }, /unknown option `retries`: did you mean `retry`\?/],
    [{ apiKey: 'k' }, /unknown option `apiKey`: .* of claude\(\): here it is `auth: \{ value \}`$/],
    [{ auth_token: 'k' }, /`authToken` is an option of claude\(\): here it is `auth: \{ value, scheme/],
    [{ nothingLikeIt: 'k' }, /known names are `baseURL`.*`httpsAgent`, `transport`, `redact`/],
  ];
  for (const [options, expected] of cases)
    for (const make of [createClient, (given: object) => createClient().extend(given)])
      assert.throws(
        () => make(options),
        (error) => error instanceof ConfigError && expected.test(error.message),
      );
  const client = createClient({ proxy: false });
  (client.config as Record<string, unknown>)['retry'] = 3;
  await assert.rejects(client.get('http://127.0.0.1:1/'), /`retry` is set when a client is made: use extend/);
});

test('the names that are known before the engine is asked are those that it knows', async () => {
  const client = createClient({ proxy: false });
  (client.config as Record<string, unknown>)['qqqqqq'] = 3;
  const list = (error: unknown): string => /known names are (.*)$/.exec((error as Error).message)?.[1] ?? '';
  const engine = await client.get('http://127.0.0.1:1/').then(String, list);
  const ours = await (async () => createClient({ qqqqqq: 3 } as object))().then(String, list);
  assert.equal(ours, `${engine}, ${ORDER.map((name) => `\`${name}\``).join(', ')}`);
});

test('the stack of a wrong option begins where its client was made', () => {
  const client = createClient();
  for (const make of [createClient, claude, client.extend, client.create])
    assert.throws(
      () => make({ retry: { retries: 3 } } as object),
      (error: Error) =>
        /short\.spec\.mts/.test(error.stack?.split('\n').find((line) => / at (?!.*dist)/.test(line)) ?? ''),
    );
  assert.throws(
    () => createClient({ retry: { retries: 3 } } as object),
    (error: Error) => /short\.spec\.mts/.test(error.stack?.split('\n')[1] ?? ''),
  );
});

/** Runs with these variables of the environment alone. */
async function withEnvironment(variables: Record<string, string>, run: () => unknown): Promise<void> {
  const kept = { ...process.env };
  for (const name of Object.keys(process.env)) if (/^(ANTHROPIC|CLAUDE)_/.test(name)) delete process.env[name];
  Object.assign(process.env, variables);
  try {
    await run();
  } finally {
    for (const name of Object.keys(variables)) delete process.env[name];
    Object.assign(process.env, kept);
  }
}

test('claude() takes key and base from the options or the environment, and says which version it speaks', async (t) => {
  const simulator = await createSimulator({ requireKey: true });
  t.after(() => simulator.close());
  const ask = async (options: object) => {
    const client = claude({ proxy: false, logger: false, ...options });
    await client.post('/messages', message());
    await client.close();
    const received = simulator.received.at(-1);
    const [path, key, bearer] = [received?.path, received?.header('x-api-key'), received?.header('authorization')];
    return [path, key ?? bearer, received?.header('anthropic-version'), received?.header('anthropic-beta')];
  };
  const { url } = simulator;
  const plain = ['/v1/messages', 'key-of-env', '2023-06-01', undefined];
  await withEnvironment({ ANTHROPIC_API_KEY: 'key-of-env', ANTHROPIC_BASE_URL: url }, async () => {
    assert.deepEqual(await ask({}), plain);
    assert.deepEqual(await ask({ apiKey: 'key-given' }), plain.with(1, 'key-given'));
    assert.deepEqual(await ask({ apiKey: async () => 'key-provided' }), plain.with(1, 'key-provided'));
    assert.deepEqual(await ask({ authToken: 'token' }), plain.with(1, 'Bearer token'));
    assert.deepEqual(await ask({ auth: { value: 'own-auth' } }), plain.with(1, 'own-auth'));
    assert.deepEqual(await ask({ version: '2030-01-01' }), plain.with(2, '2030-01-01'));
    assert.deepEqual(await ask({ betas: ['a-1', 'b-2'] }), plain.with(3, 'a-1,b-2'));
  });
  await withEnvironment({ CLAUDE_API_KEY: 'key-of-env', CLAUDE_BASE_URL: `${url}/v1/` }, async () => {
    assert.deepEqual(await ask({}), plain);
  });
  await withEnvironment({ ANTHROPIC_AUTH_TOKEN: 'token-of-env', ANTHROPIC_BASE_URL: `${url}/` }, async () => {
    assert.deepEqual(await ask({}), plain.with(1, 'Bearer token-of-env'));
  });
  await withEnvironment({}, () => {
    assert.throws(() => claude(), /needs a key: set ANTHROPIC_API_KEY/);
    assert.throws(() => claude({ apiKey: 'a', authToken: 'b' }), /both given/);
  });
});

test('claude() refuses what would be left unsaid, and names its own option', async () => {
  const cases: [object, RegExp][] = [
    [{ apikey: 'k' }, /unknown option `apikey`: did you mean `apiKey`\?/],
    [{ beta: ['x'] }, /unknown option `beta`: did you mean `betas`\?/],
    [{ apiKey: '' }, /`apiKey` must be a string or a function, got an empty string/],
    [{ authToken: 5 }, /`authToken` must be a string or a function, got 5/],
    [{ apiKey: 'k', auth: { value: 'v' } }, /`apiKey` and `auth` are both given/],
    [{ authToken: 'k', jwt: {} }, /`authToken` and `jwt` are both given/],
    [{ apiKey: 'k', version: 5 }, /`version` must be a date as '2023-06-01', got 5/],
    [{ apiKey: 'k', betas: 5 }, /`betas` must be a list of names, got 5/],
    [{ apiKey: 'k', betas: ['a', ''] }, /`betas` must be a list of names, got an empty string/],
    [{ apiKey: 'k', headers: 5 }, /`headers` must be/],
  ];
  await withEnvironment({}, () => {
    for (const [options, expected] of cases)
      assert.throws(
        () => claude(options),
        (error) => error instanceof ConfigError && expected.test(error.message),
        String(expected),
      );
  });
});

test('claude() sends headers of every container, a key among them, and keeps the query of its base', async (t) => {
  const simulator = await createSimulator({ requireKey: true });
  t.after(() => simulator.close());
  const ask = async (options: object) => {
    const client = claude({ baseURL: simulator.url, proxy: false, logger: false, retry: false, ...options });
    await client.post('/messages', message());
    await client.close();
    return simulator.received.at(-1);
  };
  const own: [string, string][] = [
    ['X-Api-Key', 'key-of-headers'],
    ['x-own', '1'],
  ];
  await withEnvironment({ ANTHROPIC_AUTH_TOKEN: 'token-of-env' }, async () => {
    for (const headers of [Object.fromEntries(own), new Map(own), own, new Headers(own)]) {
      const received = await ask({ headers, betas: [] });
      const names = ['x-api-key', 'x-own', 'anthropic-version', 'authorization', 'anthropic-beta'];
      const values = names.map((name) => received?.header(name));
      assert.deepEqual(values, ['key-of-headers', '1', '2023-06-01', undefined, undefined]);
    }
  });
  await withEnvironment({}, async () => {
    const bearer = await ask({ headers: { Authorization: 'Bearer own' }, betas: 'one' });
    assert.deepEqual([bearer?.header('authorization'), bearer?.header('anthropic-beta')], ['Bearer own', 'one']);
    for (const base of [
      `${simulator.url}/v1?beta=true`,
      `${simulator.url}?beta=true`,
      new URL('/v1/?beta=true', simulator.url),
    ])
      assert.match((await ask({ apiKey: 'k', baseURL: base }))?.path ?? '', /^\/v1\/messages/);
  });
});

test('claude() retries, logs failures without keys or prompts, and lets a stream last', async (t) => {
  const simulator = await createSimulator();
  t.after(() => simulator.close());
  const lines: LogLine[] = [];
  const client = claude({
    baseURL: simulator.url,
    apiKey: 'sk-ant-preset-0123456789',
    proxy: false,
    logger: { level: 'warn', sink: (line) => void lines.push(line) },
  });
  t.after(() => client.close());
  assert.deepEqual(names(client), ['logger', 'retry', 'auth', 'transport']);
  simulator.reply([{ status: 529, headers: { 'retry-after-ms': '1' } }, {}]);
  assert.equal((await client.post('/messages', message('a private prompt'))).attempts, 2);
  simulator.reply([
    { status: 400, body: { error: { type: 'invalid_request_error', message: 'sk-ant-preset-0123456789?' } } },
  ]);
  await assert.rejects(client.post('/messages', message('a private prompt')));
  await until(() => lines.length === 1, 'one line');
  assert.ok(!/sk-ant-preset|private prompt/.test(JSON.stringify(lines)));
});

test('an option that is undefined is as if it were not given, of a client and of a call', async (t) => {
  const simulator = await createSimulator();
  t.after(() => simulator.close());
  const none = (options: readonly string[]) => Object.fromEntries(options.map((name) => [name, undefined]));
  const ofClients = none([...CLIENT_OPTIONS, ...ORDER]);
  const ofCalls = none([
    ...['headers', 'params', 'timeout', 'signal', 'responseType', 'validateStatus', 'redirect', 'maxResponseBytes'],
    ...['maxEventBytes', 'pings', 'transformRequest', 'transformResponse', 'middlewares', 'skipValidation', 'cache'],
    ...['retry', 'priority'],
  ]);
  await withEnvironment({ ANTHROPIC_API_KEY: 'key-of-env', ANTHROPIC_BASE_URL: simulator.url }, async () => {
    const client = claude({ ...ofClients, ...none(CLAUDE_OPTIONS), proxy: false });
    t.after(() => client.close());
    assert.equal(client.inspect(), claude().inspect());
    const own = client.extend({ headers: { 'x-own': '1' }, params: { a: 'b' }, retry: 0, cache: true });
    const extended = own.extend(ofClients);
    assert.equal(extended.inspect(), own.inspect());
    await extended.post('/messages', message(), ofCalls);
    const { path, ...received } = simulator.received.at(-1) as (typeof simulator.received)[number];
    assert.equal(path, '/v1/messages?a=b');
    const header = (name: string) => received.headers.find(([given]) => given === name)?.[1];
    assert.deepEqual([header('x-api-key'), header('x-own')], ['key-of-env', '1']);
  });
});

test('claude() with its own logger writes a line to standard error for a failure and none for an answer', async (t) => {
  const simulator = await createSimulator();
  t.after(() => simulator.close());
  simulator.reply([{}, { status: 400 }]);
  const program = `
    const { claude } = require('./dist/index.js');
    const client = claude({ baseURL: '${simulator.url}', apiKey: 'key-0123', proxy: false });
    const ask = () => client.post('/messages', { model: 'm', max_tokens: 9, messages: [{ role: 'user', content: 'x' }] });
    ask().then(ask).catch(() => {});`;
  const child = spawn(process.execPath, ['-e', program], { cwd: new URL('..', import.meta.url) });
  let text = '';
  child.stderr.on('data', (chunk) => (text += chunk));
  await new Promise((resolve) => child.on('close', resolve));
  const all = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.equal(all.length, 1);
  assert.equal(all[0].err.code, 'BAD_REQUEST');
});
