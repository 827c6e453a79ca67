// The comforts of a stream of a message: its text, the whole message, listeners, and one answer out of a stream.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { inspect } from 'node:util';
import fc from 'fast-check';
import {
  AbortError,
  ConfigError,
  createClient,
  type EventStream,
  IncompleteStreamError,
  LimitError,
  mapEvents,
  OverloadedError,
  ParseError,
  StreamIdleError,
  TimeoutError,
  type TraeError,
} from 'trae-native';
import { answering, collect, counters, message, pair, until } from './helpers/simulator.mts';

const fixtures = new URL('../tests/fixtures/', import.meta.url);
const transcripts = readdirSync(fixtures).filter((name) => name.endsWith('.jsonl') && name !== 'error_midway.jsonl');
const lines = (name: string) => readFileSync(new URL(name, fixtures), 'utf8').split('\n').filter(Boolean);

/** The facade's own sum, which `validate()` uses. */
const bundle = createRequire(import.meta.url)('../dist/bundle.js') as typeof import('../js/bundle.js');
const { MessageSum } = bundle.message();

/** What comes over the wire, of any shape. */
// biome-ignore lint/suspicious/noExplicitAny: a message as a test takes it apart
type Loose = any;

function summed(events: string[]): { message: Loose; text: string } {
  const sum = new MessageSum();
  let text = '';
  for (const line of events) {
    const event = JSON.parse(line);
    if (event.type === 'message_stop') {
      sum.add(event);
      break;
    }
    sum.add(event);
    if (event.delta?.type === 'text_delta') text += event.delta.text;
  }
  return { message: sum.message, text };
}

const textOf = (message: Loose) =>
  message.content
    .filter((block: Loose) => block.type === 'text')
    .map((block: Loose) => block.text)
    .join('');

test('text, final message, events and listeners agree for every recorded stream, however it is cut', async (t) => {
  const { client, simulator } = await pair(t);
  for (const name of transcripts) {
    const events = lines(name);
    const expected = summed(events);
    for (const bytesPerWrite of [1, 7, 4096]) {
      const open = () => {
        simulator.reply({ transcript: events, bytesPerWrite });
        return client.stream('/v1/messages', { stream: true });
      };
      const why = `${name} in pieces of ${bytesPerWrite}`;
      assert.equal((await collect((await open()).text())).join(''), expected.text, why);
      assert.deepEqual(await (await open()).finalMessage(), expected.message, why);
      assert.equal(await (await open()).finalText(), textOf(expected.message), why);
      const read = await open();
      const seen = await collect(read);
      assert.deepEqual(await read.finalMessage(), expected.message, why);
      assert.deepEqual(
        seen,
        events.map((line) => JSON.parse(line)).filter(({ type }) => type !== 'ping'),
        why,
      );
      const heard: unknown[] = [];
      let text = '';
      const listened = (await open()).on('event', (event) => heard.push(event)).on('text', (piece) => (text += piece));
      await listened.done();
      assert.deepEqual(heard, seen, why);
      assert.equal(text, expected.text, why);
      assert.deepEqual(await listened.finalMessage(), expected.message, why);
      assert.deepEqual(listened.usage, expected.message.usage, why);
      assert.deepEqual(listened.currentMessage, expected.message, why);
    }
  }
});

test('the final message may be asked for before, while and after a stream is read, and whenever the switch comes', async (t) => {
  const { client, simulator } = await pair(t);
  const events = lines('tool_use.jsonl');
  const expected = summed(events).message;
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 200 }),
      fc.integer({ min: 0, max: 14 }),
      fc.constantFrom('event', 'text', 'batches', 'tee', 'mapped', 'listener'),
      async (bytesPerWrite, after, how) => {
        simulator.reply({ transcript: events, bytesPerWrite });
        const config = how === 'mapped' ? { middlewares: [mapEvents((event) => event)] } : {};
        let stream: EventStream<Loose> = await client.stream('/v1/messages', { stream: true }, config);
        if (how === 'tee') [stream] = stream.tee();
        if (how === 'listener') stream.on('text', () => {});
        const reader = (how === 'text' ? stream.text() : how === 'batches' ? stream.batches() : stream)[
          Symbol.asyncIterator
        ]();
        for (let read = 0; read < after; read++) if ((await reader.next()).done) break;
        assert.deepEqual(await stream.finalMessage(), expected);
        // What has not been read is still there.
        while (!(await reader.next()).done);
        assert.deepEqual(await stream.finalMessage(), expected);
      },
    ),
    { numRuns: 60 },
  );
});

