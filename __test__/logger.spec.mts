// logger() and redact(): what is said of a call, to whom, and what is never shown.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { hostname } from 'node:os';
import { test } from 'node:test';
import { inspect } from 'node:util';
import {
  BadRequestError,
  ConfigError,
  createClient,
  type LogLine,
  logger,
  type Next,
  redact,
  retry,
  type TraeRequest,
} from 'trae-native';
import { answering, collect, counters, message, pair, until } from './helpers/simulator.mts';

const KEY = 'sk-ant-logged-0123456789';

/** Lines as they come, and a way to wait for so many. */
function lines() {
  const all: LogLine[] = [];
  return {
    all,
    sink: (line: LogLine) => void all.push(line),
    come: (count: number) => until(() => all.length >= count, `${count} lines`),
  };
}

test('a call is a line when it goes out and one when it is answered', async (t) => {
  const { client, simulator } = await pair(t);
  const { all, sink, come } = lines();
  client.use(logger({ sink }));
  const before = Date.now();
  const res = await client.post('/v1/messages?beta=true', message(), { headers: { 'x-api-key': KEY } });
  await come(2);
  const [out, back] = all as [LogLine, LogLine];
  const url = `${simulator.url}/v1/messages?beta=true`;
  assert.deepEqual(
    { ...out, time: 0, req: { ...out.req, id: 0 } },
    {
      level: 30,
      time: 0,
      pid: process.pid,
      hostname: hostname(),
      req: { id: 0, method: 'POST', url, attempt: 1 },
      msg: `POST ${url}`,
    },
  );
  assert.ok(out.time >= before - 1 && out.time <= Date.now());
  assert.equal(back.req.id, out.req.id);
  assert.deepEqual(back.res, { statusCode: 200 });
  assert.equal(back.msg, `POST ${url} 200`);
  assert.equal(back.attempts, 1);
  assert.equal(back.requestId, res.requestId);
  assert.ok((back.responseTime as number) > 0 && (back.firstByteMs as number) > 0);
  assert.deepEqual(back.usage, res.data.usage);
  assert.ok(!JSON.stringify(all).includes(KEY));
});

test('a stream is one line at its end, with its events, its first one and its tokens', async (t) => {
  const { client } = await pair(t);
  const { all, sink, come } = lines();
  client.use(logger({ sink, levels: { request: 'debug' } }));
  const events = await collect(await client.stream('/v1/messages', { ...message(), stream: true }));
  await come(1);
  const [line] = all as [LogLine];
  assert.equal(line.events, events.length);
  assert.ok((line.firstEventMs as number) > 0 && (line.firstEventMs as number) <= (line.responseTime as number));
  assert.ok((line.usage?.output_tokens as number) > 0);
  assert.equal(line.left, undefined);
});

test('a stream that its reader leaves says so, and one that breaks is an error', async (t) => {
  const { client } = await pair(t);
  const { all, sink, come } = lines();
  client.use(logger({ sink, levels: { request: 'debug' } }));
  const stream = await client.stream(
    '/v1/messages',
    { ...message(), stream: true },
    answering({ text: 'many words '.repeat(200), paceMs: 1 }),
  );
  for await (const _event of stream) break;
  await come(1);
  assert.equal(all[0]?.left, true);
  const cut = await client.stream('/v1/messages', { ...message(), stream: true }, answering({ cutAfterEvents: 3 }));
  const broken = await collect(cut).then(
    () => assert.fail('it came to its end'),
    (error: { code: string }) => error,
  );
  await come(2);
  assert.equal(all[1]?.level, 50);
  assert.equal(all[1]?.res?.statusCode, 200);
  assert.equal(all[1]?.err?.code, broken.code);
});

test('a failure is a line with its code, what the API called it, and when to come back', async (t) => {
  const { client } = await pair(t);
  const { all, sink, come } = lines();
  client.use(logger({ sink, level: 'error' }));
  const reply = answering({ status: 429, headers: { 'retry-after': '7' } });
  await assert.rejects(client.post('/v1/messages', message(), reply));
  await come(1);
  const [line] = all as [LogLine];
  assert.equal(line.level, 50);
  assert.match(line.msg, /^POST .* 429 RATE_LIMIT$/);
  const { message: words, ...facts } = line.err as NonNullable<LogLine['err']>;
  assert.match(words, /429/);
  assert.deepEqual(facts, {
    type: 'rate_limit_error',
    code: 'RATE_LIMIT',
    phase: 'firstByte',
    status: 429,
    retryable: true,
    retryAfterMs: 7000,
  });
  assert.match(line.requestId as string, /^req_/);
});

