// `client.fetch` as the WHATWG standard has it: what it takes, what it sends, what it answers with.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { inspect } from 'node:util';
import { createClient, TraeError } from 'trae-native';
import { answering, counters, pair, until } from './helpers/simulator.mts';

const echo = answering({ echo: true });
const fails = (work: Promise<unknown>): Promise<Error & { cause?: unknown }> =>
  work.then(
    () => assert.fail('it was answered'),
    (error) => error,
  );

test('an answer passes for a Response, and what it knows is there', async (t) => {
  const { client, simulator } = await pair(t);
  const res = await client.fetch('/x', answering({ body: { a: 1 }, headers: { 'X-Two': ['1', '2'] } }));
  assert.ok(res instanceof Response);
  assert.ok(res.headers instanceof Headers);
  assert.equal(Object.prototype.toString.call(res), '[object Response]');
  const { status, ok, statusText, url, redirected, type, bodyUsed } = res;
  assert.deepEqual(
    { status, ok, statusText, url, redirected, type, bodyUsed },
    {
      status: 200,
      ok: true,
      statusText: 'OK',
      url: `${simulator.url}/x`,
      redirected: false,
      type: 'basic',
      bodyUsed: false,
    },
  );
  assert.equal(res.headers.get('X-TWO'), '1, 2');
  assert.equal(res.headers.get('content-type'), 'application/json');
  assert.deepEqual(await res.json(), { a: 1 });
  assert.equal(res.bodyUsed, true);
});

test('a whole answer is read in every form, each of its bytes as it was sent', async (t) => {
  const { client } = await pair(t);
  const bytes = Buffer.from([0xef, 0xbb, 0xbf, 0xff, 0x00, 0x7b]);
  for (const [body, type] of [
    [bytes, 'text/plain'],
    [bytes, 'image/png'],
    [Buffer.from('{"ä":"\\u0000"}'), 'application/json'],
    [Buffer.from(''), 'application/json'],
    [Buffer.from('\ufeff{}'), 'application/json'],
  ] as const) {
    const ask = () =>
      client.fetch('/x', answering({ bodyBase64: body.toString('base64'), headers: { 'content-type': type } }));
    const same = new Response(body, { headers: { 'content-type': type } });
    assert.equal(await (await ask()).text(), await same.text());
    assert.deepEqual(Buffer.from(await (await ask()).arrayBuffer()), body);
    assert.deepEqual(Buffer.from(await ((await ask()) as Response & { bytes(): Promise<Uint8Array> }).bytes()), body);
    const blob = await (await ask()).blob();
    assert.deepEqual([blob.type, Buffer.from(await blob.arrayBuffer())], [type, body]);
    assert.deepEqual(Buffer.from(await new Response((await ask()).body).arrayBuffer()), body);
  }
});

test('a form comes back as one', async (t) => {
  const { client } = await pair(t);
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const form = await (await client.fetch('/x', answering({ body: 'a=1&b=x+y', headers }))).formData();
  assert.deepEqual(
    [...form],
    [
      ['a', '1'],
      ['b', 'x y'],
    ],
  );
});

test('a body is read once, by whichever way', async (t) => {
  const { client } = await pair(t);
  const ask = () => client.fetch('/x', answering({ body: { a: 1 } }));
  const twice = await ask();
  await twice.text();
  assert.equal((await fails(twice.json())).name, 'TypeError');
  assert.throws(() => twice.clone(), TypeError);
  assert.equal(twice.body?.locked, false);
  assert.deepEqual(await (twice.body as ReadableStream).getReader().read(), { value: undefined, done: true });
  const read = await ask();
  const reader = (read.body as ReadableStream).getReader();
  assert.equal(read.bodyUsed, false);
  await fails(read.text());
  await reader.read();
  assert.equal(read.bodyUsed, true);
  reader.releaseLock();
  assert.match((await fails(read.text())).message, /already been read/);
  const seen = await ask();
  assert.ok(seen.body);
  assert.deepEqual(await seen.json(), { a: 1 }, 'looked at, and not read');
});