test('a reader that stops does not keep the message from whoever awaits it', async (t) => {
  const { client } = await pair(t);
  const stream = await client.stream(
    '/v1/messages',
    { stream: true },
    answering({ events: 30_000, eventsPerWrite: 50 }),
  );
  const reader = stream[Symbol.asyncIterator]();
  await reader.next();
  const whole = await stream.finalMessage();
  let text = '';
  for (let step = await reader.next(); !step.done; step = await reader.next()) text += step.value.delta?.text ?? '';
  assert.equal(text, textOf(whole));
});

test('of a stream that nobody reads nothing but the message crosses', async (t) => {
  const { client } = await pair(t);
  const stream = await client.stream(
    '/v1/messages',
    { stream: true },
    answering({ events: 20_000, eventsPerWrite: 50 }),
  );
  const [before] = counters();
  await stream.finalMessage();
  const [after] = counters();
  assert.ok(after - before <= 4, `${after - before} wake-ups`);
  assert.ok((stream.firstEventMs ?? -1) >= 0, `the first event came after ${stream.firstEventMs} ms`);
  assert.throws(() => stream[Symbol.asyncIterator](), ConfigError);
});

test('a stream that is no stream of a message says so, and so does one of text', async (t) => {
  const { client } = await pair(t);
  const sse = 'data: {"a":1}\n\ndata: [DONE]\n\n';
  const open = () => client.stream('/x', {}, answering({ sse }));
  await assert.rejects((await open()).finalMessage(), IncompleteStreamError);
  await (await open()).done();
  assert.deepEqual(await collect((await open()).text()), []);
});

test('a failure in a stream carries what had come of the message, and prints none of it', async (t) => {
  const { client } = await pair(t);
  const cut = { events: 10, cutAfterEvents: 6, cut: 'end' as const };
  const failures: [Promise<EventStream>, Loose][] = [
    [client.stream('/v1/messages', {}, answering(cut)), IncompleteStreamError],
    [
      client.stream(
        '/v1/messages',
        {},
        answering({ events: 9, errorAt: { index: 5, type: 'overloaded_error', message: 'x' } }),
      ),
      OverloadedError,
    ],
    [
      client.stream('/v1/messages', {}, { timeout: { idle: 150 }, ...answering({ events: 9, hangAfterEvents: 5 }) }),
      StreamIdleError,
    ],
    [
      client.stream('/v1/messages', {}, { timeout: { total: 300 }, ...answering({ events: 99, paceMs: 20 }) }),
      TimeoutError,
    ],
  ];
  for (const [opening, kind] of failures) {
    const stream = await opening;
    const [read, final, done] = await Promise.allSettled([collect(stream), stream.finalMessage(), stream.done()]);
    assert.ok(read.status === 'rejected' && final.status === 'rejected' && done.status === 'rejected');
    const error = final.reason;
    assert.ok(error instanceof kind, String(error));
    assert.equal(read.reason, error);
    assert.equal(done.reason, error);
    assert.equal(error.partial.type, 'message');
    assert.ok(textOf(error.partial).length > 0);
    assert.ok(error.usage.input_tokens >= 0);
    const shown = inspect(error, { depth: 9, showHidden: false }) + JSON.stringify(error) + Object.keys(error);
    assert.ok(!shown.includes(textOf(error.partial)), shown);
    assert.ok(!shown.includes('partial'), shown);
  }
});

