// mapEvents(): other events for those of a stream, and a stream all the same.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  AbortError,
  type Client,
  ConfigError,
  EventStream,
  type Middleware,
  mapEvents,
  type TraeResponse,
  timeout,
} from 'trae-native';
import { answering, collect, counters, message, pair, until } from './helpers/simulator.mts';

type Event = { type: string; delta?: { text?: string } };
type Stream<E = Event> = EventStream<E>;

const asked = { ...message('Hi'), stream: true };
const text = (event: Event) => event.delta?.text ?? null;
const transcript = (...values: unknown[]) => answering({ transcript: values });
const numbers = (count: number) => Array.from({ length: count }, (_, n) => ({ type: 'n', n }));

test('an event becomes another, several or none; nothing leaves it as it is', async (t) => {
  const { client } = await pair(t);
  const change = (event: { n: number; seen?: boolean }) => {
    if (event.n === 0) return { zero: true };
    if (event.n === 1) return ['one', ['listed']];
    if (event.n === 2) return null;
    if (event.n === 3) return [];
    event.seen = true;
    return undefined;
  };
  for (const given of [change, async (event: never) => change(event)]) {
    const own = client.extend().use(mapEvents(given as (event: { n: number }) => unknown));
    const stream = await own.stream('/x', {}, transcript(...numbers(5)));
    assert.deepEqual(await collect(stream), [{ zero: true }, 'one', ['listed'], { type: 'n', n: 4, seen: true }]);
  }
});

test('the first middleware maps last, and a stream that is mapped has what a stream has', async (t) => {
  const { client } = await pair(t);
  const typed = client.use(mapEvents((event: string) => `${event}!`)).use(mapEvents((event: Event) => text(event)));
  const res = await typed.post('/v1/messages', asked, { responseType: 'events' });
  const stream = res.data;
  assert.ok(stream instanceof EventStream);
  assert.equal(stream.response, res as TraeResponse);
  assert.ok(stream.requestId?.startsWith('req_') && stream.requestId === res.requestId);
  const [left, right] = stream.tee();
  const events = await collect(left);
  assert.equal(events.join(''), 'You !said: !Hi!');
  assert.deepEqual(await collect(right.toNodeReadable() as AsyncIterable<string>), events);
  assert.ok((stream.firstEventMs ?? -1) >= 0);
  const web = await typed.stream('/v1/messages', asked);
  assert.deepEqual(await collect(web.toReadableStream() as never), events);
});

test('whole answers and bytes pass by untouched', async (t) => {
  const { client } = await pair(t);
  const data: unknown[] = [];
  const keep = (res: TraeResponse) => void data.push(res.data);
  client
    .after(keep)
    .use(mapEvents(() => assert.fail('there is no event')))
    .after(keep);
  const { data: whole } = await client.post('/v1/messages', message());
  assert.equal(whole.role, 'assistant');
  const bytes = await client.post('/x', {}, { responseType: 'stream', ...answering({ text: 'x' }) });
  await collect(bytes.data);
  assert.ok(data[0] === data[1] && data[2] === data[3]);
});

test('batches stay those of the wake-ups, and a batch of which nothing is left is none', async (t) => {
  const { client } = await pair(t);
  const sizes: number[] = [];
  let size = 0;
  const count = (event: Event) => {
    if (size++ === 0)
      queueMicrotask(() => {
        sizes.push(size);
        size = 0;
      });
    return event.type === 'content_block_delta' ? event : null;
  };
  const stream = await client
    .use(mapEvents(count))
    .stream('/v1/messages', { stream: true }, answering({ events: 500, eventsPerWrite: 50 }));
  const batches = await collect(stream.batches());
  assert.equal(batches.flat().length, 500);
  assert.ok(batches.every((batch) => batch.length > 0));
  // Start, end and pings stand in batches with others, or in one of which nothing is left.
  assert.ok(batches.length <= sizes.length && sizes.length < 250, `${batches.length} of ${sizes.length}`);
});

