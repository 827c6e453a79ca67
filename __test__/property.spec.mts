// Any bytes in any pieces give the events that an independent parser gives.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createParser } from 'eventsource-parser';
import fc from 'fast-check';
import { collect, pair } from './helpers/simulator.mts';

const text = (part: string) => Buffer.from(part);
const TOKENS = [
  ...['data: ', 'data:', 'data', 'event: ', 'id: ', 'retry: ', 'retry: 5', ':', ': note', ' ', 'x', '{"a":1}'].map(
    text,
  ),
  ...['\n', '\n', '\n\n', '\r', '\r\n', '\r\n\r\n', '\uFEFF', 'é', '😀', '\0', '[DONE]'].map(text),
  ...[[0xff], [0xc3], [0xf0, 0x9f], [0x80]].map((bytes) => Buffer.from(bytes)),
];
const bodies = fc.array(fc.constantFrom(...TOKENS), { maxLength: 40 }).map((parts) => Buffer.concat(parts));

function reference(bytes: Buffer): { event: string; data: string }[] {
  const events: { event: string; data: string }[] = [];
  const parser = createParser({
    onEvent: ({ event, data }) => events.push({ event: event || 'message', data }),
  });
  const decoded = new TextDecoder().decode(bytes);
  // A carriage return ends its line at once; this parser waits to see whether a line feed follows.
  parser.feed(decoded.endsWith('\r') ? `${decoded}\n` : decoded);
  return events;
}

test('any bytes in any pieces give the events of eventsource-parser', async (t) => {
  const { client, simulator } = await pair(t, {}, { keep: 0 });
  const property = fc.asyncProperty(bodies, fc.integer({ min: 1, max: 9 }), async (bytes, bytesPerWrite) => {
    simulator.reply({ body: bytes, bytesPerWrite, headers: { 'content-type': 'text/event-stream' } });
    const seen = await collect(await client.stream('/x', {}, { responseType: 'sse' }));
    assert.deepEqual(
      seen.map(({ event, data }) => ({ event, data })),
      reference(bytes),
    );
  });
  await fc.assert(property, { numRuns: 300 });
});

test('any JSON values as events come back as they are', async (t) => {
  const { client, simulator } = await pair(t, {}, { keep: 0 });
  const property = fc.asyncProperty(fc.array(fc.json(), { maxLength: 20 }), async (values) => {
    const kept = values.filter((value) => !/"type"/.test(value) && value !== '[DONE]');
    simulator.reply({
      body: text(kept.map((value) => `data: ${value}\n\n`).join('')),
      headers: { 'content-type': 'text/event-stream' },
    });
    const seen = await collect(await client.stream<unknown>('/x', {}));
    assert.deepEqual(
      seen,
      kept.map((value) => JSON.parse(value)),
    );
  });
  await fc.assert(property, { numRuns: 200 });
});

const KINDS = { text_delta: 'text', thinking_delta: 'thinking', input_json_delta: 'partial_json' } as const;
const deltas = fc
  .record({
    type: fc.constantFrom('text_delta', 'thinking_delta', 'input_json_delta', 'signature_delta', 'new_delta'),
    index: fc.constantFrom(0, 1, 12),
    piece: fc.oneof(fc.string({ unit: 'binary' }), fc.json()),
  })
  .map(({ type, index, piece }) => {
    const field = KINDS[type as keyof typeof KINDS] ?? 'signature';
    return { type: 'content_block_delta', index, delta: { type, [field]: piece } };
  });
const others = fc.constantFrom<unknown[]>('text', 0, null, [1, 0], [0, 'x'], [], { type: 'new_kind', x: ['y'] });

test('pieces of content among any other events come back as they were written, field by field', async (t) => {
  const { client, simulator } = await pair(t, {}, { keep: 0 });
  const streams = fc.array(fc.oneof({ weight: 4, arbitrary: deltas }, others), { maxLength: 30 });
  const property = fc.asyncProperty(streams, fc.integer({ min: 1, max: 200 }), async (events, bytesPerWrite) => {
    simulator.reply({
      body: text(events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('')),
      bytesPerWrite,
      headers: { 'content-type': 'text/event-stream' },
    });
    const [left, right] = (await client.stream<unknown>('/x', {})).tee();
    const seen = await Promise.all([collect(left), collect(right.batches())]);
    // As text, because a field in another place is a difference that deepEqual does not see.
    assert.equal(JSON.stringify(seen[0]), JSON.stringify(events));
    assert.equal(JSON.stringify(seen[1].flat()), JSON.stringify(events));
  });
  await fc.assert(property, { numRuns: 200 });
});