test('an abort in mid-stream carries what had come, and a reader that left is an abort too', async (t) => {
  const { client } = await pair(t);
  const abort = new AbortController();
  const open = (config = {}) =>
    client.stream('/v1/messages', {}, { ...config, ...answering({ events: 500, paceMs: 5 }) });
  const stream = await open({ signal: abort.signal });
  const final = stream.finalMessage();
  await until(() => (stream.currentMessage?.content.length ?? 0) > 0, 'a block has come');
  abort.abort(new Error('enough'));
  await assert.rejects(final, (error: AbortError) => {
    assert.ok(error instanceof AbortError);
    assert.equal(error.partial?.type, 'message');
    return true;
  });
  const own = await open();
  await own[Symbol.asyncIterator]().next();
  own.abort(new Error('enough'));
  await assert.rejects(own.finalMessage(), AbortError);
  const left = await open();
  for await (const _ of left) break;
  await assert.rejects(left.finalMessage(), AbortError);
});

test('listeners hear every kind in order, once and off work, and a tool input is there as far as it has come', async (t) => {
  const { client, simulator } = await pair(t);
  simulator.reply({ transcript: lines('tool_use.jsonl'), bytesPerWrite: 3 });
  const heard: string[] = [];
  const inputs: (string | undefined)[] = [];
  const stream = await client.stream('/v1/messages', { stream: true });
  const never = () => heard.push('never');
  stream
    .on('text', never)
    .off('text', never)
    .once('event', (event) => heard.push(event.type))
    .on('text', (piece, snapshot) => heard.push(`text ${piece} / ${snapshot}`))
    .on('inputJson', (_, snapshot) => inputs.push(JSON.stringify(snapshot)))
    .on('contentBlock', (block) => heard.push(`${block.type} ${block.text ?? JSON.stringify(block.input)}`))
    .on('message', (whole) => heard.push(`message ${whole.stop_reason}`))
    .on('finalMessage', (whole) => heard.push(`final ${whole.content.length}`))
    .on('end', () => heard.push('end'));
  await stream.done();
  assert.deepEqual(heard, [
    'message_start',
    'text Let me look. / Let me look.',
    'text Let me look.',
    'tool_use {"port":"Brest","days":3}',
    'tool_use {}',
    'message tool_use',
    'final 3',
    'end',
  ]);
  assert.deepEqual(inputs, [undefined, '{"port":"Bre"}', '{"port":"Brest","days":3}', undefined]);
});

test('thinking, its signature and citations are told of', async (t) => {
  const { client, simulator } = await pair(t);
  simulator.reply({ transcript: lines('thinking.jsonl') });
  let thinking = '';
  let signature = '';
  const stream = await client.stream('/v1/messages', {});
  stream.on('thinking', (piece) => (thinking += piece)).on('signature', (given) => (signature = given));
  const [block] = (await stream.finalMessage()).content;
  assert.equal(thinking, block?.thinking);
  assert.equal(signature, block?.signature);
  const event = (data: object) => `data: ${JSON.stringify(data)}\n\n`;
  const sse = [
    { type: 'message_start', message: { type: 'message', content: [] } },
    { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '', citations: [] } },
    { type: 'content_block_delta', index: 0, delta: { type: 'citations_delta', citation: { type: 'page', n: 1 } } },
    { type: 'content_block_stop', index: 0 },
    { type: 'message_stop' },
  ];
  const cited: unknown[] = [];
  const citing = await client.stream('/v1/messages', {}, answering({ sse: sse.map(event).join('') }));
  citing.on('citation', (one, all) => cited.push(one, all.length));
  await citing.done();
  assert.deepEqual(cited, [{ type: 'page', n: 1 }, 1]);
});

test('listeners hear beside a reader, which gets the same events', async (t) => {
  const { client } = await pair(t);
  const stream = await client.stream('/v1/messages', {}, answering({ events: 20 }));
  const heard: unknown[] = [];
  stream.on('event', (event) => heard.push(event));
  const seen = await collect(stream);
  assert.deepEqual(heard, seen);
  const texts = await client.stream('/v1/messages', {}, answering({ events: 20 }));
  let pieces = 0;
  texts.on('text', () => pieces++);
  assert.ok((await collect(texts.text())).join('').length > 0);
  assert.equal(pieces, 20);
});

