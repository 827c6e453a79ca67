// What is printed of a client, an answer and its options: by console.log, inspect and JSON, never a secret.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Agent } from 'node:https';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { createClient, type Next, type TraeError, type TraeRequest } from 'trae-native';
import { answering, message, pair } from './helpers/simulator.mts';

const names = JSON.parse(readFileSync(new URL('../tests/fixtures/names.json', import.meta.url), 'utf8')) as Record<
  'secretHeaders' | 'harmlessHeaders' | 'secretOptions' | 'harmlessOptions',
  string[]
>;
const SECRET = 'hush-4711';

const printed = (thing: unknown): string[] => [
  inspect(thing, { depth: 9 }),
  inspect(thing, { depth: 9, showHidden: true }),
  JSON.stringify(thing) ?? '',
  String(thing),
];

function showsNot(thing: unknown, secret: string, what: string): void {
  for (const text of printed(thing)) assert.ok(!text.includes(secret), `${what} shows it: ${text.slice(0, 400)}`);
}

function shows(thing: unknown, text: string, what: string): void {
  for (const shown of printed(thing).slice(0, 3)) assert.ok(shown.includes(text), `${what} hides it: ${shown}`);
}

test('the words of a name tell a secret, in a header, an option or a parameter', async (t) => {
  const { client } = await pair(t);
  const valued = (list: string[]) => Object.fromEntries(list.map((name) => [name, `${SECRET} of ${name};`]));
  const headersOf = (list: string[]) => createClient({ headers: valued(list) as Record<string, string> });
  for (const name of names.secretHeaders) showsNot(headersOf([name]), SECRET, name);
  for (const name of names.harmlessHeaders) {
    if (name === 'keep-alive') continue;
    shows(headersOf([name]), `${SECRET} of ${name};`, name);
  }
  const secret = await client.get('/v1/models', {
    extra: valued(names.secretOptions),
    params: valued(names.secretOptions),
  });
  for (const name of names.secretOptions) showsNot(secret.config, `of ${name};`, name);
  const harmless = await client.get('/v1/models', { extra: valued(names.harmlessOptions) });
  for (const name of names.harmlessOptions) shows(harmless.config, `of ${name};`, name);
});

test('numbers and flags are shown, whatever they are called', async (t) => {
  const { client } = await pair(t);
  const usage = { max_tokens: 1234, token: 5678, auth: true, keys: 9012 };
  const { config } = await client.get('/v1/models', { usage });
  assert.deepEqual(JSON.parse(JSON.stringify(config)).usage, usage);
});