test('promises of a batch are awaited together, and the order stays', async (t) => {
  const { client } = await pair(t);
  const waiting: (() => void)[] = [];
  let most = 0;
  const later = (event: { n: number }) =>
    new Promise((resolve) => {
      waiting.push(() => resolve(event.n));
      most = Math.max(most, waiting.length);
      // The last one first.
      setImmediate(() => waiting.pop()?.());
    });
  const sse = numbers(100)
    .map((event) => `data: ${JSON.stringify(event)}\n\n`)
    .join('');
  const stream = await client.use(mapEvents(later)).stream('/x', {}, answering({ sse }));
  assert.deepEqual(
    await collect(stream),
    numbers(100).map(({ n }) => n),
  );
  assert.ok(most > 1, `${most} at once`);
});

test('what the function throws is what the reader catches, after the events before it, and the transfer has ended', async (t) => {
  const { client, simulator } = await pair(t);
  const faults = [new RangeError('mine'), 'a string', 0, null];
  for (const [at, fault] of faults.entries())
    for (const later of [false, true]) {
      const ends: unknown[] = [];
      const fail = (event: Event) => {
        if (event.delta?.text === undefined || --left > 0) return undefined;
        if (later) return Promise.reject(fault);
        throw fault;
      };
      let left = 3;
      const own = client
        .extend()
        .finally(({ error }) => void ends.push(error))
        .use(mapEvents(fail as (event: never) => unknown))
        .finally(({ error }) => void ends.push(error));
      const reply = answering({ events: 100_000, eventsPerWrite: 10 });
      const stream = await own.stream('/v1/messages', { stream: true }, reply);
      const seen: Event[] = [];
      const read = async () => {
        for await (const event of stream) seen.push(event as Event);
      };
      const caught = await read().then(
        () => assert.fail('it threw'),
        (error) => error,
      );
      assert.equal(caught, fault);
      assert.equal(seen.filter((event) => event.delta?.text !== undefined).length, 2);
      assert.deepEqual(ends, [fault, fault], `${at} ${later}`);
      await until(() => simulator.received.at(-1)?.aborted === true, 'the server has seen it leave');
    }
});

test('a function that throws undefined does not make a clean end', async (t) => {
  const { client } = await pair(t);
  const nothing = () => {
    throw undefined;
  };
  const stream = await client.use(mapEvents(nothing)).stream('/v1/messages', asked);
  await assert.rejects(collect(stream), /threw undefined/);
});

test('leaving the loop, abort() and dropping the stream end the transfer', async (t) => {
  const { client, simulator } = await pair(t);
  const ends: unknown[] = [];
  client.use(mapEvents((event) => event)).finally(({ error }) => void ends.push(error));
  const open = () => client.stream('/v1/messages', { stream: true }, answering({ events: 1000, paceMs: 20 }));
  for await (const _event of await open()) break;
  (await open()).abort();
  const stream = await open();
  const waiting = collect(stream);
  const reason = new Error('enough');
  stream.abort(reason);
  await assert.rejects(waiting, (error: AbortError) => error instanceof AbortError && error.cause === reason);
  assert.equal(ends.length, 3);
  assert.ok(ends[0] === undefined && ends[1] === undefined && ends[2] instanceof AbortError);
  await open();
  await until(() => {
    globalThis.gc?.();
    return ends.length === 4 && client.stats().pending === 0;
  }, 'a dropped stream has ended too');
  await until(() => simulator.received.every(({ aborted }) => aborted), 'the server has seen all of them leave');
});

test('a stream that is read is not taken for dropped', async (t) => {
  const { client } = await pair(t);
  client.use(mapEvents((event) => event));
  const collecting = setInterval(() => globalThis.gc?.(), 5);
  const reply = answering({ events: 4, paceMs: 30 });
  const events = await collect(await client.stream('/v1/messages', { stream: true }, reply));
  clearInterval(collecting);
  assert.equal(events.at(-1)?.type, 'message_stop');
});

test('an abort reaches a reader that waits for the function', async (t) => {
  const { client } = await pair(t);
  client.use(mapEvents(() => new Promise(() => {})));
  const controller = new AbortController();
  const open = answering({ hangAfterEvents: 3 });
  const stream = await client.stream('/v1/messages', asked, { signal: controller.signal, ...open });
  const waiting = collect(stream);
  setImmediate(() => controller.abort());
  await assert.rejects(waiting, AbortError);
  const limited = await client.stream('/v1/messages', asked, {
    timeout: { total: 300 },
    ...open,
  });
  await assert.rejects(collect(limited), { code: 'TIMEOUT', phase: 'total' });
});

