// A plain call: what is sent, what comes back, in which shape.

import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import trae, { createClient } from 'trae-native';
import { answering, message, pair } from './helpers/simulator.mts';

test('a posted object goes as JSON and the answer comes back parsed', async (t) => {
  const { client, simulator } = await pair(t, { headers: { 'x-api-key': 'key-1' } });
  const res = await client.post('/v1/messages', message('Hi'));
  assert.equal(res.status, 200);
  assert.equal(res.statusText, 'OK');
  assert.equal(res.data.type, 'message');
  assert.match(res.requestId ?? '', /^req_/);
  assert.equal(res.attempts, 1);
  assert.equal(res.request.method, 'POST');
  assert.equal(res.request.url, `${simulator.url}/v1/messages`);
  assert.ok(res.timing.totalMs !== null && res.timing.totalMs > 0);
  const [received] = simulator.received;
  assert.equal(received?.method, 'POST');
  assert.deepEqual(received?.json(), message('Hi'));
  assert.equal(received?.header('content-type'), 'application/json');
  assert.equal(received?.header('x-api-key'), 'key-1');
});

test('every verb arrives as itself, detached from its client or not', async (t) => {
  const { client, simulator } = await pair(t);
  const { get, post } = client;
  const echo = answering({ echo: true });
  await get('/a', echo);
  await client.delete('/b', echo);
  await client.head('/c', echo);
  await client.options('/d', echo);
  await post('/e', {}, echo);
  await client.put('/f', {}, echo);
  await client.patch('/g', {}, echo);
  await client.request({ url: '/h', method: 'put', data: { a: 1 }, ...echo });
  const seen = simulator.received.map(({ method, path }) => `${method} ${path}`);
  assert.deepEqual(seen, ['GET /a', 'DELETE /b', 'HEAD /c', 'OPTIONS /d', 'POST /e', 'PUT /f', 'PATCH /g', 'PUT /h']);
});

test('the shape of an answer follows its media type unless the caller names one', async (t) => {
  const { client } = await pair(t);
  const as = (type: string | null, body: string, responseType?: 'text' | 'json' | 'buffer') => {
    const headers: Record<string, string> = type === null ? {} : { 'content-type': type };
    return client.get('/x', { ...answering({ body, headers }), ...(responseType && { responseType }) });
  };
  assert.deepEqual((await as('application/json; charset=utf-8', '{"a":1}')).data, { a: 1 });
  assert.deepEqual((await as('application/problem+json', '{"a":2}')).data, { a: 2 });
  assert.equal((await as('text/plain', 'hällo')).data, 'hällo');
  assert.ok(Buffer.isBuffer((await as('image/png', 'abc')).data));
  assert.equal((await as('application/json', '{"a":1}', 'text')).data, '{"a":1}');
  assert.deepEqual((await as('text/plain', '[1]', 'json')).data, [1]);
  assert.deepEqual((await as('application/json', '{}', 'buffer')).data, Buffer.from('{}'));
  assert.equal((await client.head('/v1/models')).data, '');
  assert.equal((await client.get('/x', answering({ status: 204 }))).data, '');
});

test('parameters are nested, listed, appended to a query that is there, and the fragment stays', async (t) => {
  const { client, simulator } = await pair(t, { params: { beta: true } });
  const when = new Date(0);
  const params = { a: [1, 2], b: { c: 'x y', d: null }, e: undefined, when, deep: [{ n: 1 }] };
  const res = await client.get('/p?x=1#part', { params, ...answering({ echo: true }) });
  const path = decodeURIComponent(simulator.received[0]?.path.replaceAll('+', ' ') ?? '');
  assert.equal(path, '/p?x=1&beta=true&a[]=1&a[]=2&b[c]=x y&when=1970-01-01T00:00:00.000Z&deep[0][n]=1');
  assert.ok(res.request.url.endsWith('#part'));
  await client.get('/q', {
    params: new URLSearchParams([
      ['k', 'a&b'],
      ['k', 'c'],
    ]),
    ...answering({ echo: true }),
  });
  assert.equal(simulator.received[1]?.path, '/q?beta=true&k=a%26b&k=c');
});

test('default headers are caseless, can be replaced, and null or undefined removes one', async (t) => {
  const { client, simulator } = await pair(t, { headers: { 'X-One': '1', 'X-Two': '2', 'X-Three': '3' } });
  const { headers } = answering({ echo: true });
  await client.get('/h', {
    headers: { ...headers, 'x-one': 'one', 'x-TWO': null, 'x-three': undefined, list: ['a', 'b'] },
  });
  const seen = simulator.received[0];
  assert.equal(seen?.header('x-one'), 'one');
  assert.equal(seen?.header('x-two'), undefined);
  assert.equal(seen?.header('x-three'), undefined);
  assert.deepEqual(
    seen?.headers.filter(([name]) => name === 'list').map(([, value]) => value),
    ['a', 'b'],
  );
});

