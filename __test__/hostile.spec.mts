// Streams made to hurt, over a real socket: what they give is right, and nothing grows without end.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { ConnectionError, LimitError, type TraeError } from 'trae-native';
import { answering, collect, pair } from './helpers/simulator.mts';

const MIB = 2 ** 20;

test('a large event in small pieces, down to single bytes, is one event', async (t) => {
  const { client, simulator } = await pair(t);
  for (const [length, bytesPerWrite] of [
    [MIB / 16, 1],
    [MIB, 16],
  ] as const) {
    const text = 'x'.repeat(length);
    simulator.reply({ sse: `data: ${JSON.stringify({ text })}\n\n`, bytesPerWrite });
    assert.deepEqual(await collect(await client.stream('/x', {})), [{ text }]);
  }
});

test('a hundred and twenty thousand events in one write are as many events, in order', async (t) => {
  const { client } = await pair(t);
  const events = 120_000;
  const reply = answering({ events, eventsPerWrite: events });
  let count = 0;
  for await (const batch of (await client.stream('/v1/messages', { stream: true }, reply)).batches())
    for (const event of batch) if (event.type === 'content_block_delta') count++;
  assert.equal(count, events);
});

test('two mebibytes of tool JSON in deltas of twenty bytes come out as they went in', async (t) => {
  const { client, simulator } = await pair(t);
  const list = Array.from({ length: 45_000 }, (_, n) => ({ path: `/src/${n}.ts`, text: 'a "b" \\ \u00e9\n' }));
  const json = JSON.stringify(list);
  const deltas: string[] = [];
  for (let at = 0; at < json.length; at += 20) {
    const delta = { type: 'input_json_delta', partial_json: json.slice(at, at + 20) };
    deltas.push(JSON.stringify({ type: 'content_block_delta', index: 0, delta }));
  }
  simulator.reply({ transcript: [...deltas, '{"type":"message_stop"}'], eventsPerWrite: 50 });
  let joined = '';
  for await (const event of await client.stream('/v1/messages', {})) joined += event['delta']?.partial_json ?? '';
  assert.ok(joined.length > 2 * MIB);
  assert.equal(joined, json);
});

test('events that expand beyond reason are stopped, also when packed twice', async (t) => {
  const { client, simulator } = await pair(t);
  const comments = Buffer.alloc(16 * MIB, ': ping\n');
  const events = Buffer.alloc(16 * MIB, 'data: {"type":"x"}\n\n');
  const brotli = (data: Buffer) => brotliCompressSync(data, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } });
  for (const [encoding, body] of [
    ['gzip', gzipSync(comments)],
    ['br', brotli(events)],
    ['gzip, gzip', gzipSync(gzipSync(comments))],
    ['gzip, br', brotli(gzipSync(comments))],
  ] as const) {
    simulator.reply({ body, headers: { 'content-type': 'text/event-stream', 'content-encoding': encoding } });
    const stream = await client.stream('/bomb', {});
    await assert.rejects(collect(stream), (error: TraeError) => {
      assert.ok(error instanceof ConnectionError, `${encoding}: ${error}`);
      assert.equal(error.code, 'DECODE');
      assert.match(error.message, /expands/);
      return true;
    });
  }
});

test('an id that every later event would repeat has a limit', async (t) => {
  const { client } = await pair(t);
  const sse = `id: ${'i'.repeat(20_000)}\ndata: 1\n\ndata: 2\n\n`;
  const stream = await client.stream('/x', {}, { responseType: 'sse', ...answering({ sse }) });
  await assert.rejects(collect(stream), (error: TraeError) => {
    assert.ok(error instanceof LimitError);
    assert.equal(error.code, 'TOO_LARGE');
    assert.match(error.message, /id of an event/);
    return true;
  });
});
