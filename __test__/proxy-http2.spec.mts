// Callers that abuse HTTP/2: floods of streams and frames, bombs of headers, windows that stay shut.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { type TestContext, test } from 'node:test';
import * as h2 from './helpers/frames.mts';
import { figure, proxied, serves, streamed } from './helpers/proxied.mts';
import { Raw } from './helpers/raw.mts';
import { message, until } from './helpers/simulator.mts';

const MIB = 2 ** 20;

function session(t: TestContext, url: string, settings = {}): ClientHttp2Session {
  const client = connect(url, { settings });
  client.on('error', () => {});
  t.after(() => client.destroy());
  return client;
}

const post = { ':method': 'POST', ':path': '/v1/messages', 'content-type': 'application/json' };

function asks(client: ClientHttp2Session, body: object): ClientHttp2Stream {
  const stream = client.request(post);
  stream.on('error', () => {});
  stream.end(JSON.stringify(body));
  return stream;
}

/** Memory does not grow by more while this is done, and another caller is served during and after it. */
async function harmless(url: string, most: number, does: () => Promise<unknown>): Promise<void> {
  await serves(url);
  globalThis.gc?.();
  const before = process.memoryUsage().rss;
  await Promise.all([does(), serves(url)]);
  await serves(url);
  const grown = (process.memoryUsage().rss - before) / MIB;
  assert.ok(grown < most, `${grown.toFixed(0)} MiB more`);
}

/** Writes a flood with the pace at which it is read, until all is written or the other side has had enough. */
async function flood(raw: Raw, bytes: Buffer, times: number): Promise<void> {
  for (let at = 0; at < times && !raw.closed && raw.socket.writable; at++)
    if (!raw.socket.write(bytes)) await until(() => raw.closed || !raw.socket.writableNeedDrain, 'it is read', 20_000);
}

test('streams that are opened and reset by the thousand hold up nobody, and leave nothing behind', async (t) => {
  const { proxy, simulator } = await proxied(t, { cache: false });
  simulator.always({ delayMs: 20 });
  await harmless(proxy.url, 80, async () => {
    const raw = await Raw.open(t, proxy.url);
    raw.write(h2.BEGIN);
    const head = h2.fields({ ...h2.asking('/v1/messages', 'POST'), 'content-type': 'application/json' });
    for (let round = 0; round < 100 && !raw.closed; round++) {
      const frames: Buffer[] = [];
      for (let at = 0; at < 100; at++) {
        const stream = 2 * (round * 100 + at) + 1;
        frames.push(h2.frame(h2.HEADERS, h2.END_HEADERS, stream, head));
        frames.push(h2.frame(h2.DATA, h2.END_STREAM, stream, Buffer.from(JSON.stringify(message()))));
        frames.push(h2.frame(h2.RST_STREAM, 0, stream, h2.uint32(8)));
      }
      await flood(raw, Buffer.concat(frames), 1);
    }
    raw.socket.destroy();
  });
  await until(async () => (await figure(proxy.url, 'trae_proxy_connections')) <= 3, 'the connection is gone');
  await until(() => simulator.received.every(({ complete, aborted }) => complete || aborted), 'no call is left');
});

test('streams that a client resets one by one end their calls', async (t) => {
  const { proxy, simulator } = await proxied(t, { cache: false });
  simulator.always({ hang: 'body', events: 3 });
  const client = session(t, proxy.url);
  for (let round = 0; round < 20; round++) {
    const streams = Array.from({ length: 50 }, () => asks(client, streamed()));
    await Promise.all(streams.map((stream) => once(stream, 'response')));
    for (const stream of streams) stream.close(8);
  }
  await until(() => simulator.counters.aborted === 1000, 'all calls have ended');
  assert.equal(client.closed || client.destroyed, false);
});

test('headers that go on in frame after frame, or that a table makes large, are cut off', async (t) => {
  const { proxy, simulator } = await proxied(t);
  const filler = Buffer.alloc(16_000, 0x61);
  await harmless(proxy.url, 60, async () => {
    const raw = await Raw.open(t, proxy.url);
    raw.write(h2.BEGIN).write(h2.frame(h2.HEADERS, h2.END_STREAM, 1, h2.fields(h2.asking('/v1/models'))));
    await flood(raw, h2.frame(h2.CONTINUATION, 0, 1, h2.field('x', filler.toString())), 5000);
    await raw.ended();
  });
  await harmless(proxy.url, 60, async () => {
    const raw = await Raw.open(t, proxy.url);
    raw.write(h2.BEGIN).write(h2.frame(h2.HEADERS, h2.END_STREAM, 1, h2.fields(h2.asking('/v1/models'))));
    await flood(raw, h2.frame(h2.CONTINUATION, 0, 1), 500_000);
    raw.socket.destroy();
  });
  await harmless(proxy.url, 60, async () => {
    const raw = await Raw.open(t, proxy.url);
    raw.write(h2.BEGIN);
    const large = h2.field('x', 'a'.repeat(4000), true);
    const bomb = Buffer.concat([h2.fields(h2.asking('/v1/models')), large, ...Array(8000).fill(h2.indexed(62))]);
    for (let stream = 1; stream < 200; stream += 2)
      raw.write(h2.frame(h2.HEADERS, h2.END_STREAM | h2.END_HEADERS, stream, bomb));
    await new Promise((resolve) => setTimeout(resolve, 500));
    raw.socket.destroy();
  });
  assert.equal(simulator.received.filter(({ path }) => path === '/v1/models').length, 0);
});