test('each kind of body arrives byte for byte with its media type', async (t) => {
  const { client, simulator } = await pair(t);
  const echo = answering({ echo: true });
  const whole = new Uint8Array([9, 1, 2, 3, 9]);
  async function* pieces() {
    yield 'one ';
    yield Buffer.from('two');
  }
  const cases: [unknown, string, string][] = [
    ['{"raw":1}', '{"raw":1}', 'application/json'],
    [Buffer.from('buffer'), 'buffer', 'application/octet-stream'],
    [whole.subarray(1, 4), '\x01\x02\x03', 'application/octet-stream'],
    [new Uint16Array(whole.slice(0, 4).buffer, 2, 1), '\x02\x03', 'application/octet-stream'],
    [new Uint8Array([65]).buffer, 'A', 'application/octet-stream'],
    [new URLSearchParams({ a: 'b c' }), 'a=b+c', 'application/x-www-form-urlencoded;charset=UTF-8'],
    [new Blob(['blob'], { type: 'text/x' }), 'blob', 'text/x'],
    [Readable.from([Buffer.from('read'), Buffer.from('able')]), 'readable', 'application/octet-stream'],
    [new Response('web').body, 'web', 'application/octet-stream'],
    [pieces(), 'one two', 'application/octet-stream'],
    [[1, 2], '[1,2]', 'application/json'],
    [5, '5', 'application/json'],
    [false, 'false', 'application/json'],
  ];
  for (const [data, expected, type] of cases) {
    await client.post('/body', data, echo);
    const received = simulator.received.at(-1);
    assert.equal(received?.body.toString('latin1'), expected);
    assert.equal(received?.header('content-type'), type);
  }
  const form = new FormData();
  form.set('field', 'välue');
  form.set('file', new Blob(['content']), 'a.txt');
  await client.post('/form', form, echo);
  const received = simulator.received.at(-1);
  const boundary = /^multipart\/form-data; boundary=(.+)$/.exec(received?.header('content-type') ?? '')?.[1];
  assert.ok(boundary && received?.body.includes(boundary));
  assert.match(received?.body.toString() ?? '', /name="field"\r\n\r\nvälue\r\n/);
  assert.match(received?.body.toString() ?? '', /filename="a.txt"/);
});

test('a call without data sends no body and no media type', async (t) => {
  const { client, simulator } = await pair(t, { headers: { 'content-type': 'application/json' } });
  await client.post('/none', undefined, answering({ echo: true }));
  assert.equal(simulator.received[0]?.header('content-type'), undefined);
  assert.equal(simulator.received[0]?.body.length, 0);
});

test('extend lays options over options and shares the pool', async (t) => {
  const { client, simulator } = await pair(t, { headers: { a: '1', b: '2' } });
  const child = client.extend({ headers: { B: 'two' }, params: { v: 1 } });
  await client.get('/one', answering({ echo: true }));
  await child.get('/two', answering({ echo: true }));
  const [, second] = simulator.received;
  assert.equal(second?.header('a'), '1');
  assert.equal(second?.header('b'), 'two');
  assert.equal(second?.path, '/two?v=1');
  assert.equal(simulator.counters.connectionsTotal, 1);
});

test('the default export is a client and its create makes clients', async (t) => {
  const { simulator } = await pair(t);
  const res = await trae.get(`${simulator.url}/v1/models`);
  assert.ok(Array.isArray(res.data.data));
  assert.equal(trae.create, createClient);
});

test('a transform may change the headers of its call, never the caller’s object', async (t) => {
  const transformRequest = (data: unknown, headers: object) => {
    Object.assign(headers, { 'x-added': 'yes' });
    return data;
  };
  const { client, simulator } = await pair(t, { transformRequest });
  const config = answering({ echo: true });
  await client.post('/t', {}, config);
  assert.equal(simulator.received[0]?.header('x-added'), 'yes');
  assert.deepEqual(Object.keys(config.headers), ['x-simulator']);
});

test('data may be transformed on its way out and on its way back', async (t) => {
  const { client, simulator } = await pair(t, {
    transformRequest: (data) => ({ wrapped: data }),
    transformResponse: (data) => ({ unwrapped: data.wrapped ?? data }),
  });
  const res = await client.post('/t', 1, answering({ body: { wrapped: 2 } }));
  assert.deepEqual(simulator.received[0]?.json(), { wrapped: 1 });
  assert.deepEqual(res.data, { unwrapped: 2 });
});

test('a header may have any name, also that of a method', async (t) => {
  const { client } = await pair(t);
  const headers = { get: 'g', has: 'h', entries: 'e', constructor: 'c', __proto__x: 'p' };
  const res = await client.get('/x', answering({ body: '{}', headers }));
  assert.equal(res.headers.get('get'), 'g');
  assert.equal(res.headers.get('constructor'), 'c');
  assert.equal(res.headers['__proto__x'], 'p');
  assert.match(res.requestId ?? '', /^req_/);
  assert.ok([...res.headers].some(([name]) => name === 'entries'));
});

test('a length that is not the body’s is not believed', async (t) => {
  const { client, simulator } = await pair(t);
  for (const length of ['0', '1', '20']) {
    const { headers } = answering({ echo: true });
    await client.post('/x', { a: 1 }, { timeout: 5000, headers: { ...headers, 'content-length': length } });
    assert.deepEqual(simulator.received.at(-1)?.json(), { a: 1 });
  }
});