test('an abort, a time limit and what a middleware throws are lines too', async (t) => {
  const { client } = await pair(t);
  const { all, sink, come } = lines();
  client.use(logger({ sink, level: 'error' }));
  const hangs = answering({ delayMs: 60_000 });
  await assert.rejects(client.post('/v1/messages', message(), { ...hangs, signal: AbortSignal.timeout(20) }));
  await come(1);
  await assert.rejects(client.post('/v1/messages', message(), { ...hangs, timeout: 20 }));
  await come(2);
  client.use(async (_req: TraeRequest, _next: Next) => {
    throw new RangeError(`not with ${KEY}`);
  });
  await assert.rejects(client.post('/v1/messages', message()));
  await come(3);
  assert.deepEqual(
    all.map((line) => line.err?.code),
    ['ABORTED', 'TIMEOUT', 'MIDDLEWARE'],
  );
  assert.equal(all[2]?.err?.message, 'a JavaScript middleware threw: not with [redacted]');
});

test('above retry() a line is of the call with its attempts, below it of each attempt', async (t) => {
  const { client, simulator } = await pair(t);
  const above = lines();
  const below = lines();
  client.use(logger({ sink: above.sink })).use(retry({ base: 1 }));
  client.use(logger({ sink: below.sink, base: { at: 'attempt' } }));
  simulator.reply([{ status: 529 }, {}]);
  await client.post('/v1/messages', message());
  await above.come(2);
  await below.come(4);
  assert.equal(above.all[1]?.attempts, 2);
  const told = below.all.map((line) => [line['at'], line.req.attempt, line.err?.code ?? line.res?.statusCode]);
  assert.deepEqual(told, [
    ['attempt', 1, undefined],
    ['attempt', 1, 'OVERLOADED'],
    ['attempt', 2, undefined],
    ['attempt', 2, 200],
  ]);
});

test('lines come with the wake-ups: a thousand of them take no more crossings than their calls', async (t) => {
  const { client } = await pair(t);
  const run = async () => {
    const [before] = counters();
    await Promise.all(Array.from({ length: 64 }, () => client.post('/v1/messages', message())));
    return counters()[0] - before;
  };
  await run();
  const without = await run();
  const { all, sink, come } = lines();
  client.use(logger({ sink }));
  const withLines = await run();
  await come(128);
  assert.equal(all.length, 128);
  assert.ok(withLines < without + 128, `${withLines} wake-ups, ${without} without lines`);
});

test('headers and bodies are shown when asked for, and no credential in them', async (t) => {
  const { client } = await pair(t, { headers: { cookie: 'sid=abc', 'x-tenant': 'acme' } });
  const { all, sink, come } = lines();
  client.use(logger({ sink, headers: true, bodies: true }));
  client.use(
    redact({
      headers: ['X-Tenant'],
      paths: ['messages[*].content', 'metadata.user_id'],
      patterns: [/\bacct_\w+/, 'ghp_'],
    }),
  );
  const body = {
    ...message('secret prompt'),
    metadata: { user_id: 'joe' },
    system: 'acct_12 has ghp_34',
    api_key: 'abc',
  };
  await client.post('/v1/messages', body, { headers: { 'x-api-key': KEY, 'x-note': 'for acct_12' } });
  await come(2);
  const [{ req }, { res }] = all as [LogLine, LogLine];
  assert.equal(req.headers?.['x-api-key'], '[redacted]');
  assert.equal(req.headers?.['cookie'], '[redacted]');
  assert.equal(req.headers?.['x-tenant'], '[redacted]');
  assert.equal(req.headers?.['x-note'], 'for [redacted]');
  assert.equal(req.headers?.['content-type'], 'application/json');
  assert.deepEqual(req.body, {
    ...message('[redacted]'),
    metadata: { user_id: '[redacted]' },
    system: '[redacted] has [redacted]',
    api_key: '[redacted]',
  });
  assert.match(res?.headers?.['content-type'] as string, /json/);
  assert.equal((res as { body: { role: string } }).body.role, 'assistant');
});

