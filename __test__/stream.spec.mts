// Streams: events as they come, batches, bytes, two readers, an end that is never silent.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import {
  ApiStreamError,
  ConfigError,
  EventStream,
  IncompleteStreamError,
  OverloadedError,
  ParseError,
} from 'trae-native';
import { answering, collect, message, pair } from './helpers/simulator.mts';

const fixtures = new URL('../tests/fixtures/', import.meta.url);
const transcripts = readdirSync(fixtures).filter((name) => name.endsWith('.jsonl'));
const lines = (name: string) => readFileSync(new URL(name, fixtures), 'utf8').split('\n').filter(Boolean);

test('every transcript gives the events of its file in pieces of 1, 7 and 4096 bytes', async (t) => {
  const { client, simulator } = await pair(t);
  for (const name of transcripts) {
    const events = lines(name);
    const expected = events.map((line) => JSON.parse(line)).filter((event) => event.type !== 'ping');
    const failing = expected.findIndex((event) => event.type === 'error');
    for (const bytesPerWrite of [1, 7, 4096]) {
      simulator.reply({ transcript: events, bytesPerWrite });
      const seen: unknown[] = [];
      const read = async () => {
        for await (const event of await client.stream('/v1/messages', { stream: true })) seen.push(event);
      };
      if (failing >= 0) await assert.rejects(read);
      else await read();
      const stop = expected.findIndex((event) => event.type === 'message_stop');
      const end = failing >= 0 ? failing : stop >= 0 ? stop + 1 : expected.length;
      assert.deepEqual(seen, expected.slice(0, end), `${name} in pieces of ${bytesPerWrite}`);
    }
  }
});

test('a post whose answer is a stream of events gives an EventStream as data', async (t) => {
  const { client } = await pair(t);
  const res = await client.post('/v1/messages', { ...message(), stream: true });
  assert.ok(res.data instanceof EventStream);
  const events = await collect(res.data as EventStream);
  assert.equal(events[0]?.type, 'message_start');
  assert.equal(events.at(-1)?.type, 'message_stop');
  assert.ok(!events.some((event) => event.type === 'ping'));
  assert.ok((res.timing.firstEventMs ?? -1) >= 0);
  assert.equal((res.data as EventStream).firstEventMs, res.timing.firstEventMs);
  assert.ok((res.timing.totalMs ?? -1) >= 0);
});

test('pings are delivered to whoever asks for them', async (t) => {
  const { client } = await pair(t);
  const events = await collect(await client.stream('/v1/messages', { ...message(), stream: true }, { pings: true }));
  assert.ok(events.some((event) => event.type === 'ping'));
});

test('batches hand over everything that one wake-up brought, in order', async (t) => {
  const { client } = await pair(t);
  const stream = await client.stream('/v1/messages', { stream: true }, answering({ events: 500, eventsPerWrite: 50 }));
  const batches = await collect(stream.batches());
  const deltas = batches.flat().filter((event) => event.type === 'content_block_delta');
  assert.equal(deltas.length, 500);
  assert.ok(batches.length < 500, `${batches.length} batches`);
});

test('with responseType sse the data stays text and the fields are there', async (t) => {
  const { client } = await pair(t);
  const sse = 'id: 7\nevent: greet\nretry: 50\ndata: not\ndata: json\n\ndata: [DONE]\n\ndata: lost';
  const stream = await client.stream('/x', {}, { responseType: 'sse', ...answering({ sse }) });
  assert.deepEqual(await collect(stream), [
    { event: 'greet', data: 'not\njson', id: '7', retry: 50 },
    { event: 'message', data: '[DONE]', id: '7' },
  ]);
});

test('events need no event line, and kinds nobody knows pass through', async (t) => {
  const { client } = await pair(t);
  const sse =
    'data: {"type":"message_start"}\n\ndata: {"type":"from_the_future","x":[1]}\n\ndata: {"type":"message_stop"}\n\n';
  const events = await collect(await client.stream('/x', {}, answering({ sse })));
  assert.deepEqual(
    events.map((event) => event.type),
    ['message_start', 'from_the_future', 'message_stop'],
  );
});

test('a body that ends before message_stop is an IncompleteStreamError after all its events', async (t) => {
  const { client } = await pair(t);
  for (const cut of ['close', 'end', 'reset'] as const) {
    const stream = await client.stream(
      '/v1/messages',
      { stream: true },
      answering({ events: 10, cutAfterEvents: 5, cut }),
    );
    const seen: unknown[] = [];
    const read = async () => {
      for await (const event of stream) seen.push(event);
    };
    await assert.rejects(read, (error: Error & { code: string }) => {
      if (cut !== 'reset') assert.ok(error instanceof IncompleteStreamError, `${cut}: ${error}`);
      return ['INCOMPLETE_STREAM', 'CONNECTION_RESET'].includes(error.code);
    });
    // A ping is among the first five.
    if (cut !== 'reset') assert.equal(seen.length, 4, cut);
  }
});

