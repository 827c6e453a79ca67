// Many at once, and much that is given up: answers stay right, nothing is left over.

import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { AbortError, QueueFullError, TimeoutError } from 'trae-native';

import { answering, collect, counters, message, pair, until } from './helpers/simulator.mts';

const rssMb = () => process.memoryUsage().rss / 2 ** 20;

test('a thousand calls at once are each answered with their own answer', async (t) => {
  const { client } = await pair(t, {}, { keep: 0 });
  const calls = Array.from({ length: 1000 }, (_, n) => client.post('/x', { n }, answering({ echo: true })));
  const answers = await Promise.all(calls);
  answers.forEach((res, n) => {
    assert.deepEqual(JSON.parse(res.data.body), { n });
  });
});

test('two hundred streams at once each bring all their events in order', async (t) => {
  const { client } = await pair(t, {}, { keep: 0 });
  const read = async (n: number) => {
    const transcript = Array.from({ length: 100 }, (_, k) => JSON.stringify({ type: 'x', n, k }));
    const stream = await client.stream('/events', {}, { pings: true, ...answering({ transcript, eventsPerWrite: 7 }) });
    const events = await collect(stream);
    assert.deepEqual(
      events.map((event) => [event['n'], event['k']]),
      transcript.map((_, k) => [n, k]),
    );
  };
  const before = counters()[0] as number;
  await Promise.all(Array.from({ length: 200 }, (_, n) => read(n)));
  const wakeups = (counters()[0] as number) - before;
  assert.ok(wakeups < 200 * 100, `${wakeups} wake-ups for 20,000 events`);
});

test('ten thousand streams given up leave no socket, no task and no memory', async (t) => {
  const { client, simulator } = await pair(t, {}, { keep: 0 });
  const abandon = async () => {
    const stream = await client.stream(
      '/v1/messages',
      { stream: true },
      answering({ events: 1000, hangAfterEvents: 2 }),
    );
    for await (const _event of stream) break;
  };
  const round = async (count: number) => {
    for (let done = 0; done < count; done += 100) await Promise.all(Array.from({ length: 100 }, abandon));
    globalThis.gc?.();
  };
  await round(2000);
  const before = rssMb();
  await round(8000);
  await until(() => simulator.counters.connectionsOpen === 0, 'all sockets are closed');
  await until(() => counters()[2] === 0, 'all tasks are gone');
  assert.equal(counters()[1], 0);
  assert.equal(client.stats().pending, 0);
  assert.ok(rssMb() - before < 40, `grew by ${Math.round(rssMb() - before)} MB`);
});

// A registry of streams once kept each ended one, and the last events read from it, until a full collection had
// been followed by a turn of the event loop: under load that is long, and memory grew by the event.
test('streams that have ended leave nothing behind, not even until something is finalized', async (t) => {
  const { client } = await pair(t, {}, { keep: 0 });
  const read = async () => {
    for (let n = 0; n < 25; n++) {
      const reply = answering({ events: 1000, eventsPerWrite: 1000 });
      await collect(await client.stream('/v1/messages', { stream: true }, reply));
      const bytes = await client.post(
        '/v1/messages',
        {},
        { responseType: 'stream', ...answering({ text: 'x'.repeat(50_000) }) },
      );
      await collect(bytes.data);
    }
  };
  const used = () => {
    globalThis.gc?.();
    return process.memoryUsage().heapUsed / 2 ** 20;
  };
  await read();
  const before = used();
  await Promise.all(Array.from({ length: 16 }, read));
  assert.ok(used() - before < 3, `${used() - before} MB more`);
});

test('a consumer that never reads holds the server back and keeps memory bounded', async (t) => {
  const { client, simulator } = await pair(t, {}, { keep: 10 });
  const before = rssMb();
  const events = 400_000;
  const stream = await client.stream('/v1/messages', { stream: true }, answering({ events, eventsPerWrite: 100 }));
  const sent = () => simulator.received[0]?.bytesWritten ?? 0;
  let last = -1;
  await until(async () => {
    const now = sent();
    const still = now > 0 && now === last;
    last = now;
    if (!still) await new Promise((resolve) => setTimeout(resolve, 200));
    return still;
  }, 'the server has stopped sending');
  assert.ok(last < events * 130 * 0.5, `${last} bytes were taken though nobody reads`);
  assert.ok(rssMb() - before < 64, `grew by ${Math.round(rssMb() - before)} MB`);
  stream.abort();
});