test('floods of small frames do no harm, also where their answers are not read', async (t) => {
  const { proxy } = await proxied(t);
  const floods: Record<string, Buffer> = {
    pings: h2.frame(h2.PING, 0, 0, Buffer.alloc(8)),
    settings: h2.frame(h2.SETTINGS, 0, 0),
    'empty data': h2.frame(h2.DATA, 0, 1),
    windows: h2.frame(h2.WINDOW_UPDATE, 0, 0, h2.uint32(1)),
    'unknown kinds': h2.frame(99, 0, 0, Buffer.alloc(100)),
  };
  for (const bytes of Object.values(floods))
    await harmless(proxy.url, 60, async () => {
      const raw = await Raw.open(t, proxy.url);
      raw.pause().write(h2.BEGIN);
      raw.write(h2.frame(h2.HEADERS, h2.END_HEADERS, 1, h2.fields(h2.asking('/v1/messages', 'POST'))));
      const many = Buffer.concat(Array(1000).fill(bytes));
      const writing = flood(raw, many, 300);
      await Promise.race([writing, new Promise((resolve) => setTimeout(resolve, 1000))]);
      raw.socket.destroy();
      await writing;
    });
});

test('a window that stays shut is a caller that takes nothing', async (t) => {
  const { proxy, simulator } = await proxied(t, { cache: false, limits: { writeTimeout: 400 } });
  simulator.always({ events: 200_000, eventsPerWrite: 500 });
  const client = session(t, proxy.url, { initialWindowSize: 0 });
  const streams = Array.from({ length: 20 }, () => asks(client, streamed()));
  const ends = streams.map((stream) => new Promise((resolve) => stream.once('close', () => resolve('ended'))));
  await until(() => simulator.counters.requests === 20, 'all are asked');
  await serves(proxy.url);
  await until(() => simulator.counters.connectionsOpen <= 1, 'the API is left', 3000);
  // Whoever opens it after all is told that the answer is gone.
  client.settings({ initialWindowSize: 1 << 20 });
  await Promise.all(ends);
});

test('a body of HTTP/2 of which nothing comes is a 408, and one that is too large a 413', async (t) => {
  const { proxy, simulator } = await proxied(t, { limits: { bodyTimeout: 300, requestBytes: 1000 } });
  const client = session(t, proxy.url);
  for (const [piece, status] of [
    ['{"model"', 408],
    [' '.repeat(2000), 413],
  ] as const) {
    const stream = client.request(post);
    stream.on('error', () => {});
    stream.write(piece);
    const [headers] = await once(stream, 'response');
    assert.equal(headers[':status'], status);
    stream.close();
  }
  assert.deepEqual(simulator.received, []);
});

test('a request of HTTP/2 that HTTP/1 would read in another way does not reach the API', async (t) => {
  const { proxy, simulator } = await proxied(t, { cache: false });
  const ask = h2.asking('/v1/messages', 'POST');
  const all: [string, [string, string][]][] = [
    ['a coding', [...Object.entries(ask), ['transfer-encoding', 'chunked']]],
    ['a length that is not its own', [...Object.entries(ask), ['content-length', '5']]],
    ['two lengths', [...Object.entries(ask), ['content-length', '2'], ['content-length', '3']]],
    ['a header of a connection', [...Object.entries(ask), ['connection', 'close']]],
    ['CR and LF in a value', [...Object.entries(ask), ['x-a', 'b\r\nx-b: c']]],
    ['CR and LF in a name', [...Object.entries(ask), ['x-a\r\nx-b', 'c']]],
    ['a colon in a name', [...Object.entries(ask), ['x-a: b', 'c']]],
    ['NUL in a value', [...Object.entries(ask), ['x-a', 'b\0c']]],
    ['a name in capitals', [...Object.entries(ask), ['X-A', 'b']]],
    ['a line in its path', Object.entries({ ...ask, ':path': '/v1/x HTTP/1.1\r\nhost: evil' })],
    ['a space in its path', Object.entries({ ...ask, ':path': '/v1/x y' })],
    ['two paths', [...Object.entries(ask), [':path', '/v1/evil']]],
    ['a line in its method', Object.entries({ ...ask, ':method': 'GET /v1/x HTTP/1.1\r\n' })],
    ['a tunnel', Object.entries({ ':method': 'CONNECT', ':authority': 'evil.example:443' })],
    ['a tunnel of its own', [...Object.entries({ ...ask, ':method': 'CONNECT' }), [':protocol', 'websocket']]],
  ];
  for (const [what, fields] of all) {
    simulator.clear();
    const raw = await Raw.open(t, proxy.url);
    raw.write(h2.BEGIN).write(h2.frame(h2.HEADERS, h2.END_HEADERS, 1, h2.fields(fields)));
    raw.write(h2.frame(h2.DATA, h2.END_STREAM, 1, Buffer.from('{}')));
    await until(() => raw.closed || raw.text.length > 60, `an answer to ${what}`, 1000).catch(() => {});
    await serves(proxy.url);
    assert.deepEqual(
      simulator.received.filter(({ bodyLength }) => bodyLength < 5).map(({ path }) => path),
      [],
      what,
    );
    raw.socket.destroy();
  }
});