test('an answer without a body has none, however often it is read', async (t) => {
  const { client } = await pair(t);
  for (const [method, reply] of [
    ['HEAD', { body: 'abc' }],
    ['GET', { status: 204 }],
    ['GET', { status: 304 }],
  ] as const) {
    const res = await client.fetch('/x', { method, ...answering(reply) });
    assert.equal(res.body, null);
    assert.equal(await res.text(), '');
    assert.equal(await res.text(), '');
    assert.equal(res.bodyUsed, false);
    assert.equal((await fails(res.json())).name, 'SyntaxError');
    assert.equal(res.clone().body, null);
  }
});

test('a clone is another answer of the same content, whole or still coming', async (t) => {
  const { client } = await pair(t);
  const whole = await client.fetch('/x', answering({ body: { a: 1 } }));
  const copy = whole.clone();
  assert.ok(copy instanceof Response);
  assert.deepEqual([await whole.json(), await copy.text(), copy.url], [{ a: 1 }, '{"a":1}', whole.url]);
  const streamed = await client.fetch('/x', answering({ sse: 'data: 1\n\ndata: 2\n\n', bytesPerWrite: 3 }));
  const other = streamed.clone();
  assert.deepEqual(await Promise.all([streamed.text(), other.text()]), Array(2).fill('data: 1\n\ndata: 2\n\n'));
  assert.throws(() => streamed.clone(), TypeError);
});

test('headers are sorted, joined, immutable, and come out of their containers whole', async (t) => {
  const { client } = await pair(t);
  const given = { 'x-b': '2', 'x-a': ['1', '3'], 'Set-Cookie': ['k=1; a,b', 'l=2'], get: 'not a method' };
  const { headers } = await client.fetch('/x', answering({ body: 'x', headers: given }));
  const names = [...headers.keys()];
  assert.deepEqual(names, [...names].sort());
  assert.deepEqual(headers.getSetCookie(), ['k=1; a,b', 'l=2']);
  assert.equal(headers.get('get'), 'not a method');
  assert.equal(headers.has('X-A'), true);
  assert.equal(headers.get('x-none'), null);
  const same = new Headers(headers);
  assert.deepEqual([...same], [...headers]);
  assert.deepEqual(
    [...headers].filter(([name]) => name === 'set-cookie').map(([, value]) => value),
    ['k=1; a,b', 'l=2'],
  );
  const each: string[] = [];
  headers.forEach((value, name, all) => void (all === headers && each.push(`${name}=${value}`)));
  assert.ok(each.includes('x-a=1, 3'));
  for (const change of ['append', 'set', 'delete'] as const)
    assert.throws(() => headers[change]('x-a', '1'), TypeError);
  assert.throws(() => headers.get('no name'), TypeError);
});

test('an answer stands where Node takes one of its own', async (t) => {
  const { client } = await pair(t);
  const res = await client.fetch('/x', answering({ status: 201, body: 'abc', headers: { 'x-a': '1' } }));
  const again = new Response(res.body, res);
  assert.deepEqual([again.status, again.headers.get('x-a'), await again.text()], [201, '1', 'abc']);
  const upper = (await client.fetch('/x', answering({ body: 'abc' }))).body
    ?.pipeThrough(new TextDecoderStream())
    .pipeThrough(new TransformStream<string, string>({ transform: (text, out) => out.enqueue(text.toUpperCase()) }));
  let text = '';
  for await (const piece of upper as unknown as AsyncIterable<string>) text += piece;
  assert.equal(text, 'ABC');
});

test('a bad status is an answer', async (t) => {
  const { client } = await pair(t);
  for (const status of [400, 404, 429, 500, 529]) {
    const res = await client.fetch('/x', answering({ status, body: { error: status } }));
    assert.deepEqual([res.status, res.ok, await res.json()], [status, false, { error: status }]);
  }
  const picky = client.extend({
    validateStatus: () => false,
    transformResponse: () => 'other',
    responseType: 'events',
  });
  assert.equal(await (await picky.fetch('/x', answering({ status: 500, body: 'its own' }))).text(), 'its own');
});