test('a reader that is slow gets everything', async (t) => {
  const { client } = await pair(t, {}, { keep: 0 });
  const stream = await client.stream(
    '/v1/messages',
    { stream: true },
    answering({ events: 20_000, eventsPerWrite: 100 }),
  );
  let count = 0;
  for await (const batch of stream.batches()) {
    count += batch.length;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assert.equal(count, 20_005);
});

test('no more sockets than maxSockets are open, the rest wait their turn', async (t) => {
  const { client, simulator } = await pair(t, { pool: { maxSockets: 3 } });
  await Promise.all(Array.from({ length: 30 }, () => client.get('/x', answering({ delayMs: 5, body: {} }))));
  assert.ok(simulator.counters.connectionsTotal <= 3, `${simulator.counters.connectionsTotal} connections`);
});

test('a full queue is a QueueFullError and a long wait a TimeoutError in phase queue', async (t) => {
  const { client, simulator } = await pair(t, { pool: { maxSockets: 1, queueLimit: 1, queueTimeout: 50 } });
  const slow = answering({ hang: 'headers' });
  const controller = new AbortController();
  const first = client.get('/x', { signal: controller.signal, ...slow }).catch(() => {});
  await until(() => simulator.counters.requests === 1, 'the first call has the socket');
  const second = client.get('/x', slow);
  await until(() => client.stats()['queued'] === 1, 'the second waits');
  await assert.rejects(client.get('/x', slow), (error: Error) => {
    assert.ok(error instanceof QueueFullError);
    assert.match(error.message, /pool\.queueLimit/);
    return true;
  });
  await assert.rejects(second, (error: TimeoutError) => error instanceof TimeoutError && error.phase === 'queue');
  controller.abort();
  await first;
});

test('a streamed body is sent with back-pressure and never held whole', async (t) => {
  const { client, simulator } = await pair(t);
  let made = 0;
  const piece = Buffer.alloc(64 << 10, 'x');
  async function* pieces() {
    while (made < 64 << 20) {
      made += piece.length;
      yield piece;
    }
  }
  const controller = new AbortController();
  const options = { signal: controller.signal, ...answering({ readBody: false, hang: 'headers' }) };
  const call = client.post('/upload', pieces(), options).catch((error: unknown) => error);
  let last = -1;
  await until(async () => {
    const still = made > 0 && made === last;
    last = made;
    if (!still) await new Promise((resolve) => setTimeout(resolve, 200));
    return still;
  }, 'the producer is held back');
  assert.ok(made < 32 << 20, `${made} bytes were taken though nobody reads`);
  controller.abort();
  await call;
  const sum = await client.post(
    '/upload',
    Array.from({ length: 3 }, () => 1) && smallPieces(),
    answering({ echo: true }),
  );
  assert.equal(sum.status, 200);
  assert.equal(simulator.received.at(-1)?.bodyLength, 3_000_000);
});

async function* smallPieces() {
  for (let n = 0; n < 30; n++) yield Buffer.alloc(100_000, 'y');
}

test('a body that waits for its next piece is let go when its call ends', async (t) => {
  const { client } = await pair(t);
  const never = new Promise<never>(() => {});
  const left: string[] = [];
  const bodies = {
    web: new ReadableStream({ pull: () => never, cancel: () => void left.push('web') }),
    iterable: {
      [Symbol.asyncIterator]: () => ({
        next: () => never,
        return: async () => ({ value: void left.push('iterable'), done: true as const }),
      }),
    },
    node: new Readable({ read() {}, destroy: (_error, done) => done(void left.push('node') as undefined) }),
    hostile: {
      destroy() {
        throw new Error('no');
      },
      [Symbol.asyncIterator]: () => ({ next: () => never }),
    },
  };
  for (const body of Object.values(bodies)) {
    const controller = new AbortController();
    const call = client.post('/v1/messages', body, { signal: controller.signal });
    setImmediate(() => controller.abort());
    await assert.rejects(call, AbortError);
  }
  assert.deepEqual(left, ['web', 'iterable', 'node']);
});

test('a body that fails while it is read fails the call with that reason', async (t) => {
  const { client } = await pair(t);
  async function* failing() {
    yield 'start';
    throw new Error('disk gone');
  }
  await assert.rejects(client.post('/upload', failing(), answering({ echo: true })), /disk gone/);
  async function* unspeakable() {
    yield 'start';
    throw Object.create(null);
  }
  await assert.rejects(client.post('/upload', unspeakable(), answering({ echo: true })), { code: 'REQUEST_BODY' });
  async function* wrong() {
    yield { not: 'bytes' };
  }
  await assert.rejects(client.post('/upload', wrong(), answering({ echo: true })), /must give strings or bytes/);
});

test('messages are made one after another over one socket', async (t) => {
  const { client, simulator } = await pair(t);
  for (let n = 0; n < 20; n++) {
    await client.post('/v1/messages', message());
    await collect(await client.stream('/v1/messages', { ...message(), stream: true }));
    // A stream is over with its last event; the end of its body is read in the background.
    await until(() => client.stats().inFlight === 0, 'the connection is free');
  }
  assert.equal(simulator.counters.connectionsTotal, 1);
});
