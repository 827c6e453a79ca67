// What docs/testing.md says of cassettes: calls written down and played again, with no secret in between.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { type Client, type ClientConfig, ConfigError, createClient, type TraeError } from 'trae-native';
import { createSimulator, type Simulator } from 'trae-native/simulator';
import { type Recording, type ReplayOptions, record, replay } from 'trae-native/testing';
import { collect, message, until } from './helpers/simulator.mts';

interface Cassette {
  version: number;
  exchanges: {
    request: { method: string; url: string; headers: Record<string, string>; body?: Record<string, unknown> };
    response: Record<string, unknown> & { events?: Record<string, unknown>[] };
  }[];
}

class Deck {
  readonly file: string;
  readonly simulator: Simulator;
  readonly #t: TestContext;

  constructor(t: TestContext, simulator: Simulator, folder: string) {
    this.#t = t;
    this.simulator = simulator;
    this.file = join(folder, 'calls.json');
  }

  client(config: ClientConfig = {}): Client {
    const client = createClient({ baseURL: this.simulator.url, proxy: false, ...config });
    this.#t.after(() => client.close());
    return client;
  }

  recording(config: ClientConfig = {}): { client: Client; tape: Recording } {
    const tape = record(this.file);
    return { client: this.client({ ...config, transport: tape.transport }), tape };
  }

  replaying(config: ClientConfig = {}, options?: ReplayOptions) {
    const tape = replay(this.file, options);
    return { client: this.client({ ...config, transport: tape.transport }), tape };
  }

  get text(): string {
    return readFileSync(this.file, 'utf8');
  }

  get cassette(): Cassette {
    return JSON.parse(this.text);
  }
}

