// Requests that two servers could read in two ways: the proxy refuses them, or reads them in the one way and ends the
// connection. Nothing of a body is ever a request.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { ask, proxied, serves, UPSTREAM_KEY } from './helpers/proxied.mts';
import { exchange, Raw } from './helpers/raw.mts';
import { message } from './helpers/simulator.mts';

const body = JSON.stringify(message());
const length = `content-length: ${body.length}\r\n`;
const chunked = (text = body): string => `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;
const smuggled = 'GET /v1/smuggled HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n';

const post = (headers: string, content = body): string =>
  `POST /v1/messages HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n${headers}\r\n${content}`;
const coded = (headers: string): string => post(headers, chunked());
const inChunks = (content: string): string => post('transfer-encoding: chunked\r\n', content);
const size = body.length.toString(16);

/** Each is refused with 400, the connection ends, and the API hears nothing of it. */
async function assertRefused(t: TestContext, requests: Record<string, string>): Promise<void> {
  const both = await proxied(t, { cache: false });
  const all = Object.entries(requests).map(async ([what, bytes]) => {
    const { statuses, closed } = await exchange(t, both.proxy.url, bytes + smuggled);
    return `${statuses}` === '400' && closed ? [] : [`${what}: ${statuses}, ${closed ? 'closed' : 'open'}`];
  });
  assert.deepEqual((await Promise.all(all)).flat(), []);
  assert.deepEqual(both.simulator.received, []);
  await serves(both.proxy.url);
}

test('a length that could be read in two ways is refused', (t) =>
  assertRefused(t, {
    'two that differ': post(`${length}content-length: 3\r\n`),
    'two that differ, the other way round': post(`content-length: 3\r\n${length}`),
    'a list': post(`content-length: ${body.length}, ${body.length}\r\n`),
    'a sign': post(`content-length: +${body.length}\r\n`),
    'less than nothing': post('content-length: -1\r\n'),
    hexadecimal: post('content-length: 0x10\r\n'),
    none: post('content-length: \r\n'),
    'more than a number holds': post('content-length: 99999999999999999999999\r\n'),
  }));

test('a transfer coding that is not chunked, and that alone, is refused', (t) =>
  assertRefused(t, {
    xchunked: coded('transfer-encoding: xchunked\r\n'),
    identity: coded('transfer-encoding: identity\r\n'),
    'chunked, identity': coded('transfer-encoding: chunked, identity\r\n'),
    'chunked, and identity by itself': coded('transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n'),
    quoted: coded('transfer-encoding: "chunked"\r\n'),
    'with a parameter': coded('transfer-encoding: chunked;q=1\r\n'),
    'behind a vertical tab': coded('transfer-encoding: \x0bchunked\r\n'),
    'of HTTP/1.0': coded('transfer-encoding: chunked\r\n').replace('HTTP/1.1', 'HTTP/1.0'),
  }));

test('a body that was coded before it was chunked, or chunked twice, is refused', (t) =>
  assertRefused(t, {
    'gzip, chunked': coded('transfer-encoding: gzip, chunked\r\n'),
    'identity, chunked': coded('transfer-encoding: identity, chunked\r\n'),
    'chunked, chunked': coded('transfer-encoding: chunked, chunked\r\n'),
    'chunked twice': coded('transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n'),
  }));

test('chunks that are none are refused', (t) =>
  assertRefused(t, {
    'no number': inChunks(`zz\r\n${body}\r\n0\r\n\r\n`),
    'a sign': inChunks(`-5\r\n${body}\r\n0\r\n\r\n`),
    'a prefix': inChunks(`0x${size}\r\n${body}\r\n0\r\n\r\n`),
    'more than a number holds': inChunks(`fffffffffffffffff\r\n${body}\r\n0\r\n\r\n`),
    'a bare LF': inChunks(`${size}\n${body}\r\n0\r\n\r\n`),
    'a bare LF in an extension': inChunks(`${size};a\nb\r\n${body}\r\n0\r\n\r\n`),
    'less than its size': inChunks(`${(body.length + 9).toString(16)}\r\n${body}\r\n0\r\n\r\n`),
    'more than its size': inChunks(`${(body.length - 3).toString(16)}\r\n${body}\r\n0\r\n\r\n`),
    'no end of line': inChunks(`${size}\r\n${body}0\r\n\r\n`),
    'a flood of extensions': inChunks(`${`1;${'a'.repeat(4000)}\r\nx\r\n`.repeat(300)}0\r\n\r\n`),
    'a flood of trailers': inChunks(`${size}\r\n${body}\r\n0\r\n${'x-t: y\r\n'.repeat(20_000)}\r\n`),
  }));

test('lines that are no headers are refused', (t) =>
  assertRefused(t, {
    'a folded length': post(`content-length:\r\n ${body.length}\r\n`),
    'a folded coding': coded('transfer-encoding:\r\n chunked\r\n'),
    'a fold': post(`${length}x-a: b\r\n c\r\n`),
    'a space before the colon': coded('transfer-encoding : chunked\r\n'),
    'a space before the first name': post(length).replace('host', ' host'),
    'NUL in a value': post(`${length}x-a: b\0c\r\n`),
    'NUL in a name': post(`${length}x\0a: b\r\n`),
    'a bare CR': post(`${length}x-a: b\rx-b: c\r\n`),
    'no colon': post(`${length}x-a\r\n`),
    'no name': post(`${length}: b\r\n`),
    'two hosts': post(`${length}host: evil.example\r\n`),
    'no host': post(length).replace('host: 127.0.0.1\r\n', ''),
  }));

test('two hosts are refused of HTTP/1.0, too', (t) =>
  assertRefused(t, { 'HTTP/1.0': post(`${length}host: evil.example\r\n`).replace('HTTP/1.1', 'HTTP/1.0') }));

test('a request with a length and a coding is read by its chunks, or not at all, and is the last of its connection', async (t) => {
  const { proxy, simulator } = await proxied(t, { cache: false });
  const coding = 'transfer-encoding: chunked\r\n';
  for (const lengths of ['content-length: 5\r\n', `content-length: ${chunked().length + smuggled.length}\r\n`])
    for (const headers of [lengths + coding, coding + lengths]) {
      simulator.clear();
      const raw = await exchange(t, proxy.url, post(headers, chunked()) + smuggled);
      assert.ok(raw.closed && raw.statuses.length === 1, raw.text);
      const arrived = simulator.received.map(({ path, bodyLength }) => [path, bodyLength]);
      assert.deepEqual(arrived, raw.statuses[0] === 400 ? [] : [['/v1/messages', body.length]]);
    }
});

test('what is pipelined are requests, each answered in order', async (t) => {
  const { proxy, simulator } = await proxied(t, { cache: false });
  const raw = await Raw.open(t, proxy.url);
  raw.write(post(length) + inChunks(chunked()) + smuggled);
  await raw.has('Not found');
  assert.deepEqual(raw.statuses, [200, 200, 404]);
  assert.deepEqual(
    simulator.received.map(({ path }) => path),
    ['/v1/messages', '/v1/messages', '/v1/smuggled'],
  );
});

test('a request that names another host is not sent there, whatever its form', async (t) => {
  const { proxy, simulator } = await proxied(t, { cache: false });
  const other = await proxied(t, { cache: false });
  const host = new URL(other.simulator.url).host;
  for (const target of [`http://${host}/v1/messages`, `//${host}/v1/messages`, `/v1/@${host}/x`, `/v1/http://${host}/`])
    for (const name of ['127.0.0.1', host])
      await exchange(t, proxy.url, post(length).replace('/v1/messages', target).replace('127.0.0.1', name), 300);
  for (const target of [host, `/v1/${host}`, `http://${host}/v1/`])
    await exchange(t, proxy.url, `CONNECT ${target} HTTP/1.1\r\nhost: ${host}\r\n\r\n`, 300);
  assert.deepEqual(other.simulator.received, []);
  for (const { headers } of simulator.received)
    assert.deepEqual(
      headers.filter(([name]) => name === 'host'),
      [['host', new URL(simulator.url).host]],
    );
});