test('an error of the stream comes after the events before it', async (t) => {
  const { client } = await pair(t);
  const mapped = client.extend().use(mapEvents((event) => event.type));
  const seen: unknown[][] = [];
  for (const own of [client, mapped] as Client[]) {
    const events: unknown[] = [];
    const read = async () => {
      const stream = await own.stream<unknown>('/v1/messages', asked, answering({ errorAt: { index: 4 } }));
      for await (const event of stream) events.push((event as Event).type ?? event);
    };
    await assert.rejects(read, { code: 'OVERLOADED' });
    seen.push(events);
  }
  assert.ok(seen[0]?.length);
  assert.deepEqual(seen[1], seen[0]);
});

test('nothing is read ahead of the reader', async (t) => {
  const { client, simulator } = await pair(t);
  let mapped = 0;
  client.use(
    mapEvents((event) => {
      mapped++;
      return event;
    }),
  );
  const reply = answering({ events: 400_000, eventsPerWrite: 100 });
  const stream = await client.stream('/v1/messages', { stream: true }, reply);
  const events = stream[Symbol.asyncIterator]();
  await events.next();
  const sent = () => simulator.received[0]?.bytesWritten ?? 0;
  let last = -1;
  await until(async () => {
    const still = sent() === last;
    last = sent();
    if (!still) await new Promise((resolve) => setTimeout(resolve, 200));
    return still;
  }, 'the server has stopped sending');
  assert.ok(last < 400_000 * 130 * 0.5, `${last} bytes were taken though nobody reads`);
  // What the engine lets come unread, and a batch that was on its way.
  assert.ok(mapped < 20_000, `${mapped} were mapped`);
  await events.return?.();
});

test('a long stream of which nothing is left takes no memory and comes to its end', async (t) => {
  const { client } = await pair(t, {}, { keep: 0 });
  const reply = answering({ events: 50_000, eventsPerWrite: 3 });
  const stream = await client.use(mapEvents(() => null)).stream('/v1/messages', { stream: true }, reply);
  assert.deepEqual(await collect(stream), []);
});

test('it stands within native middlewares as well', async (t) => {
  const { client } = await pair(t);
  const stream = await client
    .use(timeout())
    .use(mapEvents((event: Event) => text(event)))
    .use(timeout())
    .stream('/v1/messages', asked);
  assert.equal((await collect(stream)).join(''), 'You said: Hi');
  for await (const _event of await client.stream('/v1/messages', asked, answering({ paceMs: 20 }))) break;
  await until(() => client.stats().pending === 0 && counters()[1] === 0, 'nothing is under way');
  const whole = await client.post('/v1/messages', message('Hi'));
  assert.equal(whole.data.role, 'assistant');
});

test('what is no function is refused at once, and a stream that was read already when it is met', async (t) => {
  const { client } = await pair(t);
  for (const wrong of [undefined, null, 'map', {}]) assert.throws(() => mapEvents(wrong as never), TypeError);
  assert.match(client.use(mapEvents((event) => event)).inspect(), /^1\. mapEvents \(JavaScript\)/);
  client.after(async (res) => {
    await collect(res.data as Stream);
  });
  await assert.rejects(client.stream('/v1/messages', asked), ConfigError);
});

test('a stream that somebody leaves further in is not at its end for whoever waits for its message', async (t) => {
  const { client, simulator } = await pair(t);
  simulator.reply({ hangAfterEvents: 3 });
  const inner: EventStream[] = [];
  const keeps: Middleware = async (_req, next) => {
    const res = await next();
    inner.push((res as TraeResponse).data as EventStream);
    return res;
  };
  const middlewares = [mapEvents((event: object) => event), keeps];
  const stream = await client.stream('/messages', { ...message(), stream: true }, { middlewares });
  const whole = stream.finalMessage();
  await until(() => stream.currentMessage !== undefined, 'it has begun');
  inner[0]?.abort();
  await assert.rejects(whole, AbortError);
});