test('URLs come as texts, URLs and Requests; relative ones are below the base, others stay on its origin', async (t) => {
  const { client, simulator } = await pair(t, { headers: { 'x-api-key': 'secret' } });
  const below = createClient({ baseURL: `${simulator.url}/v1`, proxy: false });
  t.after(() => below.close());
  const { url } = simulator;
  assert.equal((await below.fetch('/a?x=1#f', echo)).url, `${url}/v1/a?x=1`);
  assert.equal((await below.fetch(`${url}/b`, echo)).url, `${url}/b`);
  assert.equal((await below.fetch(new URL('/c', url), echo)).url, `${url}/c`);
  assert.equal((await below.fetch(new Request(`${url}/d`, echo))).url, `${url}/d`);
  const other = await fails(client.fetch('http://127.0.0.1:1/x'));
  assert.ok(other instanceof TypeError);
  assert.match(other.message, /allowAbsoluteUrls/);
  assert.equal((other.cause as TraeError).code, 'CONFIG');
  const none = [undefined, null, 7, {}, ['/a'], Symbol('x')];
  for (const wrong of ['http://user:pass@127.0.0.1:1/', 'ftp://127.0.0.1/', 'http://[', ...none]) {
    const error = await fails(createClient({ proxy: false }).fetch(wrong as string));
    assert.ok(error instanceof TypeError, String(wrong));
  }
});

test('credentials of the client never go to another origin, asked for or redirected to', async (t) => {
  const { client, simulator } = await pair(t, { headers: { 'x-api-key': 'secret' }, allowAbsoluteUrls: true });
  const { simulator: foreign } = await pair(t);
  await client.fetch(`${foreign.url}/asked`, echo);
  simulator.reply({ match: { path: '/moved' }, status: 307, headers: { location: `${foreign.url}/there` } });
  const res = await client.fetch('/moved', {
    method: 'POST',
    body: '{}',
    headers: { authorization: 'Bearer own', 'x-plain': '1' },
  });
  assert.deepEqual([res.redirected, res.url], [true, `${foreign.url}/there`]);
  const [asked, there] = foreign.received;
  assert.equal(asked?.header('x-api-key'), undefined);
  const seen = ['x-api-key', 'authorization', 'x-plain'].map((name) => there?.header(name));
  assert.deepEqual([...seen, there?.method, there?.body.toString()], [undefined, undefined, '1', 'POST', '{}']);
});

test('a form of texts is sent again where a redirect asks for it, and a redirect keeps its connection', async (t) => {
  const { client, simulator } = await pair(t);
  const hops = (count: number) =>
    Array.from({ length: count }, (_, hop) => ({ status: 302, headers: { location: `/${hop}` } }));
  const form = new FormData();
  form.append('name', 'value');
  simulator.reply([{ status: 307, headers: { location: '/b' }, body: '<a href="/b">' }, { echo: true }]);
  const res = await client.fetch('/a', { method: 'POST', body: form });
  assert.deepEqual([res.status, res.redirected], [200, true]);
  const [first, second] = simulator.received;
  assert.equal(second?.body.toString(), first?.body.toString());
  assert.match(second?.body.toString() ?? '', /name="name"\r\n\r\nvalue\r\n/);
  assert.equal(simulator.counters.connectionsTotal, 1);
  simulator.reply([...hops(20), { body: 'end' }]);
  assert.equal((await client.fetch('/c')).status, 200, 'twenty of them');
  simulator.reply(hops(21));
  assert.match(String((await fails(client.fetch('/c'))).cause), /one redirect too many \(20\)/);
});

test('redirects are followed, refused or handed out', async (t) => {
  const { client, simulator } = await pair(t);
  const moved = (status = 302) => simulator.reply({ match: { path: '/a' }, status, headers: { location: '/b' } });
  moved();
  const followed = await client.fetch('/a', { method: 'POST', body: 'x' });
  assert.deepEqual([followed.redirected, followed.url], [true, `${simulator.url}/b`]);
  assert.equal(simulator.received[1]?.method, 'GET');
  moved();
  const refused = await fails(client.fetch('/a', { redirect: 'error' }));
  assert.deepEqual([refused.name, refused.message], ['TypeError', 'fetch failed']);
  assert.equal((refused.cause as TraeError).code, 'REDIRECT');
  moved();
  const manual = await client.fetch('/a', { redirect: 'manual' });
  assert.deepEqual([manual.status, manual.headers.get('location'), manual.redirected], [302, '/b', false]);
  moved();
  const asRequest = await client.fetch(new Request(`${simulator.url}/a`, { redirect: 'manual' }));
  assert.equal(asRequest.status, 302);
  moved();
  const strict = client.extend({ redirect: 'error' });
  assert.equal((await fails(strict.fetch(new Request(`${simulator.url}/a`)))).message, 'fetch failed');
  assert.equal((await strict.fetch('/x', { redirect: 'follow', ...echo })).status, 200);
});