test('a target of another host than the header names is refused', async (t) => {
  const { proxy } = await proxied(t);
  const raw = await exchange(t, proxy.url, post(length).replace('/v1/', 'http://evil.example/v1/'), 500);
  assert.ok([400, 421].includes(raw.statuses[0] ?? 0), `${raw.statuses}`);
});

test('methods that open a tunnel, or send the key back, do not reach the API', async (t) => {
  const { proxy, simulator } = await proxied(t, { cache: false });
  simulator.always({ echo: true });
  for (const method of ['CONNECT', 'TRACE', 'TRACK', 'PRI', 'X'.repeat(2000)]) {
    const raw = await exchange(t, proxy.url, `${method} /v1/messages HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`, 500);
    assert.ok(!raw.text.includes(UPSTREAM_KEY), method);
  }
  assert.deepEqual(
    simulator.received.map(({ method }) => method.slice(0, 10)),
    [],
  );
});

test('a path that could lead out of the API is refused', async (t) => {
  const { proxy, simulator } = await proxied(t);
  const steps = ['..%2f', '%2e%2e/', '.%2E/', '../', './', '..%5c', '..\\', 'a%00', 'x/../../', 'x/..', '%2F'];
  for (const step of steps) {
    const raw = await exchange(t, proxy.url, `GET /v1/${step} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`, 500);
    assert.deepEqual(raw.statuses, [400], step);
  }
  for (const path of ['//v1/messages', '/v1', '/V1/messages', '/%76%31/messages', '/v2/x', '/v1%2fmessages'])
    assert.equal((await ask(proxy.url, null, {}, { path })).status, 404, path);
  assert.deepEqual(simulator.received, []);
});

test('a step that some servers read as `..` is refused: behind a parameter, encoded twice, or too long', async (t) => {
  const { proxy, simulator } = await proxied(t);
  for (const step of ['..;/', '..;a=b/', '%252e%252e/', '%c0%ae%c0%ae/']) {
    const raw = await exchange(t, proxy.url, `GET /v1/${step}x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`, 500);
    assert.deepEqual(raw.statuses, [400], step);
  }
  assert.deepEqual(simulator.received, []);
});

test('a caller that names its request in another way than names are written is given one', async (t) => {
  const { proxy, simulator } = await proxied(t, { sessions: {} });
  for (const name of ['a b', 'a,b', '"x"', '<script>', 'sk-ant-key', 'x'.repeat(129), 'a%0d%0ab', '\xe9']) {
    const asked = await ask(proxy.url, message(name), { 'x-request-id': name });
    assert.match(asked.headers.get('x-request-id') ?? '', /^prx_[0-9a-f]{24}$/, name);
  }
  assert.equal((await ask(proxy.url, message(), { 'x-request-id': 'job-7' })).headers.get('x-request-id'), 'job-7');
  simulator.clear();
  for (const name of ['\xe9', 'x'.repeat(257), ''])
    assert.equal((await ask(proxy.url, message(), { 'x-session-id': name })).status, 400, name);
  assert.deepEqual(simulator.received, []);
});
