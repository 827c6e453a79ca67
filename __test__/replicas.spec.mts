// Four processes that share a Redis: limits, answers and conversations are one for all of them, whatever ends or moves.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cluster, redis } from './helpers/redis.mts';
import { type Replica, replicas } from './helpers/replicas.mts';
import { pair, until } from './helpers/simulator.mts';

interface Flood {
  passed: number;
  failed: Record<string, number>;
}

const flood = (all: Replica[], ms: number, inFlight = 8) =>
  Promise.all(all.map((one) => one.tell<Flood>('flood', ms, inFlight)));
const sum = (floods: Flood[]) => floods.reduce((all, { passed }) => all + passed, 0);

/** Whose turn each user's message is. */
const questions = (history: object[]) =>
  history.filter((_, at) => at % 2 === 0).map((message) => (message as { content: string }).content);
const roles = (history: object[]) => history.map((message) => (message as { role: string }).role);
const turnsOf = (name: string, count: number) => Array.from({ length: count }, (_, turn) => `${name}${turn}`);

test('600 in an interval are 600 over all of them', async (t) => {
  const server = await redis(t);
  if (!server) return;
  const { simulator } = await pair(t, {}, { keep: 0 });
  // A minute in three seconds, evenly paced; a script that the server has forgotten is told again.
  const [interval, requests] = [3000, 600];
  const rateLimit = { requests, interval, burst: 0.01, lease: 50 };
  const all = await replicas(t, { baseURL: simulator.url, proxy: false, store: server.url, rateLimit });
  const flooding = flood(all, interval * 2 + 500);
  await new Promise((resolve) => setTimeout(resolve, 500));
  const [before, begun] = [simulator.counters.requests, performance.now()];
  const flush = setInterval(() => server.cli('script', 'flush'), 300);
  await new Promise((resolve) => setTimeout(resolve, interval));
  const [count, took] = [simulator.counters.requests - before, performance.now() - begun];
  clearInterval(flush);
  // Never early; a machine that is busy may make them late.
  const due = (requests * took) / interval;
  assert.ok(count <= due * 1.02 + requests * 0.01, `${count} of ${due}`);
  assert.ok(count >= due * 0.9, `${count} of ${due}`);
  t.diagnostic(`${count} of ${due.toFixed(1)} that were due: ${((count / due - 1) * 100).toFixed(2)} %`);
  const floods = await flooding;
  assert.deepEqual(
    floods.map(({ failed }) => failed),
    [{}, {}, {}, {}],
  );
  const asked = /cmdstat_evalsha:calls=(\d+)/.exec(server.cli('info', 'commandstats'));
  assert.ok(Number(asked?.[1]) * 10 < sum(floods) * 2, `${asked?.[1]} questions for ${sum(floods)} calls`);
});

test('a hundred equal misses over all of them make one call, and everybody has its answer', async (t) => {
  const server = await redis(t);
  if (!server) return;
  const { simulator } = await pair(t);
  const all = await replicas(t, { baseURL: simulator.url, proxy: false, store: server.url, cache: true });
  simulator.always({ delayMs: 150 });
  const outcomes = (await Promise.all(all.map((one) => one.tell<string[]>('equal', 'same', 25)))).flat();
  assert.equal(simulator.received.length, 1);
  assert.equal(outcomes.length, 100);
  assert.ok(
    outcomes.every((outcome) => ['miss', 'shared', 'hit'].includes(outcome)),
    `${new Set(outcomes)}`,
  );
  const again = (await Promise.all(all.map((one) => one.tell<string[]>('equal', 'same', 25)))).flat();
  assert.deepEqual([...new Set(again)], ['hit']);
});

test('one that dies while it asks for all holds the others up no longer than its lease', async (t) => {
  const server = await redis(t);
  if (!server) return;
  const { simulator } = await pair(t);
  const all = await replicas(t, { baseURL: simulator.url, proxy: false, store: server.url, cache: true }, 2);
  const [first, second] = all as [Replica, Replica];
  simulator.reply([{ delayMs: 60_000 }, {}]);
  await first.tell('begin', 'same');
  await until(() => simulator.received.length === 1, 'it asks for all');
  const waits = second.tell<string[]>('equal', 'same', 5);
  await first.kill();
  const begun = performance.now();
  const outcomes = await waits;
  assert.equal(outcomes.filter((outcome) => outcome === 'miss').length, 1);
  assert.equal(simulator.received.length, 2);
  assert.ok(performance.now() - begun < 8000);
});

