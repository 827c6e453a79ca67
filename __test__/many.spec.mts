// Thousands of slow streams at once, from a simulator in a process of its own.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createClient } from 'trae-native';
import { answering, counters } from './helpers/simulator.mts';

const STREAMS = 2000;
const DELTAS = 2;
/** Begin and end of a made-up message, one ping among them. */
const FRAME = 6;

const simulatorBin = join(dirname(createRequire(import.meta.url).resolve('trae-native')), 'bin/trae-native.js');

async function simulatorProcess(t: TestContext): Promise<string> {
  const child = spawn(process.execPath, [simulatorBin, 'simulate', '--keep', '0', '--until-stdin-closes'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.after(() => child.stdin.end());
  const line = await new Promise<Buffer>((resolve) => child.stdout.once('data', resolve));
  return JSON.parse(line.toString()).url;
}

/** How many files this process may open, and has open, where the system tells. */
function files(): { allowed: number; open: number } | undefined {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return { allowed: Number(soft), open: readdirSync('/proc/self/fd').length };
  } catch {
    return undefined;
  }
}

test('two thousand streams of an event a second are all open at once and all complete', async (t) => {
  const before = files();
  if (before && before.allowed < STREAMS + before.open + 100) return t.skip(`only ${before.allowed} files may be open`);
  const client = createClient({
    baseURL: await simulatorProcess(t),
    proxy: false,
    pool: { maxSockets: STREAMS },
  });
  t.after(() => client.close());
  const rss = process.memoryUsage().rss;
  const wakeUps = counters()[0];
  const reply = answering({ events: DELTAS, paceMs: 1000 });
  let open = 0;
  let most = { streams: 0, files: 0, rss: 0 };
  const read = async () => {
    const stream = await client.stream('/v1/messages', { stream: true }, { pings: true, ...reply });
    open++;
    if (open === STREAMS) most = { streams: open, files: files()?.open ?? 0, rss: process.memoryUsage().rss };
    const types: string[] = [];
    for await (const event of stream) types.push(event.type);
    open--;
    return types;
  };
  const all = await Promise.all(Array.from({ length: STREAMS }, read));
  for (const types of all) {
    assert.equal(types.length, DELTAS + FRAME);
    assert.equal(types.filter((type) => type === 'content_block_delta').length, DELTAS);
    assert.deepEqual([types[0], types.at(-1)], ['message_start', 'message_stop']);
  }
  assert.equal(most.streams, STREAMS, 'all were open at once');
  if (before) assert.ok(most.files <= before.open + STREAMS + 50, `${most.files} files`);
  assert.ok(most.rss - rss < 300 * 2 ** 20, `grew by ${(most.rss - rss) >> 20} MB`);
  assert.ok(counters()[0] - wakeUps < STREAMS * (DELTAS + FRAME), 'what comes together is handed over together');
});
