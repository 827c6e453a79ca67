// Limits and aborts: each ends the call where it is, says where that was, and frees the socket.

import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { AbortError, StreamIdleError, TimeoutError, type TraeError } from 'trae-native';
import type { Reply } from 'trae-native/simulator';
import { answering, collect, message, pair, until } from './helpers/simulator.mts';

const STAGES: [string, Reply, object, string][] = [
  ['firstByte', { hang: 'headers' }, { timeout: { firstByte: 50 } }, 'timeout.firstByte'],
  ['total', { hang: 'headers' }, { timeout: { total: 50 } }, 'timeout.total'],
  ['firstByte', { hang: 'headers' }, { timeout: 50 }, 'timeout'],
  ['idle', { body: 'x'.repeat(100), hang: 'body' }, { timeout: { idle: 50 } }, 'timeout.idle'],
  ['total', { body: 'x'.repeat(100), hang: 'body' }, { timeout: 50 }, 'timeout'],
];

for (const [phase, reply, options, option] of STAGES) {
  test(`${JSON.stringify(options)} on ${JSON.stringify(Object.keys(reply))} is a TimeoutError in phase ${phase}`, async (t) => {
    const { client, simulator } = await pair(t);
    await assert.rejects(client.get('/x', { ...options, ...answering(reply) }), (error: TraeError) => {
      assert.ok(error instanceof TimeoutError, `${error}`);
      assert.equal(error.code, 'TIMEOUT');
      assert.equal(error.phase, phase);
      assert.ok(error.message.endsWith(`within 50 ms (\`${option}\`)`), error.message);
      assert.equal(error.retryable, true);
      return true;
    });
    await until(() => simulator.counters.connectionsOpen === 0, 'the socket is closed');
  });
}

test('a server that does not take the connection is a TimeoutError in phase connect', async (t) => {
  const { createServer } = await import('node:net');
  const { createClient } = await import('trae-native');
  // Accepts, and never says a word of TLS.
  const server = createServer(() => {}).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  const client = createClient({ baseURL: `https://127.0.0.1:${port}`, proxy: false, timeout: { connect: 50 } });
  t.after(() => server.close());
  await assert.rejects(client.get('/'), (error: TraeError) => {
    assert.ok(error instanceof TimeoutError, `${error}`);
    assert.equal(error.phase, 'connect');
    assert.match(error.message, /timeout\.connect/);
    return true;
  });
  await client.close();
});

test('a stream that brings no event in time is a TimeoutError in phase firstEvent', async (t) => {
  const { client } = await pair(t);
  const reply = answering({ events: 3, hangAfterEvents: 0 });
  const stream = await client.stream('/v1/messages', { stream: true }, { timeout: { firstEvent: 50 }, ...reply });
  await assert.rejects(collect(stream), { name: 'TimeoutError', phase: 'firstEvent' });
});

test('a stream that falls silent is a StreamIdleError, after all its events', async (t) => {
  const { client } = await pair(t);
  const reply = answering({ events: 3, hangAfterEvents: 4 });
  const stream = await client.stream('/v1/messages', { stream: true }, { timeout: { idle: 50 }, ...reply });
  const seen: unknown[] = [];
  const read = async () => {
    for await (const event of stream) seen.push(event);
  };
  await assert.rejects(read, (error: TraeError) => {
    assert.ok(error instanceof StreamIdleError, `${error}`);
    assert.equal(error.code, 'STREAM_IDLE');
    assert.equal(error.phase, 'idle');
    return true;
  });
  assert.equal(seen.length, 3);
});

test('pings keep a stream from being idle', async (t) => {
  const { client } = await pair(t);
  const ping = '{"type":"ping"}';
  const transcript = ['{"type":"message_start"}', ...Array(8).fill(ping), '{"type":"message_stop"}'];
  const reply = answering({ transcript, paceMs: 40 });
  const stream = await client.stream('/v1/messages', {}, { timeout: { idle: 150 }, ...reply });
  assert.equal((await collect(stream)).length, 2);
});

test('a number does not cut a stream that has begun, a total does', async (t) => {
  const { client } = await pair(t);
  const reply = answering({ events: 6, paceMs: 30 });
  const long = await client.stream('/v1/messages', { stream: true }, { timeout: 100, ...reply });
  assert.equal((await collect(long)).at(-1)?.type, 'message_stop');
  const short = await client.stream('/v1/messages', { stream: true }, { timeout: { total: 100 }, ...reply });
  await assert.rejects(collect(short), { name: 'TimeoutError', phase: 'total' });
});

test('an abort before, while waiting for headers and in a body rejects with the reason as its cause', async (t) => {
  const { client, simulator } = await pair(t);
  const reason = new Error('enough');
  const isAbort = (error: TraeError) =>
    error instanceof AbortError && error.code === 'ABORTED' && error.cause === reason;
  await assert.rejects(client.get('/x', { signal: AbortSignal.abort(reason) }), isAbort);
  assert.equal(simulator.received.length, 0);
  for (const reply of [{ hang: 'headers' }, { body: 'x'.repeat(1000), hang: 'body' }] as Reply[]) {
    const controller = new AbortController();
    const call = client.get('/x', { signal: controller.signal, ...answering(reply) });
    await until(() => simulator.counters.connectionsOpen === 1, 'the request is under way');
    controller.abort(reason);
    await assert.rejects(call, isAbort);
    await until(() => simulator.counters.connectionsOpen === 0, 'the socket is closed');
  }
  const controller = new AbortController();
  const reply = answering({ events: 5, hangAfterEvents: 2 });
  const stream = await client.stream('/v1/messages', { stream: true }, { signal: controller.signal, ...reply });
  const iterator = stream[Symbol.asyncIterator]();
  await iterator.next();
  await iterator.next();
  const waiting = iterator.next();
  controller.abort(reason);
  await assert.rejects(waiting, isAbort);
  await until(() => simulator.counters.connectionsOpen === 0, 'the socket is closed');
});

test('a signal that serves a thousand calls remembers none of them', async (t) => {
  const { client } = await pair(t);
  const { signal } = new AbortController();
  const calls = Array.from({ length: 1000 }, () => client.get('/v1/models', { signal }));
  await Promise.all(calls);
  assert.equal(getEventListeners(signal, 'abort').length, 0);
});

test('leaving the loop frees the socket', async (t) => {
  const { client, simulator } = await pair(t);
  for await (const _event of await client.stream(
    '/v1/messages',
    { stream: true },
    answering({ events: 50, paceMs: 20 }),
  ))
    break;
  await until(() => simulator.counters.connectionsOpen === 0, 'the socket is closed');
  assert.equal(client.stats().pending, 0);
});

test('closing a client aborts what is under way and takes no more calls', async (t) => {
  const { client } = await pair(t);
  const call = client.post('/v1/messages', message(), answering({ hang: 'headers' }));
  const rejected = assert.rejects(call, AbortError);
  await client.close();
  await rejected;
  await assert.rejects(client.get('/x'), /the client is closed/);
});