test('a stream of messages that ends before a message began is an IncompleteStreamError too', async (t) => {
  const { client } = await pair(t);
  const ping = 'event: ping\ndata: {"type":"ping"}\n\n';
  for (const sse of ['', ping, ping + ping, 'data: {"type":"from_the_future"}\n\n']) {
    const open = (path: string) => client.stream(path, { stream: true }, answering({ sse }));
    await assert.rejects(collect(await open('/v1/messages')), IncompleteStreamError);
    const res = await client.post('/v1/messages?beta=true', {}, answering({ sse }));
    await assert.rejects(collect(res.data as EventStream), IncompleteStreamError);
    assert.ok((await collect(await open('/v1/complete'))).length <= 1, 'other protocols end as they like');
  }
});

test('an error event inside a stream is the class of its type, with the events before it delivered', async (t) => {
  const { client } = await pair(t);
  const failing = (type: string) =>
    client.stream(
      '/v1/messages',
      { stream: true },
      answering({ events: 5, errorAt: { index: 3, type, message: 'too busy' } }),
    );
  await assert.rejects(collect(await failing('overloaded_error')), (error: OverloadedError) => {
    assert.ok(error instanceof OverloadedError);
    assert.equal(error.status, 529);
    assert.equal(error.type, 'overloaded_error');
    assert.match(error.requestId ?? '', /^req_/);
    assert.equal(error.phase, 'body');
    assert.equal(error.retryable, true);
    assert.match(error.message, /too busy/);
    return true;
  });
  await assert.rejects(collect(await failing('new_error')), ApiStreamError);
});

test('an event that is no JSON is a ParseError that does not repeat it', async (t) => {
  const { client } = await pair(t);
  for (const hostile of ['{"a":1},{"b":2}', ']', '{"secret', '1 2', '']) {
    const sse = `data: {"ok":1}\n\ndata: ${hostile}\n\ndata: {"ok":2}\n\n`;
    const stream = await client.stream('/x', {}, answering({ sse }));
    const iterator = stream[Symbol.asyncIterator]();
    assert.deepEqual(await iterator.next(), { value: { ok: 1 }, done: false });
    await assert.rejects(iterator.next(), (error: ParseError) => {
      assert.ok(error instanceof ParseError);
      assert.equal(error.code, 'PARSE');
      assert.doesNotMatch(error.message, /secret/);
      return true;
    });
    assert.deepEqual(await iterator.next(), { value: undefined, done: true });
  }
});

test('an answer that is one JSON value where a stream was asked for says so', async (t) => {
  const { client } = await pair(t);
  await assert.rejects(client.stream('/v1/messages', message()), (error: ParseError) => {
    assert.ok(error instanceof ParseError);
    assert.match(error.message, /stream: true/);
    return true;
  });
});

test('tee gives both readers every event, whichever reads faster', async (t) => {
  const { client } = await pair(t);
  const stream = await client.stream('/v1/messages', { stream: true }, answering({ events: 50 }));
  const [left, right] = stream.tee();
  const first = await collect(left);
  const second = await collect(right);
  assert.equal(first.length, 55);
  assert.deepEqual(second, first);
});

test('a stream has one reader', async (t) => {
  const { client } = await pair(t);
  const stream = await client.stream('/v1/messages', { stream: true }, answering({ events: 5 }));
  stream.batches();
  assert.throws(() => stream[Symbol.asyncIterator](), ConfigError);
  stream.abort();
  const read = await client.stream('/v1/messages', { stream: true }, answering({ events: 5 }));
  await collect(read);
  await assert.rejects(collect(read), ConfigError);
});

test('events can be read as a WHATWG stream and as a Node stream', async (t) => {
  const { client } = await pair(t);
  const open = () => client.stream('/v1/messages', { stream: true }, answering({ events: 5 }));
  const web = (await open()).toReadableStream();
  const node = (await open()).toNodeReadable();
  assert.equal((await collect(web as unknown as AsyncIterable<unknown>)).length, 10);
  assert.equal((await collect(node)).length, 10);
});

test('with responseType stream the bytes come as a Node stream, as the article reads them', async (t) => {
  const { client } = await pair(t);
  const response = await client.post('/complete', { prompt: 'Hi', stream: true }, { responseType: 'stream' });
  const chunks: Buffer[] = [];
  await new Promise<void>((resolve, reject) => {
    response.data.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.data.on('end', resolve);
    response.data.on('error', reject);
  });
  assert.match(Buffer.concat(chunks).toString(), /^event: completion\r?\ndata: \{/m);
});

test('compressed events arrive one by one', async (t) => {
  const { client } = await pair(t);
  for (const encoding of ['gzip', 'br', 'zstd', 'deflate'] as const) {
    const reply = answering({ events: 3, encoding, hangAfterEvents: 4 });
    const stream = await client.stream('/v1/messages', { stream: true }, reply);
    const iterator = stream[Symbol.asyncIterator]();
    for (let n = 0; n < 3; n++) assert.equal((await iterator.next()).done, false, encoding);
    await iterator.return?.();
  }
});
