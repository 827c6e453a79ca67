// A stream sent on to a browser: by Node's responses of HTTP/1.1 and HTTP/2, and by a Response of the WHATWG's.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { connect, createServer as createServer2 } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createParser } from 'eventsource-parser';
import {
  AbortError,
  ConfigError,
  createClient,
  type EmitOptions,
  type Emitted,
  type EventStream,
  OverloadedError,
} from 'trae-native';
import { collect, message, pair, until } from './helpers/simulator.mts';

const body = (): object => ({ ...message(), stream: true });

/** What a browser would hear. */
function heard(text: string): { event: string | undefined; data: string }[] {
  const events: { event: string | undefined; data: string }[] = [];
  const parser = createParser({ onEvent: ({ event, data }) => events.push({ event, data }) });
  parser.feed(text);
  return events;
}

interface Sending {
  url: string;
  outcomes: Emitted[];
}

/** A server that answers each request with what `make` opens. */
async function sending(
  t: TestContext,
  make: () => Promise<EventStream>,
  options?: EmitOptions,
  begin = (_res: ServerResponse): unknown => undefined,
): Promise<Sending> {
  const outcomes: Emitted[] = [];
  const server = createServer(async (_req, res) => {
    begin(res);
    const stream = await make().catch((error) => void assert.ok(error instanceof AbortError));
    if (stream) outcomes.push(await stream.toSSE(res, options));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, outcomes };
}

test('a browser hears the events that the reader would have had, each under its name', async (t) => {
  const { client } = await pair(t);
  const { url, outcomes } = await sending(t, () => client.stream('/messages', body()), {
    headers: { 'x-own': 'yes', 'x-accel-buffering': null },
    status: 201,
  });
  const events = await collect(await client.stream('/messages', body()));
  const res = await fetch(url);
  const { headers, status } = res;
  assert.deepEqual(
    [status, headers.get('content-type'), headers.get('cache-control'), headers.get('x-own')],
    [201, 'text/event-stream; charset=utf-8', 'no-cache, no-transform', 'yes'],
  );
  assert.equal(headers.has('x-accel-buffering'), false);
  const got = heard(await res.text());
  const unlike = ({ data }: { data: string }) => data.replace(/"id":"[^"]*"/, '');
  const expected = events.map((event) => ({ event: event.type, data: JSON.stringify(event) }));
  assert.deepEqual(got.map(unlike), expected.map(unlike));
  assert.deepEqual(
    got.map(({ event }) => event),
    expected.map(({ event }) => event),
  );
  assert.deepEqual(outcomes, [{ ended: 'complete' }]);
});

test('a web handler gives the same as a Response', async (t) => {
  const { client } = await pair(t);
  const res = (await client.stream('/messages', body())).toResponse({ headers: { 'set-cookie': ['a=1', 'b=2'] } });
  assert.ok(res instanceof Response);
  assert.deepEqual(res.headers.getSetCookie(), ['a=1', 'b=2']);
  const got = heard(await res.text());
  assert.deepEqual([got[0]?.event, got.at(-1)?.event], ['message_start', 'message_stop']);
});

test('over HTTP/2 it is sent in the same way', async (t) => {
  const { client } = await pair(t);
  const server = createServer2(async (_req, res) => {
    await (await client.stream('/messages', body())).toSSE(res);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  t.after(() => {
    session.close();
    server.close();
  });
  let text = '';
  for await (const piece of session.request({ ':path': '/' })) text += piece;
  assert.equal(heard(text).at(-1)?.event, 'message_stop');
});

test('a stream that fails is told by an error event: of the API in its words, of the way to it in none', async (t) => {
  const { client, simulator } = await pair(t);
  const open = () => client.stream('/messages', body());
  const { url, outcomes } = await sending(t, open);
  simulator.reply({ errorAt: { index: 2, type: 'overloaded_error', message: 'too much' } });
  const told = heard(await (await fetch(url)).text()).at(-1);
  const error = { type: 'overloaded_error', message: 'too much' };
  const { request_id, ...rest } = JSON.parse(told?.data ?? '');
  assert.deepEqual([told?.event, rest], ['error', { type: 'error', error }]);
  assert.ok(outcomes[0]?.error instanceof OverloadedError);
  assert.equal(outcomes[0]?.error.requestId, request_id);
  simulator.reply({ cutAfterEvents: 3, cut: 'reset' });
  const broken = heard(await (await open()).toResponse().text()).at(-1);
  assert.equal(broken?.data, '{"type":"error","error":{"type":"api_error","message":"the answer broke off"}}');
});

test('an error of the API keeps all that it says through any number of services', async (t) => {
  const { client, simulator } = await pair(t);
  const error = { type: 'newer_error', message: 'no more', details: { kind: 'quota' } };
  const said = { type: 'error', error, request_id: 'req_first' };
  simulator.reply({ sse: `event: error\ndata: ${JSON.stringify(said)}\n\n` });
  const { url } = await sending(t, () => client.stream('/other', body()));
  const further = createClient({ proxy: false });
  t.after(() => further.close());
  const second = await sending(t, () => further.stream(url, body()));
  const got = heard(await (await fetch(second.url)).text());
  assert.deepEqual(
    got.map(({ data }) => JSON.parse(data)),
    [said],
  );
});

test('a stream that somebody else ends is not told as complete, whoever it is sent to', async (t) => {
  const { client, simulator } = await pair(t);
  for (const end of ['abort', 'close', 'reason'] as const) {
    simulator.always({ hangAfterEvents: 2 });
    const own = client.extend();
    const streams: EventStream[] = [];
    const open = async () => {
      const stream = await own.stream('/messages', body());
      streams.push(stream);
      return stream;
    };
    const { url, outcomes } = await sending(t, open);
    const texts = [(await fetch(url)).text(), (await open()).toResponse().text()];
    await until(() => own.stats().inFlight === 2, 'both are under way');
    if (end === 'close') await own.close();
    else for (const stream of streams) stream.abort(end === 'reason' ? new Error('enough') : undefined);
    for (const text of texts) assert.equal(heard(await text).at(-1)?.event, 'error', end);
    assert.deepEqual([outcomes[0]?.ended, outcomes[0]?.error instanceof AbortError], ['failed', true], end);
  }
});

test('a Response that nobody holds ends its call: unread, read once, or kept alive by a comment', {
  skip: !global.gc,
}, async (t) => {
  const { client, simulator } = await pair(t);
  simulator.always({ hangAfterEvents: 2 });
  const drop = async (reads: number): Promise<void> => {
    const response = (await client.stream('/messages', body())).toResponse({ heartbeat: 5 });
    if (reads === 0) return;
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    // What comes after the events is comments: then the next piece is waited for, and nobody reads.
    for (let read = 0; read < reads; read++) await reader.read();
  };
  for (const reads of [0, 1, 4]) await drop(reads);
  await until(async () => {
    global.gc?.();
    return client.stats().inFlight === 0;
  }, 'all calls have ended');
});

test('a Response that is held and read has all of its events, whoever lets go of the stream', {
  skip: !global.gc,
}, async (t) => {
  const { client, simulator } = await pair(t);
  simulator.always({ text: 'word '.repeat(40), paceMs: 2 });
  const { url, outcomes } = await sending(t, () => client.stream('/messages', body()));
  const response = (await client.stream('/messages', body())).toResponse();
  const collecting = setInterval(() => global.gc?.(), 5);
  t.after(() => clearInterval(collecting));
  for (const text of [response.text(), (await fetch(url)).text()])
    assert.equal(heard(await text).at(-1)?.event, 'message_stop');
  assert.deepEqual(outcomes, [{ ended: 'complete' }]);
});

test('no heartbeat keeps a process alive whose client is closed', async (t) => {
  const { simulator } = await pair(t);
  const program = `
    const { createClient } = require('./dist/index.js');
    const client = createClient({ baseURL: '${simulator.url}', proxy: false });
    const body = { model: 'm', max_tokens: 9, stream: true, messages: [{ role: 'user', content: 'x' }] };
    const headers = { 'x-simulator': JSON.stringify({ hangAfterEvents: 1 }) };
    (async () => {
      const open = async () => (await client.stream('/v1/messages', body, { headers })).toResponse();
      const [unread, read] = [await open(), await open()];
      const reader = read.body.getReader();
      await reader.read();
      const last = reader.read();
      globalThis.kept = [unread, reader];
      await client.close();
      console.log(/broke off/.test(new TextDecoder().decode((await last).value)));
    })();`;
  const child = spawn(process.execPath, ['-e', program], { cwd: new URL('..', import.meta.url) });
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  const code = await new Promise((resolve) => child.on('close', resolve));
  assert.deepEqual([code, text], [0, 'true\n']);
});

test('a browser that leaves ends the call, whether it reads or not', async (t) => {
  const { client, simulator } = await pair(t);
  simulator.always({ hangAfterEvents: 2 });
  const { url, outcomes } = await sending(t, () => client.stream('/messages', body()));
  const left = request(url);
  left.end();
  const [res] = (await once(left, 'response')) as [IncomingMessage];
  await once(res, 'data');
  left.on('error', () => {});
  res.on('error', () => {});
  left.destroy();
  await until(() => outcomes.length === 1 && client.stats().inFlight === 0, 'the call has ended');
  assert.deepEqual(outcomes, [{ ended: 'left' }]);
  const response = (await client.stream('/messages', body())).toResponse();
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  await reader.read();
  await reader.cancel();
  await until(() => client.stats().inFlight === 0, 'the call has ended');
});

test('a browser that leaves before there is a stream ends the call by its signal', async (t) => {
  const { client, simulator } = await pair(t);
  simulator.always({ hang: 'headers' });
  const leaving = new AbortController();
  const { url } = await sending(
    t,
    () => client.stream('/messages', body(), { signal: leaving.signal }),
    undefined,
    (res) => res.on('close', () => leaving.abort()),
  );
  const left = request(url);
  left.on('error', () => {});
  left.end();
  await until(() => client.stats().inFlight === 1, 'the call is under way');
  left.destroy();
  await until(() => client.stats().inFlight === 0, 'the call has ended');
});

test('no more is read than a browser takes', async (t) => {
  const { client, simulator } = await pair(t);
  const big = JSON.stringify({ type: 'content_block_delta', index: 0, delta: { type: 'x', pad: 'x'.repeat(1000) } });
  simulator.always({ sse: `data: ${big}\n\n`.repeat(30_000) });
  const { url, outcomes } = await sending(t, () => client.stream('/other', body()));
  const slow = request(url);
  slow.end();
  const [res] = (await once(slow, 'response')) as [IncomingMessage];
  res.pause();
  await until(() => (simulator.received[0]?.bytesWritten ?? 0) > 0, 'it has begun');
  const before = process.memoryUsage().rss;
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.ok(process.memoryUsage().rss - before < 25 << 20, 'what is not taken is not kept');
  assert.equal(outcomes.length, 0);
  let size = 0;
  for await (const piece of res) size += (piece as Buffer).length;
  assert.ok(size > 30_000_000);
  assert.deepEqual(outcomes, [{ ended: 'complete' }]);
});

test('a comment is sent in silence, and no line of an event can make another', async (t) => {
  const { client, simulator } = await pair(t);
  simulator.reply({ hangAfterEvents: 1 });
  const res = (await client.stream('/messages', body())).toResponse({ heartbeat: 5 });
  const reader = (res.body as ReadableStream<Uint8Array>).getReader();
  await reader.read();
  assert.equal(new TextDecoder().decode((await reader.read()).value), ': still there\n\n');
  assert.equal(new TextDecoder().decode((await reader.read()).value), ': still there\n\n');
  await reader.cancel();
  simulator.reply({ sse: `data: ${JSON.stringify({ type: 'a\ndata: b', text: 'c\n\ndata: d' })}\n\n` });
  const events = heard(await (await client.stream('/other', body())).toResponse().text());
  assert.deepEqual(
    events.map(({ event }) => event),
    [undefined],
  );
  const sse = 'event: own\nid: 7\nretry: 50\ndata: one\ndata: two\n\n';
  simulator.reply({ sse });
  const plain = await client.stream('/other', body(), { responseType: 'sse' });
  assert.equal(await plain.toResponse().text(), 'event: own\nid: 7\nretry: 50\ndata: one\ndata: two\n\n');
});

test('what can not be sent on is told, and a response that has begun is left alone', async (t) => {
  const { client } = await pair(t);
  const open = () => client.stream('/messages', body());
  await assert.rejects((await open()).toSSE({} as ServerResponse), ConfigError);
  const sent = { headersSent: true, write: () => true, writeHead: () => {} } as unknown as ServerResponse;
  await assert.rejects((await open()).toSSE(sent), /has sent its own already/);
  const stream = await open();
  const refused = (options: EmitOptions, told: RegExp): void =>
    assert.throws(
      () => stream.toResponse(options),
      (error) => error instanceof ConfigError && told.test(error.message),
    );
  refused({ heartbeat: -1 }, /`heartbeat` is a number/);
  refused({ hartbeat: 1 } as never, /did you mean `heartbeat`/);
  for (const status of [204, 205, 304]) refused({ status }, /has no body/);
  refused({ headers: { 'x-own': 'a\r\nset-cookie: b' } }, /`x-own` has a character that none may have/);
  refused({ headers: { 'a\nb': 'c' } }, /"a\\nb" can't be the name of a header/);
  // What was refused has not taken the stream.
  assert.equal(heard(await stream.toResponse().text()).at(-1)?.event, 'message_stop');
});

test('a stream that has a reader, or flows already, is refused before anything is sent', async (t) => {
  const { client } = await pair(t);
  const untouched = { headersSent: false, write: () => true, writeHead: () => assert.fail() } as never;
  const taken = await client.stream('/messages', body());
  const first = taken.toResponse();
  for (const told of [() => taken.toResponse(), () => taken.toSSE(untouched)])
    await assert.rejects(
      async () => told(),
      (error) => error instanceof ConfigError && /has a reader/.test(error.message),
    );
  assert.throws(() => taken.toResponse(), ConfigError);
  assert.equal(heard(await first.text()).at(-1)?.event, 'message_stop');
  const flowing = await client.stream('/messages', body());
  await flowing.on('text', () => {}).done();
  assert.throws(() => flowing.toResponse(), /flows already, to listeners/);
});

test('a browser that is slower than `timeout.total` is told, after what had come, when it takes more', async (t) => {
  const { client, simulator } = await pair(t);
  const big = JSON.stringify({ type: 'content_block_delta', index: 0, delta: { type: 'x', pad: 'x'.repeat(1000) } });
  simulator.always({ sse: `data: ${big}\n\n`.repeat(30_000) });
  const { url, outcomes } = await sending(t, () => client.stream('/other', body(), { timeout: { total: 500 } }));
  const slow = request(url);
  slow.end();
  const [res] = (await once(slow, 'response')) as [IncomingMessage];
  const begun = performance.now();
  await until(() => performance.now() - begun > 550, 'the time is over');
  assert.equal(outcomes.length, 0);
  let text = '';
  for await (const piece of res) text += piece;
  const events = heard(text);
  assert.ok(events.length > 100);
  assert.equal(events.at(-1)?.event, 'error');
  assert.equal(outcomes[0]?.error.code, 'TIMEOUT');
});