/** What was received of a call. */
async function sent(t: TestContext, input: RequestInit, asRequest = false) {
  const { client, simulator } = await pair(t);
  const init = { method: 'POST', ...input };
  if (asRequest) await client.fetch(new Request(`${simulator.url}/x`, init));
  else await client.fetch('/x', init);
  const [received] = simulator.received;
  const header = (name: string) => received?.header(name);
  return {
    body: received?.body.toString('latin1'),
    type: header('content-type'),
    length: header('content-length'),
    header,
  };
}

test('bodies of every kind are sent with the media type and the length that they have', async (t) => {
  const text = 'text/plain;charset=UTF-8';
  const view = new Uint8Array([0, 65, 66, 0]).subarray(1, 3);
  for (const [body, expected, type] of [
    ['hä', Buffer.from('hä').toString('latin1'), text],
    ['', '', text],
    [Buffer.from('AB'), 'AB', undefined],
    [view, 'AB', undefined],
    [new DataView(view.buffer, 1, 2), 'AB', undefined],
    [new Uint8Array([65, 66]).buffer, 'AB', undefined],
    [new URLSearchParams({ a: 'x y' }), 'a=x+y', 'application/x-www-form-urlencoded;charset=UTF-8'],
    [new Blob(['AB'], { type: 'image/png' }), 'AB', 'image/png'],
    [new Blob(['AB']), 'AB', undefined],
    [{ a: 1 }, '[object Object]', text],
    [5, '5', text],
  ] as [BodyInit, string, string | undefined][])
    for (const asRequest of [false, true]) {
      const got = await sent(t, { body }, asRequest);
      assert.deepEqual([got.body, got.type, got.length], [expected, type, String(expected.length)], inspect(body));
    }
  const form = new FormData();
  form.set('file', new Blob(['AB']), 'a.txt');
  for (const asRequest of [false, true]) {
    const got = await sent(t, { body: form }, asRequest);
    const boundary = /^multipart\/form-data; boundary=(.+)$/.exec(got.type ?? '')?.[1] as string;
    assert.ok(got.body?.includes(boundary) && got.body.includes('filename="a.txt"'), got.body);
    assert.equal(got.length, String(got.body?.length));
  }
  assert.equal(
    (await sent(t, { body: '{}', headers: { 'Content-Type': 'application/json' } })).type,
    'application/json',
  );
  assert.equal((await sent(t, {})).length, '0');
});

test('streams are sent as they come, and only with `duplex`', async (t) => {
  async function* pieces() {
    yield 'A';
    await new Promise((resolve) => setTimeout(resolve, 30));
    yield Buffer.from('B');
  }
  const web = () => new Blob(['AB']).stream();
  for (const body of [pieces(), web(), Readable.from(['A', 'B'])] as unknown as BodyInit[]) {
    const got = await sent(t, { body, duplex: 'half' } as RequestInit);
    assert.deepEqual([got.body, got.length, got.type], ['AB', undefined, undefined]);
  }
  const slow = new Request('http://x/', {
    method: 'POST',
    body: Readable.toWeb(Readable.from(pieces())),
    duplex: 'half',
  } as never);
  assert.equal((await sent(t, { body: slow.body, duplex: 'half' } as never)).body, 'AB');
  const { client } = await pair(t);
  const post = (init: object) => fails(client.fetch('/x', { method: 'POST', ...init } as RequestInit));
  assert.match((await post({ body: web() })).message, /duplex/);
  assert.match((await post({ body: pieces() })).message, /duplex/);
  const locked = web();
  locked.getReader();
  assert.match((await post({ body: locked, duplex: 'half' })).message, /locked/);
  const request = new Request('http://x/', { method: 'POST', body: 'x' });
  await request.text();
  assert.ok((await fails(client.fetch(request))) instanceof TypeError);
});