test('pings are told of where they were asked for, and otherwise the listener is refused', async (t) => {
  const { client } = await pair(t);
  const stream = await client.stream('/v1/messages', {}, { pings: true, ...answering({ events: 3 }) });
  let pings = 0;
  await stream.on('ping', () => pings++).done();
  assert.ok(pings > 0);
  const without = await client.stream('/v1/messages', {}, answering({ events: 3 }));
  assert.throws(() => without.on('ping', () => {}), ConfigError);
  assert.throws(() => without.on('nonsense' as 'text', () => {}), ConfigError);
  without.abort();
});

test('who listens for texts hears texts only, whatever the rows are; of events of text it is refused', async (t) => {
  const { client, simulator } = await pair(t);
  const odd = { type: 'content_block_delta', index: 0 };
  const rows: unknown[] = [null, 7, 'text', [1], {}, { type: 'message_start', message: null }];
  rows.push(
    { type: 'content_block_start' },
    { ...odd, delta: null },
    { type: 'content_block_stop' },
    { type: 'message_delta', delta: 7 },
  );
  for (const [type, name] of Object.entries({ text_delta: 'text', thinking_delta: 'thinking' }))
    for (const piece of [5, null, undefined, {}]) rows.push({ ...odd, delta: { type, [name]: piece } });
  rows.push({ ...odd, delta: { type: 'input_json_delta', partial_json: 5 } });
  rows.push({ ...odd, delta: { type: 'text_delta', text: 'one' } });
  const lines = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
  simulator.reply({ raw: `HTTP/1.1 200 OK\r\ncontent-length: ${lines.length}\r\n\r\n${lines}` });
  const stream = await client.stream('/rows', undefined, { method: 'GET', responseType: 'jsonl' });
  const heard: string[] = [];
  let events = 0;
  for (const name of ['text', 'thinking', 'inputJson'] as const) stream.on(name, (piece: string) => heard.push(piece));
  await stream.on('event', () => events++).done();
  assert.deepEqual([heard, events], [['one'], rows.length]);

  const plain = await client.stream('/v1/messages', { ...message(), stream: true }, { responseType: 'sse' });
  for (const name of ['text', 'message', 'contentBlock', 'finalMessage'] as const)
    assert.throws(() => plain.on(name, () => {}), ConfigError, name);
  assert.ok((await collect(plain)).length > 3, 'the stream has not been taken');
});

test('a failure that nobody reads, awaits or listens for is an unhandled rejection, and one that is listened for is not', async (t) => {
  const { client } = await pair(t);
  const rejections: unknown[] = [];
  const note = (error: unknown) => rejections.push(error);
  const listeners = process.listeners('unhandledRejection');
  process.removeAllListeners('unhandledRejection');
  process.on('unhandledRejection', note);
  t.after(() => {
    process.off('unhandledRejection', note);
    for (const one of listeners) process.on('unhandledRejection', one);
  });
  const open = () => client.stream('/v1/messages', {}, answering({ events: 9, cutAfterEvents: 4, cut: 'end' }));
  const errors: unknown[] = [];
  const listened = await open();
  await new Promise<void>((resolve) => {
    listened
      .on('text', () => {})
      .on('error', (error) => errors.push(error))
      .on('end', resolve);
  });
  await assert.rejects((await open()).on('text', () => {}).finalMessage());
  assert.equal(errors.length, 1);
  assert.equal(rejections.length, 0);
  (await open()).on('text', () => {});
  await until(() => rejections.length === 1, 'the rejection');
  assert.ok(rejections[0] instanceof IncompleteStreamError);
});

test('what a listener throws surfaces on its own, and keeps nobody from the rest', async (t) => {
  const { client } = await pair(t);
  const thrown: unknown[] = [];
  const listeners = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', (error) => thrown.push(error));
  t.after(() => {
    process.removeAllListeners('uncaughtException');
    for (const one of listeners) process.on('uncaughtException', one);
  });
  const stream = await client.stream('/v1/messages', {}, answering({ events: 3 }));
  let others = 0;
  stream.once('text', () => {
    throw new Error('mine');
  });
  stream.on('text', () => others++);
  assert.equal((await stream.finalMessage()).type, 'message');
  await until(() => thrown.length === 1, 'it surfaces');
  assert.equal(others, 3);
});

