// Faults that other clients have, as far as no other test is about them; the whole list: docs/faults.md.

import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { type Next, OverloadedError, RateLimitError, retry, type TraeRequest, timeout } from 'trae-native';
import { message, pair } from './helpers/simulator.mts';

const quick = { base: 1, jitter: 'none' } as const;

test('every test that the table of faults names exists', () => {
  const root = new URL('../', import.meta.url);
  const rows = readFileSync(new URL('docs/faults.md', root), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .slice(1);
  for (const row of rows) {
    const named = [...(row.split(' | ').at(-1) ?? '').matchAll(/`([^`]+)` `([^`]+)`/g)];
    assert.ok(named.length > 0, `no test: ${row}`);
    for (const [, file, name] of named as unknown as [string, string, string][]) {
      const path = new URL(file, root);
      assert.ok(existsSync(path), `no such file: ${file}`);
      const written = file.endsWith('.rs') ? `fn ${name}(` : `test('${name}'`;
      assert.ok(readFileSync(path, 'utf8').includes(written), `no such test: ${file} ${name}`);
    }
  }
});

test('a wish to come back in days fails the call at once and is told', async (t) => {
  const { client, simulator } = await pair(t);
  client.use(retry()).use((_req: TraeRequest, next: Next) => next());
  simulator.always({ status: 429, headers: { 'retry-after': '277403' } });
  await assert.rejects(client.post('/v1/messages', message()), (error: RateLimitError) => {
    assert.ok(error instanceof RateLimitError);
    assert.equal(error.retryAfterMs, 277_403_000);
    assert.match(error.message, /not retried: .*`retry.maxRetryAfter`/);
    return true;
  });
  assert.equal(simulator.received.length, 1);
});

test('a prompt of twenty mebibytes is encoded once for three attempts', async (t) => {
  const { client, simulator } = await pair(t);
  client.use(retry(quick)).use((_req: TraeRequest, next: Next) => next());
  simulator.reply([{ status: 529 }, { status: 529 }, { body: {} }]);
  let encoded = 0;
  const text = 'x'.repeat(20 << 20);
  const prompt = { toJSON: () => Object.assign({ text }, { encoded: ++encoded }) };
  assert.equal((await client.post('/x', prompt)).attempts, 3);
  assert.equal(encoded, 1);
  assert.deepEqual(
    simulator.received.map(({ bodyLength }) => bodyLength),
    Array(3).fill(JSON.stringify({ text, encoded: 1 }).length),
  );
});

test('an error in the middle of tool JSON comes after all of it that was sent', async (t) => {
  const { client, simulator } = await pair(t);
  client.use(retry(quick)).use((_req: TraeRequest, next: Next) => next());
  const delta = (partial_json: string) => ({
    type: 'content_block_delta',
    index: 0,
    delta: { type: 'input_json_delta', partial_json },
  });
  const tool = { type: 'tool_use', id: 'toolu_1', name: 'search', input: {} };
  simulator.reply({
    transcript: [
      { type: 'message_start', message: { id: 'msg_1', content: [] } },
      { type: 'content_block_start', index: 0, content_block: tool },
      ...[delta('{"query":"wea'), delta('ther in ')],
      { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } },
    ],
  });
  const pieces: string[] = [];
  const read = async () => {
    for await (const event of await client.stream('/v1/messages', { stream: true }))
      if (event.type === 'content_block_delta') pieces.push(event['delta'].partial_json);
  };
  await assert.rejects(read(), OverloadedError);
  assert.deepEqual(pieces, ['{"query":"wea', 'ther in ']);
  assert.equal(simulator.received.length, 1, 'what was handed out is not asked for again');
});

test('a signal that serves a thousand calls through middlewares of both kinds remembers none of them', async (t) => {
  const { client } = await pair(t, {}, { keep: 0 });
  const seen: boolean[] = [];
  const look = (req: TraeRequest, next: Next) => {
    seen.push(req.signal.aborted);
    return next();
  };
  client.use(look).use(retry(quick)).use(look).use(timeout()).use(look);
  const { signal } = new AbortController();
  await Promise.all(Array.from({ length: 1000 }, () => client.get('/v1/models', { signal })));
  assert.equal(seen.length, 3000);
  assert.equal(getEventListeners(signal, 'abort').length, 0);
});