test('a stream of a body that breaks fails the call with what broke it', async (t) => {
  const { client } = await pair(t);
  const body = new ReadableStream({ pull: () => Promise.reject(new Error('the disk is gone')) });
  const error = await fails(client.fetch('/x', { method: 'POST', body, duplex: 'half' } as RequestInit));
  assert.deepEqual([error.name, error.message], ['TypeError', 'fetch failed']);
  assert.match((error.cause as Error).message, /the disk is gone/);
});

test('headers in any container go out, those of the call over those of the client', async (t) => {
  const { client, simulator } = await pair(t, { headers: { 'X-One': 'client', 'X-Two': 'client' } });
  for (const headers of [
    { 'x-one': 'call' },
    new Headers({ 'x-one': 'call' }),
    [['x-one', 'call']] as [string, string][],
  ]) {
    await client.fetch('/x', { headers });
    const received = simulator.received.at(-1);
    assert.deepEqual([received?.header('x-one'), received?.header('x-two')], ['call', 'client']);
    assert.equal(received?.header('accept'), '*/*');
  }
  const request = new Request(`${simulator.url}/x`, { headers: { 'x-one': 'request', 'x-three': '3' }, method: 'PUT' });
  await client.fetch(request, { headers: { 'x-one': 'init' } });
  const last = simulator.received.at(-1);
  assert.deepEqual([last?.method, last?.header('x-one'), last?.header('x-three')], ['PUT', 'init', undefined]);
});

test('what is no network is read all the same', async (t) => {
  const { client, simulator } = await pair(t);
  assert.equal(await (await client.fetch('data:,hi')).text(), 'hi');
  const url = URL.createObjectURL(new Blob(['ho']));
  assert.equal(await (await client.fetch(url)).text(), 'ho');
  assert.deepEqual(simulator.received, []);
});

test('what the standard refuses is a TypeError, and nothing is sent', async (t) => {
  const { client, simulator } = await pair(t);
  for (const init of [
    { method: 'GET', body: 'x' },
    { method: 'HEAD', body: 'x' },
    { method: 'TRACE' },
    { method: 'no method' },
    { redirect: 'sideways' },
    { mode: 'navigate' },
    { signal: 'now' },
    { headers: { 'no name': '1' } },
    { headers: { a: 'line\nbreak' } },
    { headers: 5 },
    { integrity: 'sha256-x' },
    { dispatcher: {} },
    5,
  ])
    assert.ok((await fails(client.fetch('/x', init as RequestInit))) instanceof TypeError, inspect(init));
  assert.deepEqual(simulator.received, []);
});

test('a network that fails is the TypeError of fetch, with our error as its cause', async (t) => {
  const client = createClient({ proxy: false, timeout: { firstByte: 50 } });
  t.after(() => client.close());
  const refused = await fails(client.fetch('http://127.0.0.1:1/x'));
  assert.deepEqual([refused.name, refused.message], ['TypeError', 'fetch failed']);
  assert.ok(refused.cause instanceof TraeError);
  assert.equal(refused.cause.code, 'CONNECTION_REFUSED');
  const { simulator } = await pair(t);
  const late = await fails(client.fetch(`${simulator.url}/x`, answering({ hang: 'headers' })));
  assert.equal((late.cause as TraeError).code, 'TIMEOUT');
});

test('a body that breaks after it began errors for whoever reads it', async (t) => {
  const { client } = await pair(t);
  const res = await client.fetch('/x', answering({ sse: 'data: 1\n\ndata: 2\n\n', cutAfterBytes: 12 }));
  const error = await fails(res.text());
  assert.deepEqual([error.name, error.message], ['TypeError', 'terminated']);
  assert.ok(error.cause instanceof TraeError);
});