async function deck(t: TestContext): Promise<Deck> {
  const folder = mkdtempSync(join(tmpdir(), 'trae-cassette-'));
  const simulator = await createSimulator();
  t.after(async () => {
    await simulator.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return new Deck(t, simulator, folder);
}

const failure = (promise: Promise<unknown>): Promise<TraeError> =>
  promise.then(
    () => assert.fail('it was answered'),
    (error) => error,
  );

test('what was recorded is answered again without a network, in its order', async (t) => {
  const on = await deck(t);
  const { client, tape } = on.recording();
  on.simulator.reply([{ body: { n: 1 }, headers: { 'x-a': ['b', 'c'] } }, { body: { n: 2 } }, { status: 404 }]);
  const ask = async (client: Client) => {
    const one = await client.get('/same?q=1');
    const two = await client.get('/same?q=1');
    const three = await failure(client.post('/other', { a: [1, { b: 'é' }] }));
    const { code, message, status, requestId } = three;
    return [
      one.data,
      Object.entries(one.headers.toJSON()).sort(),
      one.requestId,
      two.data,
      { code, message, status, requestId },
    ];
  };
  const recorded = await ask(client);
  assert.equal(tape.exchanges, 3);
  const requests = on.simulator.counters.requests;
  const again = on.replaying();
  assert.equal(again.tape.unused.length, 3);
  const played = await ask(again.client);
  const plain = (all: unknown) =>
    JSON.stringify(all).replaceAll(/\["(date|content-length|transfer-encoding)","[^"]*"\],?/g, '');
  assert.equal(plain(played), plain(recorded));
  assert.deepEqual([again.tape.unused.length, on.simulator.counters.requests], [0, requests]);
});

test('a stream is written event by event with its gaps, and played with them', async (t) => {
  const on = await deck(t);
  const { client, tape } = on.recording();
  on.simulator.reply({ text: 'One two', paceMs: 40, delayMs: 30 });
  const recorded = await collect(await client.stream('/v1/messages', { ...message(), stream: true }, { pings: true }));
  await tape.done();
  const { response } = on.cassette.exchanges[0] as Cassette['exchanges'][0];
  assert.equal(response.events?.length, recorded.length);
  assert.deepEqual(response.events?.[0]?.['data'], recorded[0]);
  assert.equal(response.events?.[0]?.['event'], 'message_start');
  assert.ok((response['delayMs'] as number) >= 25);
  const gaps = response.events?.slice(1).map(({ afterMs }) => afterMs as number) ?? [];
  const total = gaps.reduce((sum, gap) => sum + gap, 0);
  assert.ok(total >= 40 * (gaps.length - 1), String(gaps));
  const again = on.replaying();
  assert.deepEqual(
    await collect(await again.client.stream('/v1/messages', { ...message(), stream: true }, { pings: true })),
    recorded,
  );
  const whole = total + (response['delayMs'] as number) + (response.events?.[0]?.['afterMs'] as number);
  assert.equal(Math.round(again.tape.now), whole);
});

test('attempts are written one by one, and broken answers break again', async (t) => {
  const on = await deck(t);
  const config: ClientConfig = { retry: { maxRetries: 2, base: 1 } };
  on.simulator.reply([
    { status: 529 },
    { body: 'half of it', cutAfterBytes: 4, cut: 'reset' },
    { body: { ok: true } },
    { text: 'a b c d', cutAfterEvents: 4, paceMs: 1 },
  ]);
  const ask = async (client: Client) => {
    const res = await client.get('/x');
    const stream = await client.stream('/v1/messages', { ...message(), stream: true }, { retry: false });
    const seen: unknown[] = [];
    const error = await failure(
      (async () => {
        for await (const event of stream) seen.push(event);
      })(),
    );
    return [res.data, res.attempts, seen, error.code];
  };
  const recorded = await ask(on.recording(config).client);
  assert.equal(recorded[1], 3);
  assert.deepEqual(await ask(on.replaying(config).client), recorded);
  assert.deepEqual(
    on.cassette.exchanges.map(({ response }) => response['cut'] ?? response['status']),
    [529, 'reset', 200, 'close'],
  );
});

test('a network that failed fails again', async (t) => {
  const on = await deck(t);
  const gone = await createSimulator();
  await gone.close();
  const { client, tape: first } = on.recording();
  const recorded = await failure(client.get('/x', { timeout: 30, headers: { 'x-simulator': '{"hang":"headers"}' } }));
  assert.equal(recorded.code, 'TIMEOUT');
  await client.close();
  await first.done();
  const tape = record(on.file);
  const lost = createClient({ baseURL: gone.url, proxy: false, transport: tape.transport });
  const refused = await failure(lost.get('/y'));
  const again = createClient({ baseURL: gone.url, proxy: false, transport: replay(on.file).transport });
  const { code, message, phase } = await failure(again.get('/y'));
  assert.deepEqual([code, message, phase], [refused.code, refused.message, refused.phase]);
  await Promise.all([lost.close(), again.close()]);
});

test('no secret is in a cassette, wherever it stands', async (t) => {
  const on = await deck(t);
  const planted = (place: string) => `sk-ant-api03-planted-${place}-0123456789abcdef`;
  const { client } = on.recording({
    headers: { 'x-api-key': planted('header'), cookie: 'session=planted-cookie-value', 'x-tenant': 'planted-tenant' },
    params: { api_key: 'planted-in-the-query', q: planted('query') },
    auth: { value: 'planted-by-auth-middleware', header: 'x-auth' } as never,
    redact: {
      headers: ['x-tenant'],
      paths: ['messages[*].content'],
      patterns: ['acct_', /planted-by-\w+/],
      query: ['who'],
    },
  });
  const echoed = { key: 'planted-in-json', nested: [{ access_token: 'planted-in-list' }], note: planted('answer') };
  on.simulator.reply([
    {
      body: { ...echoed, repeated: 'you sent planted-by-auth-middleware' },
      headers: { 'set-cookie': 'sid=planted-set-cookie' },
    },
    { echo: true },
    {
      sse: `event: x\ndata: {"token":"planted-in-event","text":"${planted('event')}"}\n\n: ${planted('comment')}\n\ndata: ${planted('text')}\n\n`,
    },
    { status: 401, body: `no such key: ${planted('header')}` },
    { body: new Uint8Array([255, ...Buffer.from(planted('bytes'))]) },
    { body: {} },
    { body: {} },
    { body: {} },
  ]);
  await client.post('/one?who=planted-who&token=planted-token', {
    password: 'planted-password',
    messages: [{ content: 'planted-content' }],
    account: 'acct_planted123',
    deep: { text: planted('deep') },
  });
  await client.get('/two');
  await collect(await client.stream('/three', { stream: true }, { responseType: 'sse' }));
  await failure(client.get('/four'));
  await client.get('/five', { responseType: 'buffer' });
  await client.post('/six', new URLSearchParams({ client_secret: 'planted-in-form' }));
  const form = new FormData();
  form.append('secret', 'planted-in-part');
  await client.post('/seven', form);
  await client.post('/eight', new Blob([`{"apiKey": "planted-in-stream", "a": 1`, '}']).stream(), {
    headers: { 'content-type': 'application/json' },
  });
  await until(() => on.cassette.exchanges.length === 8, 'all are written');
  assert.doesNotMatch(on.text, /planted/);
  const base64 = [...on.text.matchAll(/"base64": "([^"]*)"/g)].map(([, text]) => Buffer.from(text as string, 'base64'));
  assert.equal(base64.length, 1);
  assert.doesNotMatch(String(base64[0]), /planted/);
  // And yet it is found by somebody with another key.
  const again = on.replaying({
    headers: { 'x-api-key': 'another' },
    params: { api_key: 'other', q: 'sk-ant-api03-another-one' },
    redact: { query: ['who'] },
  });
  assert.equal((await again.client.get('/five', { responseType: 'buffer' })).status, 200);
});

test('what is in no recording fails, and says which comes nearest and where it differs', async (t) => {
  const on = await deck(t);
  const { client } = on.recording();
  on.simulator.always({ body: {} });
  await client.post('/v1/messages', { ...message('Hello'), temperature: 1 });
  await client.get('/v1/models');
  const again = on.replaying().client;
  for (const [call, expected] of [
    [
      () => again.post('/v1/messages', { ...message('Goodbye'), temperature: 1 }),
      /number 1 comes nearest, which differs at body\.messages\[0\]\.content: asked "Goodbye", recorded "Hello"/,
    ],
    [() => again.get('/v1/models?limit=2'), /number 2 comes nearest, which differs at url: asked ".*limit=2"/],
    [
      () => again.delete('/v1/models'),
      /number 2 comes nearest, which differs at method: asked "DELETE", recorded "GET"/,
    ],
  ] as [() => Promise<unknown>, RegExp][]) {
    const error = await failure(call());
    assert.equal(error.code, 'CONFIG');
    assert.match(error.message, expected);
  }
  await again.get('/v1/models');
  assert.match((await failure(again.get('/v1/models'))).message, /has GET .* once, and it was asked once more/);
});

test('who says what matches decides', async (t) => {
  const on = await deck(t);
  on.simulator.always({ body: { ok: 1 } });
  await on.recording().client.post('/v1/messages', message('Hello'));
  const asked: unknown[] = [];
  const match: ReplayOptions['match'] = (one, other) => {
    asked.push(one.body);
    return one.method === other.method;
  };
  const { client } = on.replaying({}, { match });
  assert.deepEqual((await client.post('/elsewhere', { other: true })).data, { ok: 1 });
  assert.deepEqual(asked[0], { json: { other: true } });
});

test('the file is stable: what has not changed is written as it was', async (t) => {
  const on = await deck(t);
  on.simulator.always({ body: { b: 1, a: 2 }, headers: { 'request-id': 'req_1' } });
  const texts: string[] = [];
  for (let time = 0; time < 2; time++) {
    const { client, tape } = on.recording({ headers: { zebra: '1', ant: '2' } });
    await client.post('/x', { z: 1, a: 2 });
    await tape.done();
    texts.push(on.text.replaceAll(/"delayMs": \d+/g, '"delayMs": 0').replaceAll(/"anthropic-ratelimit[^\n]*\n/g, ''));
  }
  assert.equal(texts[1], texts[0]);
  const { version, exchanges } = on.cassette;
  assert.equal(version, 1);
  const names = Object.keys(exchanges[0]?.request.headers ?? {});
  assert.deepEqual(names, [...names].sort());
  assert.deepEqual(exchanges[0]?.request.body, { json: { z: 1, a: 2 } });
});

test('numbers and texts come back as they were, also those that JavaScript can not hold', async (t) => {
  const on = await deck(t);
  const bodies = [
    '{"n":12345678901234567890,"m":1.0}',
    '{ "spaced" : [1e21] }',
    '[1,2]\n',
    '"a\\u0000b"',
    '',
    'plain é',
  ];
  const { client } = on.recording();
  for (const body of bodies) {
    on.simulator.reply({ body });
    assert.equal((await client.get('/x', { responseType: 'text' })).data, body);
  }
  const again = on.replaying().client;
  for (const body of bodies) assert.equal((await again.get('/x', { responseType: 'text' })).data, body);
});

test('credentials within a header of an answer, or in an answer that is a form, stay out of the file', async (t) => {
  const on = await deck(t);
  const client = on.recording().client;
  on.simulator.reply([
    { body: 'x', headers: { link: '<https://u:s3cret@h/?access_token=s3cret&page=2>; rel="next"' } },
    { body: 'access_token=s3cret&page=2', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
  ]);
  for (const _ of [1, 2]) await client.get('/x', { responseType: 'text' });
  await until(() => readFileSync(on.file, 'utf8').includes('form-urlencoded'), 'both are written');
  const written = readFileSync(on.file, 'utf8');
  assert.ok(!written.includes('s3cret') && written.includes('page=2'), written);
});

test('secrets that no name and no look tells are taken out by patterns, wherever they stand', async (t) => {
  const on = await deck(t);
  const secrets = [
    'AKIAplantedIOSFODNN7',
    'ghp_planted0123456789',
    'eyJwbGFudGVk.eyJwbGFudGVk.cGxhbnRlZA',
    '-----BEGIN PRIVATE KEY-----\nplanted\n-----END PRIVATE KEY-----',
    'password=planted',
    'Authorization: Bearer planted',
  ];
  const patterns = [
    'AKIA',
    'ghp_',
    /eyJ[\w-]+\.[\w-]+\.[\w-]*/,
    /-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*-----END [A-Z ]*PRIVATE KEY-----/,
    /(password=|authorization: *(bearer|basic) *)[^\s"&]+/i,
  ];
  const { client, tape } = on.recording({ redact: { patterns } });
  const text = `kept ${secrets.join(' ')}`;
  on.simulator.reply([
    { body: { note: text, nested: JSON.stringify({ note: text }) } },
    { body: text, headers: { 'content-type': 'text/plain' } },
    { sse: `data: ${JSON.stringify({ note: text })}\n\n` },
  ]);
  await client.post('/one', { note: text }, { params: { q: text } });
  await client.post('/two', text, { headers: { 'content-type': 'text/plain', 'x-note': text.replaceAll('\n', ' ') } });
  await collect(await client.stream('/three', { note: text }, { responseType: 'sse' }));
  await tape.done();
  assert.match(on.text, /kept/);
  assert.doesNotMatch(on.text, /planted|cGxhbnRlZ/);
});

test('a file that can no longer be written is told by done(), and by nothing else', async (t) => {
  const on = await deck(t);
  const folder = mkdtempSync(join(tmpdir(), 'trae-cassette-'));
  const tape = record(join(folder, 'x.json'));
  rmSync(folder, { recursive: true });
  const client = createClient({ baseURL: on.simulator.url, proxy: false, transport: tape.transport });
  t.after(() => client.close());
  assert.equal((await client.get('/v1/models')).status, 200);
  await assert.rejects(tape.done(), (error) => error instanceof ConfigError && /ENOENT/.test(error.message));
});

test('a file is recorded by one at a time, however it is called', async (t) => {
  const on = await deck(t);
  on.simulator.always({ body: {} });
  const { client, tape } = on.recording();
  await client.get('/first');
  const link = join(dirname(on.file), 'link');
  symlinkSync(dirname(on.file), link);
  for (const name of [
    on.file,
    pathToFileURL(on.file),
    join(dirname(on.file), '.', 'calls.json'),
    join(link, 'calls.json'),
  ])
    assert.throws(
      () => record(name),
      (error) => error instanceof ConfigError && /is being recorded already/.test(error.message),
    );
  await tape.done();
  const second = on.recording();
  await second.client.get('/second');
  await client.get('/late');
  await assert.rejects(tape.done(), /is another recording's by now/);
  await second.tape.done();
  const urls = on.cassette.exchanges.map(({ request }) => new URL(request.url).pathname);
  assert.deepEqual(urls, ['/second']);
  await second.client.get('/third');
  await second.tape.done();
  assert.equal(on.cassette.exchanges.length, 2);
});

test('a recording of nothing is an empty cassette, and until its end what was there before stays', async (t) => {
  const on = await deck(t);
  on.simulator.always({ body: {} });
  const first = on.recording();
  await first.client.get('/x');
  await first.tape.done();
  const second = on.recording();
  assert.equal(on.cassette.exchanges.length, 1);
  await second.tape.done();
  assert.deepEqual(on.cassette.exchanges, []);
  assert.match((await failure(on.replaying().client.get('/x'))).message, /it is empty/);
});

test('`match` says yes or no: a promise, or nothing, is told and does not pass for either', async (t) => {
  const on = await deck(t);
  on.simulator.always({ body: {} });
  await on.recording().client.get('/x');
  for (const [match, given] of [
    [async () => false, 'an instance of Promise'],
    [() => Promise.reject(new Error('nobody waits for it')), 'an instance of Promise'],
    [() => undefined, 'undefined'],
    [() => [], 'an array'],
  ] as [() => unknown, string][]) {
    const error = await failure(on.replaying({}, { match: match as never }).client.get('/x'));
    assert.equal(error.code, 'CONFIG');
    assert.ok(error.message.includes(`\`match\` must return true or false, got ${given}`), error.message);
  }
  const thrower = () => assert.fail('of my own');
  assert.match((await failure(on.replaying({}, { match: thrower }).client.get('/x'))).message, /of my own/);
});

test('a cassette that was written by hand is checked when it is read, and the place of what is wrong is named', async (t) => {
  const on = await deck(t);
  const request = { method: 'GET', url: `${on.simulator.url}/x`, headers: {} };
  const good = { request, response: { status: 200, headers: {}, delayMs: 0 } };
  const answer = (response: unknown) => ({ request, response });
  for (const [exchange, expected] of [
    [null, /exchanges\[1\] must be an object, got null/],
    [{}, /exchanges\[1\]\.request must be an object, got undefined/],
    [{ request: {}, response: {} }, /exchanges\[1\]\.request must have a `method` and a `url`/],
    [{ request }, /exchanges\[1\]\.response must be an object, got undefined/],
    [answer({}), /exchanges\[1\]\.response must have a `status`, or an `error` in its place/],
    [answer({ status: 7 }), /exchanges\[1\]\.response can't be played: .*`status` must be 200 to 999/],
    [answer({ status: 200, delayMs: 'soon' }), /exchanges\[1\]\.response can't be played: .*`delayMs`/],
    [answer({ status: 200, headers: 'none' }), /exchanges\[1\]\.response\.headers must be an object, got a string/],
    [answer({ status: 200, body: 'text' }), /exchanges\[1\]\.response\.body must be an object, got a string/],
    [answer({ status: 200, body: { txt: '' } }), /response\.body must have a `json` or a `text` or a `base64`/],
    [answer({ status: 200, body: { base64: 7 } }), /response\.body\.base64 must be a text, got 7/],
    [answer({ status: 200, events: {} }), /response\.events must be a list, got an object/],
    [answer({ status: 200, events: [null] }), /response\.events\[0\] must be an object, got null/],
    [answer({ status: 200, events: [{ data: 1, afterMs: 'x' }] }), /response can't be played: .*`gapsMs`/],
    [answer({ error: 'DNS' }), /response\.error must be an object, got a string/],
    [answer({ error: { code: 'NONE' } }), /response can't be played: .*`error` must be one of DNS/],
  ] as [unknown, RegExp][]) {
    writeFileSync(on.file, JSON.stringify({ version: 1, exchanges: [good, exchange] }));
    assert.throws(
      () => replay(on.file),
      (error) => error instanceof ConfigError && expected.test(error.message) && error.message.includes(on.file),
      `${JSON.stringify(exchange)}: ${expected}`,
    );
  }
  const lost = answer({ delayMs: 250, error: { code: 'CONNECTION_REFUSED', phase: 'connect' } });
  writeFileSync(on.file, JSON.stringify({ version: 1, exchanges: [lost] }));
  const { client, tape } = on.replaying();
  assert.equal((await failure(client.get('/x'))).code, 'CONNECTION_REFUSED');
  assert.equal(tape.now, 250, 'a network that failed takes the time that it took');
});

test('a file that is none is said to be none', async (t) => {
  const on = await deck(t);
  assert.throws(() => replay(on.file), /can't be read \(record\(\) makes it\)/);
  writeFileSync(on.file, '{"version":2,"exchanges":[]}');
  assert.throws(() => replay(pathToFileURL(on.file)), /is no cassette of version 1/);
  assert.throws(() => record(7 as never), /a cassette is a file/);
  assert.throws(() => record(new URL('https://h/x.json')), /by its path or URL, got a URL of https:/);
  for (const folder of [dirname(on.file), `${on.file}/`]) assert.throws(() => record(folder), /it is a folder/);
  assert.throws(
    () => record(join(dirname(on.file), 'none', 'x.json')),
    /can't be written: its folder is not there \(ENOENT\)/,
  );
  assert.throws(() => replay(on.file, { strict: true } as never), /has no option `strict`/);
});