test('a body that is longer than asked for is told by its size, and no body at all unless asked for', async (t) => {
  const { client } = await pair(t);
  const short = lines();
  const none = lines();
  client.use(logger({ sink: short.sink, bodies: 20 })).use(logger({ sink: none.sink, headers: true }));
  await client.post('/v1/messages', message('a prompt that is long'));
  await short.come(2);
  await none.come(2);
  assert.match(short.all[0]?.req.body as string, /^\[\d+ bytes\]$/);
  assert.match(short.all[1]?.res?.body as string, /^\[\d+ bytes\]$/);
  assert.ok(!JSON.stringify(none.all).includes('a prompt that is long'));
});

test('nothing that is redacted is sent otherwise', async (t) => {
  const { client, simulator } = await pair(t, { headers: { authorization: `Bearer ${KEY}` } });
  client.use(redact({ headers: ['x-tenant'], paths: ['messages'], patterns: ['acct_'], query: ['user'] }));
  client.use(logger({ sink: () => {}, bodies: true, headers: true }));
  const body = message('acct_12');
  await client.post('/v1/messages', body, { headers: { 'x-tenant': 'acme' }, params: { user: 'joe' } });
  const [received] = simulator.received;
  assert.equal(received?.header('authorization'), `Bearer ${KEY}`);
  assert.equal(received?.header('x-tenant'), 'acme');
  assert.equal(received?.path, '/v1/messages?user=joe');
  assert.deepEqual(received?.json(), body);
});

test('redact holds for errors and for what is printed, wherever it stands in the list', async (t) => {
  const { client, simulator } = await pair(t, { headers: { 'x-house': 'the white one' }, params: { street: 'elm' } });
  client.use(logger({ level: 'silent' }));
  client.use(redact({ headers: ['x-house'], query: ['street'], paths: ['error.who'], patterns: [/number \d+/] }));
  const error = { type: 'invalid_request_error', message: 'at number 12 there is nobody', who: 'joe' };
  simulator.always({ status: 400, body: { type: 'error', error }, headers: { 'x-house': 'the red one' } });
  const thrown = await client.post('/v1/messages', message()).then(
    () => assert.fail('it was answered'),
    (error: BadRequestError) => error,
  );
  assert.ok(thrown instanceof BadRequestError);
  assert.match(thrown.message, /at \[redacted\] there is nobody/);
  assert.equal((thrown.response as { data: { error: { who: string } } }).data.error.who, '[redacted]');
  assert.equal(thrown.response?.headers.get('x-house'), '[redacted]');
  for (const shown of [inspect(client), JSON.stringify(client), inspect(client.config)]) {
    assert.ok(!shown.includes('the white one') && !shown.includes('elm'), shown);
  }
  const judged = client.post('/v1/messages', message(), { validateStatus: (status) => status < 400 });
  await assert.rejects(judged, /at \[redacted\] there is nobody/);
});

test('a logger with levels of its own gets fields and a message at its level', async (t) => {
  const { client } = await pair(t);
  const told: unknown[] = [];
  const method = (level: string) => (fields: object, msg?: string) => void told.push([level, Object.keys(fields), msg]);
  client.use(logger({ sink: { info: method('info'), error: method('error') } }));
  await assert.rejects(client.post('/v1/messages', message(), answering({ status: 400 })));
  await until(() => told.length === 2, 'two lines');
  const [out, failed] = told as [[string, string[], string], [string, string[], string]];
  assert.deepEqual([out[0], out[1]], ['info', ['req']]);
  assert.deepEqual([failed[0], failed[1]], ['error', ['req', 'responseTime', 'attempts', 'requestId', 'err']]);
  assert.match(failed[2], /^POST .* 400 BAD_REQUEST$/);
});

test('without a sink lines go to standard error, also those of the last call before the end', async (t) => {
  const { simulator } = await pair(t);
  const program = `
    const { createClient, logger } = require('./dist/index.js');
    const client = createClient({ baseURL: '${simulator.url}', proxy: false });
    client.use(logger({ base: { name: 'demo' } }));
    Promise.all(Array.from({ length: 50 }, () => client.get('/v1/models'))).then(() => process.exit(0));`;
  const child = spawn(process.execPath, ['-e', program], { cwd: new URL('..', import.meta.url) });
  let text = '';
  child.stderr.on('data', (chunk) => (text += chunk));
  assert.equal(await new Promise((resolve) => child.on('close', resolve)), 0, text);
  const all = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.equal(all.length, 100);
  assert.ok(all.every((line) => line.name === 'demo' && !('pid' in line)));
});

