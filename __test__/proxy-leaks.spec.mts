// What is left of callers that are gone: nothing, however many they were and whenever they left.

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { ProxyOptions } from 'trae-native/proxy';
import { createSimulator, type Reply, type Simulator } from 'trae-native/simulator';
import { figure, serves, streamed } from './helpers/proxied.mts';
import { before, command } from './helpers/proxy.mts';
import { Raw } from './helpers/raw.mts';
import { message, until } from './helpers/simulator.mts';

interface Started {
  proxy: { url: string; pid: number };
  simulator: Simulator;
}

async function started(t: TestContext, options: ProxyOptions = {}): Promise<Started> {
  const simulator = await createSimulator({ keep: 0 });
  t.after(() => simulator.close());
  const folder = mkdtempSync(join(tmpdir(), 'trae-proxy-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'proxy.json');
  const upstream = { pool: { maxSockets: 2000 }, ...(options.upstream as object) };
  writeFileSync(file, JSON.stringify(before(simulator, { ...options, upstream })));
  return { proxy: await command(t, ['--config', file]), simulator };
}

/** What a process holds in memory, in MiB; on a system that does not tell, always the same. */
function memory({ pid }: { pid: number }): number {
  const file = `/proc/${pid}/status`;
  const kib = existsSync(file) ? /^VmRSS:\s+(\d+)/m.exec(readFileSync(file, 'utf8'))?.[1] : undefined;
  return Number(kib ?? 0) / 1024;
}

const GAUGES = ['claude_requests_in_flight', 'claude_pool_in_flight', 'claude_pool_queued'];

/** No connection is left but those of whoever looks, and no call is under way. */
async function settled(proxy: Started['proxy'], own = 4): Promise<void> {
  const left = async (): Promise<string> => {
    const [open, ...gauges] = await Promise.all(
      ['trae_proxy_connections', ...GAUGES].map((name) => figure(proxy.url, name)),
    );
    const busy = gauges.map((gauge, at) => (gauge > 0 ? `${GAUGES[at]} ${gauge}` : '')).filter(Boolean);
    return [...((open ?? 0) > own ? [`${open} connections`] : []), ...busy].join(', ');
  };
  let seen = '';
  const none = async (): Promise<boolean> => {
    seen = await left();
    return seen === '';
  };
  await until(none, 'nothing is left', 8000).catch(() => assert.fail(seen));
}

const REPLIES: Reply[] = [
  {},
  { delayMs: 5 },
  { events: 20, paceMs: 1 },
  { events: 2000, eventsPerWrite: 50 },
  { hang: 'headers' },
  { events: 5, hangAfterEvents: 3 },
  { events: 9, cut: 'reset', cutAfterEvents: 4 },
  { status: 529 },
];

/** A request of some kind, in plain text; some have no end. */
function request(at: number): string {
  const reply = JSON.stringify(REPLIES[at % REPLIES.length]);
  // A few ask the same, so that they hear the answers of one another.
  const text = `question ${at % 3 === 0 ? at % 30 : at}`;
  const body = JSON.stringify(at % 2 === 0 ? streamed(text) : message(text));
  const session = at % 7 === 0 ? `x-session-id: s${at}\r\n` : '';
  const head = `POST /v1/messages HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n${session}x-simulator: ${reply}\r\n`;
  const whole = `${head}content-length: ${body.length}\r\n\r\n${body}`;
  return at % 11 === 0 ? whole.slice(0, Math.floor(Math.random() * whole.length)) : whole;
}

async function leaves(t: TestContext, url: string, at: number): Promise<void> {
  const raw = await Raw.open(t, url);
  raw.write(request(at));
  await new Promise((resolve) => setTimeout(resolve, Math.random() * 25));
  if (at % 2 === 0) raw.socket.destroy();
  else raw.socket.resetAndDestroy();
}

test('five thousand callers that leave at any moment leave nothing behind', async (t) => {
  const limits = { headersTimeout: 2000, bodyTimeout: 2000 };
  // What is kept is soon as much as may be kept, so that all that grows after it is a leak.
  const small = { maxBytes: 2 ** 20 };
  const options = { circuitBreaker: false, retry: false, cache: small, sessions: small };
  const { proxy } = await started(t, { limits, ...options });
  const sizes: number[] = [];
  let at = 0;
  for (let round = 0; round < 5; round++) {
    const end = at + 1000;
    const worker = async (): Promise<void> => {
      while (at < end) await leaves(t, proxy.url, at++);
    };
    await Promise.all(Array.from({ length: 100 }, worker));
    await settled(proxy);
    sizes.push(memory(proxy));
  }
  t.diagnostic(`MiB after each round: ${sizes.map((size) => size.toFixed(0)).join(', ')}`);
  const [, second, , , last] = sizes as [number, number, number, number, number];
  assert.ok(last < second + 15, `${sizes}`);
  await serves(proxy.url);
});

test('five hundred idle streams take little, and are gone with their callers', async (t) => {
  const { proxy, simulator } = await started(t, { cache: false });
  simulator.always({ events: 3, hangAfterEvents: 3 });
  const body = JSON.stringify(streamed());
  const ask = `POST /v1/messages HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
  const before = memory(proxy);
  const sizes: number[] = [];
  for (let round = 0; round < 2; round++) {
    const all = await Promise.all(Array.from({ length: 500 }, () => Raw.open(t, proxy.url)));
    for (const raw of all) raw.write(ask);
    await until(() => all.every(({ text }) => text.includes('content_block_start')), 'all have begun', 15_000);
    assert.equal(await figure(proxy.url, 'claude_pool_in_flight'), 500);
    sizes.push(memory(proxy) - before);
    for (const [at, { socket }] of all.entries()) at % 2 === 0 ? socket.destroy() : socket.end();
    await until(() => simulator.counters.connectionsOpen === 0, 'the API is left', 8000);
    await settled(proxy);
  }
  t.diagnostic(`${sizes.map((size) => size.toFixed(0)).join(', ')} MiB for 500`);
  assert.ok((sizes[1] ?? 0) < 100, `${sizes}`);
  simulator.always({});
  await serves(proxy.url);
});

test('connections of HTTP/2 that break in the middle of their streams leave nothing behind', async (t) => {
  const { proxy, simulator } = await started(t, { cache: false });
  simulator.always({ events: 50, paceMs: 5 });
  for (let round = 0; round < 20; round++) {
    const client = connect(proxy.url);
    client.on('error', () => {});
    for (let at = 0; at < 50; at++) {
      const stream = client.request({ ':method': 'POST', ':path': '/v1/messages', 'content-type': 'application/json' });
      stream.on('error', () => {}).resume();
      stream.end(JSON.stringify(streamed(`${at}`)));
    }
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 40));
    client.destroy();
  }
  await settled(proxy);
});

test('methods, models and paths that nobody has heard of make no figure of their own', async (t) => {
  const { proxy } = await started(t);
  const lines = async (): Promise<number> => (await (await fetch(`${proxy.url}/metrics`)).text()).split('\n').length;
  const asks = async (from: number, count: number): Promise<void> => {
    for (let at = from; at < from + count; at++) {
      const init = { method: 'POST', headers: { 'content-type': 'application/json' } };
      const model = JSON.stringify({ ...message(), model: `model-${at}` });
      await Promise.all([
        fetch(`${proxy.url}/v1/messages`, { ...init, body: model }).then((answer) => answer.text()),
        fetch(`${proxy.url}/v1/path-${at}`, { method: `M${at}` }).then((answer) => answer.text()),
      ]);
    }
  };
  await asks(0, 5);
  const before = await lines();
  await asks(5, 200);
  assert.ok((await lines()) < before + 60, `${before} lines, and then ${await lines()}`);
});

test('streams that wait by the hundred keep no other caller from an answer, unless the pool is set to less', async (t) => {
  const { proxy, simulator } = await started(t, { cache: false, upstream: { pool: undefined } });
  simulator.always({ events: 3, hangAfterEvents: 3 });
  const body = JSON.stringify(streamed());
  const ask = `POST /v1/messages HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
  const all = await Promise.all(Array.from({ length: 300 }, () => Raw.open(t, proxy.url)));
  for (const raw of all) raw.write(ask);
  await until(() => simulator.counters.requests >= 256, 'they wait');
  simulator.always({});
  await serves(proxy.url);
});