test('an abort rejects with the reason of its signal, before, during and after', async (t) => {
  const { client, simulator } = await pair(t);
  const before = await fails(client.fetch('/x', { signal: AbortSignal.abort() }));
  assert.deepEqual([before.name, before.constructor.name], ['AbortError', 'DOMException']);
  assert.equal(simulator.received.length, 0);
  const reason = new Error('no longer wanted');
  const waiting = new AbortController();
  const during = client.fetch('/x', { signal: waiting.signal, ...answering({ hang: 'headers' }) });
  await until(() => simulator.received.length === 1, 'the request has arrived');
  waiting.abort(reason);
  assert.equal(await fails(during), reason);
  const reading = new AbortController();
  const res = await client.fetch('/x', { signal: reading.signal, ...answering({ sse: 'data: 1\n\n', hang: 'body' }) });
  const reader = (res.body as ReadableStream).getReader();
  const next = reader.read().then((first) => (first.done ? first : reader.read()));
  reading.abort(reason);
  assert.equal(await fails(next), reason);
  const request = new Request(`${simulator.url}/x`, { signal: AbortSignal.abort(reason) });
  assert.equal(await fails(client.fetch(request)), reason);
  const over = new AbortController();
  const whole = await client.fetch('/x', { signal: over.signal, ...answering({ body: 'abc' }) });
  const copy = whole.clone();
  over.abort(reason);
  assert.deepEqual([await fails(whole.text()), await fails(copy.json())], [reason, reason], 'what is here, too');
  await until(() => counters()[1] === 0, 'nothing is under way');
});

test('a body that nobody wants lets go of its connection: cancelled, left in a loop, or dropped', async (t) => {
  const { client, simulator } = await pair(t, { pool: { maxSockets: 1 } });
  const endless = answering({ events: 1_000_000, paceMs: 1 });
  await (await client.fetch('/v1/messages', endless)).body?.cancel();
  const looped = await client.fetch('/v1/messages', endless);
  for await (const _ of looped.body as unknown as AsyncIterable<Uint8Array>) break;
  await client.fetch('/v1/messages', endless);
  // With one connection this waits until the one before is given up.
  await until(async () => {
    globalThis.gc?.();
    return simulator.counters.aborted === 3;
  }, 'all three are given up');
  assert.equal((await client.fetch('/x', answering({ body: 'next' }))).status, 200);
});

test('a reader that does not read holds the server back, and a slow one gets every byte', async (t) => {
  const { client, simulator } = await pair(t);
  const events = 100_000;
  const res = await client.fetch('/v1/messages', answering({ events, eventsPerWrite: 100 }));
  let wrote = -1;
  await until(async () => {
    const now = simulator.received[0]?.bytesWritten ?? 0;
    const still = now > 0 && now === wrote;
    wrote = now;
    if (!still) await new Promise((resolve) => setTimeout(resolve, 200));
    return still;
  }, 'it has stopped writing');
  assert.ok(wrote < events * 130 * 0.7, `${wrote} bytes were written for nobody`);
  assert.equal((await res.text()).match(/^event: content_block_delta$/gm)?.length, events);
});

test('a reader may bring its own buffer', async (t) => {
  const { client } = await pair(t);
  const res = await client.fetch('/x', answering({ body: 'abcdef' }));
  const reader = (res.body as ReadableStream<Uint8Array>).getReader({ mode: 'byob' });
  let text = '';
  for (;;) {
    const { value, done } = await reader.read(new Uint8Array(4));
    if (done) break;
    text += Buffer.from(value).toString();
  }
  assert.equal(text, 'abcdef');
});

test('an answer is there with its head, also where its body keeps one waiting', async (t) => {
  const server = createServer((_, res) => {
    res.writeHead(200, { 'content-type': 'application/json' });
    res.write('{"a":');
    server.once('more', () => res.end('1}'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = createClient({ proxy: false });
  t.after(async () => {
    await client.close();
    server.close();
  });
  const res = await client.fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  assert.equal(res.status, 200);
  server.emit('more');
  assert.deepEqual(await res.json(), { a: 1 });
});

test('it works without its client, and shows no credential', async (t) => {
  const { client } = await pair(t);
  const { fetch } = client;
  assert.deepEqual([fetch.name, fetch.length], ['fetch', 1]);
  const res = await fetch('/x?api_key=hidden', answering({ body: 'x', headers: { 'set-cookie': 'k=secret' } }));
  assert.ok(!/hidden|secret/.test(inspect(res)), inspect(res));
  assert.match(inspect(res), /^Response \{\s+status: 200/);
});