test('the line of a call that was aborted last reaches its sink before the script ends', async (t) => {
  const { simulator } = await pair(t);
  const program = `
    const { createClient, logger } = require('./dist/index.js');
    const client = createClient({ baseURL: '${simulator.url}', proxy: false });
    client.use(logger({ sink: (line) => console.log(line.err ? line.err.code : 'out') }));
    const headers = { 'x-simulator': JSON.stringify({ delayMs: 5000 }) };
    client.get('/v1/models', { headers, signal: AbortSignal.timeout(30) }).catch(() => {});`;
  const child = spawn(process.execPath, ['-e', program], { cwd: new URL('..', import.meta.url) });
  let text = '';
  child.stdout.on('data', (chunk) => (text += chunk));
  assert.equal(await new Promise((resolve) => child.on('close', resolve)), 0);
  assert.equal(text, 'out\nABORTED\n');
});

test('what a sink throws is its own: the call is answered and the other lines come', async (t) => {
  const { simulator } = await pair(t);
  const program = `
    const { createClient, logger } = require('./dist/index.js');
    const client = createClient({ baseURL: '${simulator.url}', proxy: false });
    const seen = [];
    process.on('uncaughtException', (error) => seen.push(error.message));
    client.use(logger({ sink: (line) => { seen.push(line.msg.slice(0, 3)); throw new Error('full'); } }));
    client.get('/v1/models').then((res) => setTimeout(() => console.log(res.status, seen.join()), 50));`;
  const child = spawn(process.execPath, ['-e', program], { cwd: new URL('..', import.meta.url) });
  let text = '';
  child.stdout.on('data', (chunk) => (text += chunk));
  await new Promise((resolve) => child.on('close', resolve));
  const [status, seen] = text.trim().split(' ') as [string, string];
  assert.equal(status, '200');
  assert.deepEqual(seen.split(',').sort(), ['GET', 'GET', 'full', 'full']);
});

test('wrong options are refused at once, by name', () => {
  const cases: [() => unknown, RegExp][] = [
    [() => logger({ level: 'loud' as never }), /`logger.level` must be 'trace' or /],
    [() => logger({ levels: { answer: 'info' } as never }), /unknown option `logger.levels.answer`/],
    [() => logger({ sink: 7 as never }), /`logger.sink` must be 'stderr', a function, or a logger/],
    [() => logger({ sink: 'stdout' as never }), /`logger.sink`/],
    [() => logger({ bodies: -1 }), /`logger.bodies` must be true, false or a whole number of bytes/],
    [() => logger({ colour: true } as never), /unknown option `logger.colour`/],
    [() => redact({ headers: ['a b'] }), /redact.headers/],
    [() => redact({ paths: ['a..b'] }), /`redact.paths`: `a..b` is no path/],
    [() => redact({ patterns: [''] }), /`redact.patterns\[0\]` is empty/],
    [() => redact({ patterns: ['x', /(?<=a)b/] }), /`redact.patterns\[1\]` is no pattern here/],
    [() => redact({ patterns: [/x*/] }), /would stand everywhere/],
    [() => redact({ patterns: 7 as never }), /`redact.patterns\[0\]` must be a string or a regular expression/],
    [() => redact({ header: ['x'] } as never), /did you mean `redact.headers`/],
  ];
  for (const [make, expected] of cases)
    assert.throws(make, (error) => error instanceof ConfigError && expected.test(error.message), String(expected));
  const client = createClient({ proxy: false });
  assert.throws(() => client.use(redact(), { when: () => true }), /redact\(\) takes no `when`/);
});

test('a line goes to the nearest level below its own that a logger has, and to info where it has none', async (t) => {
  const { client } = await pair(t);
  const said: string[] = [];
  const words = (...names: string[]) => Object.fromEntries(names.map((name) => [name, () => void said.push(name)]));
  const cases: [object, string, string[]][] = [
    [words('info', 'warn', 'error'), 'debug', ['info', 'info']],
    [words('info', 'warn', 'error'), 'fatal', ['error', 'error']],
    [words('info', 'warn'), 'error', ['warn', 'warn']],
    [words('info', 'debug', 'error'), 'warn', ['info', 'info']],
    [words('info'), 'trace', ['info', 'info']],
    [words('trace', 'info'), 'debug', ['trace', 'trace']],
  ];
  for (const [sink, level, expected] of cases) {
    const levels = { request: level, response: level } as never;
    await client.extend({ logger: { sink: sink as never, level: 'trace', levels } }).post('/v1/messages', message());
    await until(() => said.length >= 2, 'two lines');
    assert.deepEqual(said.splice(0), expected, level);
  }
});
