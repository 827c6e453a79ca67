// What logs and errors show of what is written in unusual ways.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { inspect } from 'node:util';
import { auth, type LogLine, logger, redact, type TraeError } from 'trae-native';
import { answering, collect, message, pair, until } from './helpers/simulator.mts';

const KEY = 'QuiteSecretKey-0123456789';
const escaped = (text: string) => [...text].map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`).join('');
const deep = `${'['.repeat(130)}1${']'.repeat(130)}`;

/** The body of the request in each line that is one's. */
const sent = (lines: LogLine[]) => lines.filter((line) => !('responseTime' in line)).map((line) => line.req.body);

async function failure(call: Promise<unknown>): Promise<TraeError> {
  return await call.then(
    () => assert.fail('it was answered'),
    (error: TraeError) => error,
  );
}

const told = (error: TraeError) =>
  [error.message, inspect(error, { depth: 9 }), JSON.stringify(error), inspect(error.response, { depth: 9 })].join();

test('a body that is meant as JSON is shown by its names and places, or not at all', async (t) => {
  const { client } = await pair(t);
  const lines: LogLine[] = [];
  client.use(logger({ sink: (line) => void lines.push(line), bodies: true }));
  client.use(redact({ paths: ['prompt', 'turns.0.text'] }));
  const text = (body: string, type: string) => client.post('/v1/models', body, { headers: { 'content-type': type } });
  const hidden = '"api_key":"hidden","prompt":"hidden"';
  const R = '[redacted]';
  const bodies: [string, string, unknown][] = [
    [`{${hidden},"note":"\\ud83d"}`, 'application/json', { api_key: R, prompt: R, note: '\ufffd' }],
    [`\ufeff {${hidden}}`, 'text/plain', { api_key: R, prompt: R }],
    ['{"turns":[{"text":"hidden","secrets":{"a":["hidden"]}}]}', 'x/y', { turns: [{ text: R, secrets: R }] }],
    [
      `{${hidden}}\n{"password":["hidden"]}`,
      'application/x-ndjson',
      `{"api_key":"${R}","prompt":"${R}"}\n{"password":"${R}"}`,
    ],
    ['client_secret=hidden&grant_type=a%20b', 'application/x-www-form-urlencoded', `client_secret=${R}&grant_type=a b`],
    [`{${hidden},"n":1e999}`, 'application/json', "[48 bytes of JSON that can't be read]"],
    [`{${hidden},"deep":${deep}}`, 'text/plain', "[307 bytes of JSON that can't be read]"],
    [`{${hidden}`, 'application/json', "[37 bytes of JSON that can't be read]"],
    ['[info] all is well', 'text/plain', '[info] all is well'],
  ];
  for (const [body, type] of bodies) await text(body, type).catch(() => {});
  await until(() => sent(lines).length === bodies.length, 'all lines');
  const expected = bodies.map(([, , shown]) => shown);
  assert.deepEqual(sent(lines), expected);
  assert.ok(!JSON.stringify(lines).includes('hidden'));
});

test('a key in an error is found in every spelling of JSON, as a name too', async (t) => {
  const { client, simulator } = await pair(t, { headers: { 'x-api-key': KEY } });
  for (const body of [
    `{"error":{"message":"bad ${escaped(KEY)}"},"note":"\\ud83d"}`,
    `{"error":{"message":"bad ${escaped(KEY)}","${KEY}":1},"${escaped(KEY)}":2}`,
    `{"error":{"message":"bad ${escaped(KEY)}"},"n":1e999}`,
    `{"error":{"message":"bad ${escaped(KEY)}","deep":${deep}}}`,
    `{"error":{"message":"bad ${escaped(KEY)}"`,
    `{"error":"${KEY}","error":"no"}`,
    `{"error":"${escaped(KEY)}","error":"no"}`,
    `{"a":"${escaped(KEY)}"}\n{"b":"${escaped(KEY)}"}`,
  ]) {
    simulator.always({ status: 400, body, headers: { 'content-type': 'application/json' } });
    const error = await failure(client.get('/v1/models'));
    for (const spelling of [KEY, escaped(KEY), escaped(KEY).replaceAll('\\', '\\\\')])
      assert.ok(!told(error).includes(spelling), `${body}: ${told(error)}`);
  }
});

test('a key that an error of a stream repeats, as a name too, is told by neither the error nor its line', async (t) => {
  const { client } = await pair(t, { headers: { 'x-api-key': KEY } });
  const lines: LogLine[] = [];
  client.use(logger({ sink: (line) => void lines.push(line), level: 'error' }));
  const error = { type: `overloaded ${KEY}`, message: `no ${KEY}`, [KEY]: 1 };
  const data = JSON.stringify({ type: 'error', error });
  for (const text of [data, `not json ${KEY}`, `"${KEY} \\ud800"`]) {
    const reply = answering({ sse: `event: error\ndata: ${text}\n\n` });
    const stream = client.stream('/v1/messages', { ...message(), stream: true }, reply);
    const thrown = await failure(stream.then(collect));
    assert.equal(thrown.phase, 'body', told(thrown));
    assert.ok(!told(thrown).includes(KEY), told(thrown));
  }
  await until(() => lines.length === 3, 'three lines');
  assert.ok(!JSON.stringify(lines).includes(KEY), JSON.stringify(lines));
});

test('a key that stands in the query is in nothing that an error tells', async (t) => {
  const [key, base] = ['a key/with+marks=1', 'key-of-the-base-url'];
  const { client, simulator } = await pair(t, { params: { key } });
  const other = client.extend({ baseURL: `${simulator.url}/?access_token=${base}` });
  for (const [caller, secret] of [
    [client, key],
    [other, base],
  ] as const) {
    for (const spelling of [
      secret,
      encodeURIComponent(secret),
      new URLSearchParams({ '': secret }).toString().slice(1),
    ]) {
      simulator.always({ status: 400, body: { error: { message: `not valid: ${spelling}.` } } });
      const error = await failure(caller.get('/v1/models'));
      assert.ok(!told(error).includes(spelling), told(error));
      assert.match(error.message, /not valid: \[redacted\]\./);
    }
  }
});

test('an answer that repeats the key that was sent is logged without it, and given with it', async (t) => {
  const { client, simulator } = await pair(t);
  const lines: LogLine[] = [];
  client.use(logger({ sink: (line) => void lines.push(line), headers: true, bodies: true }));
  client.use(auth({ value: KEY }));
  simulator.always({ body: { echo: `saw ${KEY}`, [KEY]: 1 }, headers: { 'x-echo': `saw ${KEY}` } });
  const res = await client.get<{ echo: string }>('/v1/models');
  assert.equal(res.data.echo, `saw ${KEY}`);
  assert.equal(res.headers.get('x-echo'), `saw ${KEY}`);
  await until(() => lines.length === 2, 'two lines');
  assert.deepEqual(lines[1]?.res?.body, { echo: 'saw [redacted]', '[redacted]': 1 });
  assert.equal(lines[1]?.res?.headers?.['x-echo'], 'saw [redacted]');
  assert.ok(!JSON.stringify(lines).includes(KEY));
});

test('a reader of standard error that is late gets every line whole, also where Node has touched it', async (t) => {
  const { simulator } = await pair(t);
  const program = `
    const { createClient, logger } = require('./dist/index.js');
    console.error('{"pid":' + process.pid + '}');
    const client = createClient({ baseURL: '${simulator.url}', proxy: false });
    client.use(logger({ base: { pad: 'p'.repeat(500) } }));
    for (let n = 0; n < 400; n++) client.get('/v1/models');
    setInterval(() => {}, 1000);`;
  // Node gives its children sockets; the shell makes a pipe, which nobody reads until a line comes.
  const script = 'exec 3<&0; "$0" -e "$1" 2>&1 >/dev/null </dev/null | { read _ <&3; cat; }';
  const child = spawn('/bin/sh', ['-c', script, process.execPath, program], { cwd: new URL('..', import.meta.url) });
  const closed = new Promise((resolve) => child.on('close', resolve));
  let text = '';
  child.stdout.on('data', (chunk) => (text += chunk));
  await until(() => simulator.received.length === 400, 'all calls', 20_000);
  await wait(100);
  child.stdin.end('\n');
  const count = () => text.split('\n').length - 1;
  await until(() => count() === 801, 'all lines').catch(() => {});
  const [first, ...rest] = text.trim().split('\n') as [string, ...string[]];
  process.kill(JSON.parse(first).pid);
  await closed;
  assert.equal(rest.length, 800);
  for (const line of rest) assert.equal(JSON.parse(line).pad.length, 500, line);
});

test('a line longer than all that may wait is written when nothing else does', async (t) => {
  const { client } = await pair(t);
  const lines: LogLine[] = [];
  client.use(logger({ sink: (line) => void lines.push(line), bodies: 20 << 20 }));
  const text = 'x'.repeat(9 << 20);
  await client.post('/v1/models', text, { headers: { 'content-type': 'text/plain' } }).catch(() => {});
  await until(() => lines.length >= 2, 'two lines');
  assert.equal(lines[0]?.req.body, text);
});