test('a client shows neither keys of its agents nor those of its URLs, parameters and certificates', () => {
  const agent = new Agent({ key: SECRET, cert: SECRET, passphrase: SECRET });
  const baseURL = `http://x/v1?key=${SECRET}&${SECRET}&other=${SECRET}#${SECRET}`;
  for (const options of [
    { httpAgent: agent },
    { httpsAgent: agent },
    { baseURL },
    { baseUrl: baseURL },
    { params: `key=${SECRET}&${SECRET}` },
    { params: new URLSearchParams({ any: SECRET }) },
    { params: { deep: [{ apiKey: SECRET }] } },
    { headers: { 'x-auth': SECRET, 'x-password': [SECRET], 'x-amz-security-token': SECRET } },
    { headers: { 'x-note': 'sk-ant-api03-hush-4711' } },
    { proxy: { url: `http://u:${SECRET}@h:1` } },
    { proxy: `u:${SECRET}@h:1` },
  ]) {
    const client = createClient(options);
    showsNot(client, SECRET, inspect(Object.keys(options)));
    showsNot(client.config, SECRET, inspect(Object.keys(options)));
    const child = client.extend({ timeout: 5 });
    showsNot(child, SECRET, 'a child');
  }
  const client = createClient({ baseURL, httpsAgent: agent, params: { page: 3 } });
  assert.match(inspect(client), /http:\/\/x\/v1\?key=…&…&other=…#….*page: 3/s);
  assert.match(inspect(client), /\[Agent\]/);
  assert.equal(client.config.baseURL, baseURL, 'who asks for an option gets it');
});

test('an answer shows no body, key or query of the call that it answers', async (t) => {
  const { client, simulator } = await pair(t);
  const headers = { authorization: `Bearer ${SECRET}` };
  const own = { auth: { username: 'u', password: SECRET }, password: SECRET, db: { dbPassword: SECRET }, keep: 'me' };
  class Vault {
    hidden = SECRET;
  }
  const loop: Record<string, unknown> = { vault: new Vault(), bytes: Buffer.from(SECRET), when: new Date(0) };
  loop['self'] = loop;
  for (const data of [`text ${SECRET}`, { prompt: SECRET }, Buffer.from(SECRET), new Blob([SECRET]), [SECRET]]) {
    simulator.reply({ body: {} });
    const url = `/x?token=${SECRET}#${SECRET}`;
    const res = await client.request({ url, method: 'post', data, headers, params: `a=${SECRET}`, ...own, loop });
    showsNot(res, SECRET, 'the answer');
    showsNot(res.config, SECRET, 'its options');
    assert.equal(res.config['data'], data, 'who asks for the body gets it');
    shows(res.config, 'me', 'a harmless field');
    shows(res.config, 'circular', 'a loop');
    shows(res.config, '1970-01-01', 'a date');
  }
  const sized = await client.request({ url: '/x', method: 'post', data: 'ten bytes!', ...answering({ body: {} }) });
  shows(sized.config, '[10 bytes]', 'the size of a body');
});

test('an answer’s own headers show no cookie, token or query of a redirect', async (t) => {
  const { client, simulator } = await pair(t);
  const headers = {
    'set-cookie': `s=${SECRET}`,
    'x-auth-token': SECRET,
    location: `/next?code=${SECRET}`,
    'x-ok': 'fine',
  };
  simulator.reply({ status: 302, headers });
  const res = await client.get('/x', { redirect: 'manual' });
  showsNot(res, SECRET, 'the answer');
  showsNot(res.headers, SECRET, 'its headers');
  shows(res.headers, 'fine', 'a harmless header');
  assert.equal(res.headers['location'], headers.location);
});

test('a key that the server repeats is in nothing that an error tells', async (t) => {
  const { client } = await pair(t, { headers: { 'x-api-key': 'sk-ant-api03-hush-4711', 'x-auth-token': SECRET } });
  const error = { type: 'authentication_error', message: `invalid: sk-ant-api03-hush-4711, ${SECRET}` };
  const plain = answering({ status: 401, body: { error }, headers: { 'x-seen': SECRET } });
  const stream = answering({ sse: `event: error\ndata: ${JSON.stringify({ type: 'error', error })}\n\n` });
  const read = async () => {
    for await (const event of await client.stream('/v1/messages', message(), stream)) void event;
  };
  for (const failing of [client.post('/v1/messages', message(), plain), read()]) {
    await assert.rejects(failing, (failure: TraeError) => {
      assert.match(failure.message, /invalid: \[redacted\], \[redacted\]/);
      for (const thing of [failure, failure.response, failure.response?.data, { ...failure.response?.headers }])
        showsNot(thing, 'hush', 'the error');
      assert.equal(failure.type, 'authentication_error');
      return true;
    });
  }
});

test('a request in a middleware, its headers and what was asked show no key, query or content', async (t) => {
  const { client } = await pair(t, { headers: { 'x-api-key': SECRET, 'x-ok': 'fine' } });
  let seen = 0;
  client.use(async (req: TraeRequest, next: Next) => {
    req.state['token'] = SECRET;
    req.headers['authorization'] = SECRET;
    showsNot(req, SECRET, 'the request');
    assert.ok(![inspect(req.headers), JSON.stringify(req.headers)].join('').includes(SECRET));
    shows(req, 'x-api-key', 'the name of a header');
    assert.equal(JSON.parse(JSON.stringify(req.headers))['x-ok'], 'fine');
    assert.match(inspect(req), /^TraeRequest \{.*url: '\/x\?a=…'.*data: '\[9 bytes\]'/s);
    const names = ['authorization', 'x-api-key', 'x-ok'];
    assert.deepEqual(
      Object.keys(req.headers)
        .filter((name) => name !== 'x-simulator')
        .sort(),
      names,
    );
    assert.deepEqual([req.headers['X-Api-Key'], { ...req.headers }['x-api-key']], [SECRET, SECRET]);
    assert.ok(!('toJSON' in req.headers) && !('constructor' in req.headers));
    seen++;
    return next();
  });
  const call = { params: { token: SECRET }, ...answering({ body: {} }) };
  const res = await client.post(`/x?a=${SECRET}`, SECRET, call);
  showsNot(res.request, SECRET, 'what was asked');
  assert.match(res.request.url, /a=hush-4711/, 'who asks for the URL gets it');
  assert.equal(seen, 1);
});

test('printing ends soon and throws nothing, however options hang together', async (t) => {
  const { client } = await pair(t);
  let shared: object = {};
  for (let level = 0; level < 60; level++) shared = { left: shared, right: [shared] };
  let deep: object = {};
  for (let level = 0; level < 100_000; level++) deep = { deep };
  const hostile = new Proxy({}, { ownKeys: () => assert.fail('read'), getPrototypeOf: () => assert.fail('read') });
  const throwing = Object.defineProperty({ keep: 'me' }, 'get', { enumerable: true, get: () => assert.fail('read') });
  const res = await client.get('/v1/models', { shared, deep, hostile, nested: { throwing } });
  for (const thing of [res, res.config]) {
    const began = performance.now();
    for (const text of [inspect(thing), JSON.stringify(thing)]) assert.ok(text.length < 5_000_000);
    assert.ok(performance.now() - began < 5000);
    shows(thing, 'me', 'a field beside one that throws');
    shows(thing, '[unreadable]', 'a field that throws');
  }
});