test('message() gives one answer out of a stream, and takes one that is whole as it is', async (t) => {
  const { client, simulator } = await pair(t);
  const at = { url: '/v1/messages' };
  const body = message() as Loose;
  const res = await client.message(body, at);
  assert.equal((simulator.received.at(-1) as { json(): Loose } | undefined)?.json().stream, true);
  assert.equal(body.stream, undefined, 'the body is left as it was');
  assert.equal(res.status, 200);
  assert.equal(res.data.type, 'message');
  assert.ok(textOf(res.data).length > 0);
  simulator.reply({ body: { type: 'message', content: [] } });
  assert.deepEqual((await client.message(body, at)).data, { type: 'message', content: [] });
  for (const name of transcripts) {
    simulator.reply({ transcript: lines(name), bytesPerWrite: 11 });
    assert.deepEqual((await client.message(body, at)).data, summed(lines(name)).message, name);
  }
  const { data } = await client.post('/v1/messages', { ...body, stream: true }, { responseType: 'message' });
  assert.equal(data.type, 'message');
  await assert.rejects(client.message('hello' as Loose), ConfigError);
  await assert.rejects(client.message(body, { ...at, responseType: 'text' as 'message' }), ConfigError);
});

test('a limit on a whole answer is none on a message, and those within a stream hold', async (t) => {
  const { client } = await pair(t);
  const body = message() as Loose;
  const slow = answering({ events: 30, paceMs: 20 });
  const at = { url: '/v1/messages' };
  assert.equal((await client.message(body, { ...at, timeout: 250, ...slow })).data.type, 'message');
  const layered = client.extend();
  layered.use(async (_req, next) => next());
  assert.equal((await layered.message(body, { ...at, timeout: 250, ...slow })).data.type, 'message');
  await assert.rejects(client.message(body, { ...at, timeout: { total: 250 }, ...slow }), (error: TimeoutError) => {
    assert.ok(error instanceof TimeoutError);
    assert.equal(error.phase, 'total');
    assert.equal(error.partial?.type, 'message');
    return true;
  });
  await assert.rejects(client.message(body, { ...at, timeout: 200, ...answering({ delayMs: 2000 }) }), TimeoutError);
  await assert.rejects(
    client.message(body, { ...at, ...answering({ events: 9, cutAfterEvents: 5, cut: 'end' }) }),
    (error: TraeError) => error instanceof IncompleteStreamError && error.partial?.type === 'message',
  );
  await assert.rejects(
    client.message(body, { ...at, maxResponseBytes: 500, ...answering({ events: 300 }) }),
    LimitError,
  );
});

test('a message that is larger than allowed is not kept, and its events come all the same', async (t) => {
  const { client } = await pair(t);
  const config = { maxResponseBytes: 500, ...answering({ events: 300 }) };
  const read = await client.stream('/v1/messages', {}, config);
  assert.equal((await collect(read)).filter((event) => event.type === 'content_block_delta').length, 300);
  await assert.rejects(read.finalMessage(), LimitError);
  await assert.rejects((await client.stream('/v1/messages', {}, config)).finalMessage(), LimitError);
});

test('a piece for a block that nobody began is told, whoever adds the events up', async (t) => {
  const { client, simulator } = await pair(t);
  const [start, stop] = [
    '{"type":"message_start","message":{"type":"message","content":[]}}',
    '{"type":"message_stop"}',
  ];
  const piece = '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"lost"}}';
  const same = mapEvents((event: Loose) => event);
  for (const config of [{}, { middlewares: [same] }]) {
    const open = () => {
      simulator.reply({ transcript: [start, piece, stop] });
      return client.stream('/v1/messages', { stream: true }, config);
    };
    await assert.rejects((await open()).finalMessage(), ParseError);
    const read = await open();
    assert.equal((await collect(read)).length, 3, 'its reader has the events as they are');
    await assert.rejects(read.finalMessage(), /for a block that it never began/);
    for (const one of (await open()).tee()) await assert.rejects(one.finalMessage(), /for a block that it never began/);
  }
});