test('a conversation that all of them write stays whole, also when one dies in the middle of a turn', async (t) => {
  const server = await redis(t);
  if (!server) return;
  const { simulator } = await pair(t, {}, { keep: 0 });
  const all = await replicas(t, { baseURL: simulator.url, proxy: false, store: server.url });
  const [a, b, c, d] = all as [Replica, Replica, Replica, Replica];
  simulator.always({ delayMs: 5 });
  const names = [...'abc'];
  const speaking = [a, b, c].map((one, at) => one.tell<string[]>('turns', 's', turnsOf(names[at] as string, 5)));
  await d.tell('speak', 's', 'd0');
  await new Promise((resolve) => setTimeout(resolve, 10));
  await d.kill();
  const acknowledged = (await Promise.all(speaking)).flat();
  assert.deepEqual(acknowledged.sort(), names.flatMap((name) => turnsOf(name, 5)).sort());
  const history = await a.tell<object[]>('history', 's');
  const kept = questions(history);
  // What the dead one said is there whole, or not at all.
  assert.deepEqual(kept.filter((text) => text !== 'd0').sort(), acknowledged);
  assert.deepEqual(
    roles(history),
    kept.flatMap(() => ['user', 'assistant']),
  );
  for (const name of names)
    assert.deepEqual(
      kept.filter((text) => text.startsWith(name)),
      turnsOf(name, 5),
    );
});

for (const policy of ['local', 'open', 'closed'] as const)
  test(`with a Redis that is killed and comes back '${policy}' does what it says, and nothing hangs`, async (t) => {
    const server = await redis(t);
    if (!server) return;
    const { simulator } = await pair(t, {}, { keep: 0 });
    const rateLimit = { requests: 100, interval: 1000, burst: 0.05, lease: 100, onStoreFailure: policy };
    const store = { url: server.url, timeout: 200 };
    const config = { baseURL: simulator.url, proxy: false, store, rateLimit, cache: true };
    const all = await replicas(t, config);
    await flood(all, 500);
    const acknowledged = await Promise.all(all.map((one, at) => one.tell<string[]>('turns', `s${at}`, ['before'])));
    assert.deepEqual(acknowledged, [['before'], ['before'], ['before'], ['before']]);
    const flooding = flood(all, 2400);
    await new Promise((resolve) => setTimeout(resolve, 500));
    await server.kill();
    await new Promise((resolve) => setTimeout(resolve, 700));
    const [before, begun] = [simulator.counters.requests, performance.now()];
    const lost = await Promise.all(all.map((one, at) => one.tell<string[]>('turns', `s${at}`, ['lost'])));
    assert.deepEqual(lost, [[], [], [], []], 'no turn is taken that can not be kept');
    await new Promise((resolve) => setTimeout(resolve, 500));
    const rate = (simulator.counters.requests - before) / ((performance.now() - begun) / 1000);
    await server.restart();
    const floods = await flooding;
    const codes = [...new Set(floods.flatMap(({ failed }) => Object.keys(failed)))];
    if (policy === 'closed') assert.deepEqual([codes, rate], [['STORE'], 0]);
    else assert.deepEqual(codes, []);
    // Each by itself is four times the limit; without one it is as fast as this machine.
    if (policy === 'local') assert.ok(rate > 150 && rate < 440, `${rate} a second`);
    if (policy === 'open') assert.ok(rate > 500, `${rate} a second`);
    // Each asks the store again once a second, whatever it does meanwhile.
    await until(
      async () => {
        const [again, since] = [simulator.counters.requests, performance.now()];
        const floods = await flood(all, 500);
        const held = (simulator.counters.requests - again) / ((performance.now() - since) / 1000);
        return held < 130 && floods.every(({ failed }) => Object.keys(failed).length === 0);
      },
      'it is one limit for all again',
      20_000,
    );
    for (const [at, one] of all.entries()) {
      await until(async () => (await one.tell<string[]>('turns', `s${at}`, ['after'])).length === 1, 'it goes on');
      assert.deepEqual(questions(await one.tell<object[]>('history', `s${at}`)), ['before', 'after']);
    }
  });

test('slots of a cluster that move under traffic cost no call and no turn', async (t) => {
  const nodes = await cluster(t);
  if (!nodes) return;
  const { simulator } = await pair(t, {}, { keep: 0 });
  const rateLimit = { requests: 100_000, interval: 1000, lease: 20 };
  const store = { url: nodes.urls, cluster: true };
  const all = await replicas(t, { baseURL: simulator.url, proxy: false, store, rateLimit, cache: true });
  const texts = turnsOf('t', 12);
  const speaking = Promise.all(all.map((one, at) => one.tell<string[]>('turns', `s${at}`, texts)));
  const flooding = flood(all, 3000, 4);
  simulator.always({ delayMs: 20 });
  let moved = 0;
  const end = Date.now() + 2500;
  while (Date.now() < end) moved += nodes.moveAll();
  assert.ok(moved > 10, `${moved} slots with keys were moved`);
  const [floods, acknowledged] = await Promise.all([flooding, speaking]);
  assert.deepEqual(
    floods.map(({ failed }) => failed),
    [{}, {}, {}, {}],
  );
  for (const [at, one] of all.entries()) {
    assert.deepEqual(acknowledged[at], texts);
    assert.deepEqual(questions(await one.tell<object[]>('history', `s${at}`)), texts);
  }
  t.diagnostic(`${moved} slots moved under ${sum(floods)} calls`);
});