test('a message that is given up, or fails in its midst, says what had come of it and which request it was', async (t) => {
  const { client } = await pair(t);
  const at = { url: '/v1/messages', ...answering({ events: 30, hangAfterEvents: 9 }) };
  const controller = new AbortController();
  const asked = client.message(message() as Loose, { ...at, signal: controller.signal });
  setTimeout(() => controller.abort(new Error('enough')), 200);
  const idle = client.message(message() as Loose, { ...at, timeout: { idle: 200 } });
  const fails = (call: Promise<unknown>, type: typeof AbortError) =>
    assert.rejects(call, (error: TraeError) => {
      assert.ok(error instanceof type, inspect(error));
      assert.equal((error.partial as Loose)?.type, 'message');
      assert.ok((error.usage as Loose)?.input_tokens > 0);
      assert.match(error.requestId ?? '', /^req_/);
      return true;
    });
  await Promise.all([fails(asked, AbortError), fails(idle, StreamIdleError)]);
});

test('streams that a middleware has made have text and a message too', async (t) => {
  const { client } = await pair(t);
  const upper = mapEvents((event: Loose) => {
    if (event.delta?.type !== 'text_delta') return event;
    return { ...event, delta: { ...event.delta, text: event.delta.text.toUpperCase() } };
  });
  const open = () =>
    client.stream('/v1/messages', { stream: true }, { middlewares: [upper], ...answering({ text: 'quiet words' }) });
  assert.equal((await collect((await open()).text())).join(''), 'QUIET WORDS');
  assert.equal(await (await open()).finalText(), 'QUIET WORDS');
  const [left, right] = (
    await client.stream('/v1/messages', { stream: true }, answering({ text: 'quiet words' }))
  ).tee();
  const [text, whole] = await Promise.all([collect(left.text()), right.finalMessage()]);
  assert.equal(text.join(''), textOf(whole));
  const made = createClient({ baseURL: 'http://127.0.0.1:9', proxy: false });
  t.after(() => made.close());
  made.use(async (_req, _next) => ({
    data: (await client.stream('/v1/messages', { stream: true }, answering({ text: 'from elsewhere' }))) as unknown,
  }));
  assert.equal(textOf((await made.message(message() as Loose)).data), 'from elsewhere');
});

test('streams that are left half read free what they had added up', async (t) => {
  const { client } = await pair(t);
  const gc = (globalThis as { gc?: () => void }).gc;
  assert.ok(gc, 'run with --expose-gc');
  const round = async (count: number) => {
    for (let batch = 0; batch < count; batch += 50)
      await Promise.all(
        Array.from({ length: 50 }, async (_, number) => {
          const stream = await client.stream(
            '/v1/messages',
            { stream: true },
            answering({ events: 200, eventsPerWrite: 50 }),
          );
          const reader = stream[Symbol.asyncIterator]();
          await reader.next();
          if (number % 2 === 0) stream.abort();
        }),
      );
    await until(() => {
      gc();
      return counters()[1] === 0;
    }, 'all are over');
  };
  await round(1000);
  const before = process.memoryUsage().rss;
  await round(3000);
  const grown = process.memoryUsage().rss - before;
  assert.ok(grown < 60 << 20, `${grown >> 20} MB more`);
});

test('a tool input grows with its pieces to what JSON.parse makes of it, whatever it is and however it is cut', async () => {
  const { PartialJson } = bundle.partialJson();
  fc.assert(
    fc.property(
      fc.jsonValue(),
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
      fc.boolean(),
      (value, cuts, spaced) => {
        const json = JSON.stringify([value], undefined, spaced ? 2 : 0);
        const input = new PartialJson();
        for (let at = 0, cut = 0; at < json.length; cut++) {
          const size = cuts[cut % cuts.length] as number;
          input.add(json.slice(at, at + size));
          at += size;
        }
        assert.deepEqual(input.value, JSON.parse(json));
      },
    ),
    { numRuns: 500 },
  );
  const input = new PartialJson();
  assert.deepEqual(input.add('{"city":"Par'), { city: 'Par' });
  assert.deepEqual(input.add('is\\u00'), { city: 'Paris' });
  assert.deepEqual(input.add('e9","days":1'), { city: 'Parisé' });
  assert.deepEqual(input.add('2,"list":[true,nu'), { city: 'Parisé', days: 12, list: [true] });
  assert.deepEqual(input.add('ll]} and more'), { city: 'Parisé', days: 12, list: [true, null] });
});
