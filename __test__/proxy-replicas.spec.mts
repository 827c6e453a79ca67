// Three proxies behind a plain balancer, with one Redis: they act as one, and none takes another with it.

import assert from 'node:assert/strict';
import { connect, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createSimulator, type Simulator } from 'trae-native/simulator';
import { ask, command, flags, question, turns } from './helpers/proxy.mts';
import { type Redis, redis } from './helpers/redis.mts';
import { until } from './helpers/simulator.mts';

interface Fleet {
  /** Of the balancer. */
  url: string;
  proxies: { url: string; pid: number }[];
  simulator: Simulator;
  store: Redis;
}

/** Connections go to each in turn; one that nobody takes goes to the next. */
async function balancer(t: TestContext, ports: number[]): Promise<string> {
  let turn = 0;
  const sockets = new Set<Socket>();
  const server = createServer((caller) => {
    const reach = (left: number): void => {
      const proxy = connect(ports[turn++ % ports.length] as number, '127.0.0.1');
      for (const socket of [caller, proxy]) sockets.add(socket);
      let reached = false;
      proxy.once('connect', () => {
        reached = true;
        caller.pipe(proxy).pipe(caller);
      });
      proxy.on('error', () => (reached || left === 0 ? caller.destroy() : reach(left - 1)));
      caller.on('error', () => proxy.destroy());
    };
    reach(ports.length);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
}

async function fleet(t: TestContext, more: Record<string, string> = {}): Promise<Fleet | undefined> {
  const store = await redis(t);
  if (!store) return undefined;
  const simulator = await createSimulator();
  t.after(() => simulator.close());
  const options = flags(simulator, { 'upstream.key': 'k', logger: 'false', ...more });
  const args = [...options, '--store', store.url, '--threads', '1'];
  const proxies = await Promise.all([1, 2, 3].map(() => command(t, args)));
  const url = await balancer(
    t,
    proxies.map((proxy) => Number(new URL(proxy.url).port)),
  );
  return { url, proxies, simulator, store };
}

/** Each on a connection of its own, so that each comes to another proxy. */
const apart: RequestInit = { headers: { connection: 'close' } };

test('what one proxy has asked the others know, and equal questions at once are asked once by all', async (t) => {
  const all = await fleet(t);
  if (!all) return;
  assert.equal((await ask(all, question('one'), apart)).headers.get('x-cache'), 'miss');
  const caches = [];
  for (let number = 0; number < 6; number++)
    caches.push((await ask(all, question('one'), apart)).headers.get('x-cache'));
  assert.deepEqual(caches, Array(6).fill('hit'));
  all.simulator.always({ delayMs: 100 });
  const answers = await Promise.all(Array.from({ length: 12 }, () => ask(all, question('two'), apart)));
  assert.ok(answers.every(({ status }) => status === 200));
  assert.equal(all.simulator.counters.requests, 2);
});

test('limits, budgets and conversations are one', async (t) => {
  const callers = JSON.stringify([
    {
      name: 'a',
      key: 'key-of-caller-a-0123',
      rateLimit: { requests: 4, interval: 60_000, burst: 1, queueTimeout: 300, adapt: false },
    },
    { name: 'b', key: 'key-of-caller-b-0123', budget: { tokens: 100 } },
  ]);
  const all = await fleet(t, { callers, retry: 'false' });
  if (!all) return;
  const by = (key: string, more: object = {}): RequestInit => ({
    headers: { connection: 'close', 'x-api-key': key, ...more },
  });
  const limited = await Promise.all(
    Array.from({ length: 9 }, (_, number) => ask(all, question(`${number}`), by('key-of-caller-a-0123'))),
  );
  const passed = limited.filter(({ status }) => status === 200).length;
  // Each proxy takes some ahead: what they hold besides is a part of the limit, and never more than it.
  assert.ok(passed <= 4 && passed >= 1, `${passed} have passed`);
  let asked = 0;
  await until(async () => {
    asked++;
    return (await ask(all, question(`b${asked}`), by('key-of-caller-b-0123'))).status === 429;
  }, 'the budget is used up');
  assert.ok(asked <= 8, `${asked} were asked`);
  const used = await Promise.all(
    all.proxies.map(async (proxy) => (await ask(proxy, question('another'), by('key-of-caller-b-0123'))).status),
  );
  assert.deepEqual(used, [429, 429, 429]);
});

test('a conversation goes on at another proxy', async (t) => {
  const all = await fleet(t);
  if (!all) return;
  for (const turn of [1, 2, 3]) {
    await (
      await ask(all, question(`turn ${turn}`), { headers: { connection: 'close', 'x-session-id': 'talk' } })
    ).text();
    assert.equal(turns(all.simulator), 2 * turn - 1);
  }
});

test('a proxy that is killed loses its own streams and no others', async (t) => {
  const all = await fleet(t, { cache: 'false' });
  if (!all) return;
  all.simulator.always({ events: 60, paceMs: 20 });
  const answers = await Promise.all(
    Array.from({ length: 30 }, (_, number) => ask(all, question(`stream ${number}`, { stream: true }), apart)),
  );
  const streams = answers.map((answer) => answer.text().catch(() => 'broken'));
  process.kill(all.proxies[0]?.pid ?? 0, 'SIGKILL');
  const texts = await Promise.all(streams);
  // Node's fetch takes a connection that was to close for an end: what has no last event was not whole.
  assert.equal(texts.filter((text) => /event: message_stop\n/.test(text)).length, 20);
  all.simulator.always({});
  for (let number = 0; number < 6; number++) assert.equal((await ask(all, question(`${number}`), apart)).status, 200);
});

test('without its store each goes on by itself, and with it they are one again', async (t) => {
  const all = await fleet(t);
  if (!all) return;
  assert.equal((await ask(all, question('before'), apart)).status, 200);
  await all.store.kill();
  const away = await Promise.all(Array.from({ length: 6 }, (_, number) => ask(all, question(`away ${number}`), apart)));
  assert.deepEqual(
    away.map(({ status }) => status),
    Array(6).fill(200),
  );
  for (const { url } of all.proxies) assert.equal((await fetch(`${url}/readyz`)).status, 200);
  const talk = await ask(all, question('turn'), { headers: { connection: 'close', 'x-session-id': 'talk' } });
  assert.deepEqual(
    [talk.status, talk.headers.get('x-should-retry')],
    [503, null],
    'a conversation can’t go on without it',
  );
  await all.store.restart();
  await until(
    async () => {
      const one = `again ${Math.random()}`;
      await (await ask(all.proxies[0] as { url: string }, question(one), apart)).text();
      return (await ask(all.proxies[1] as { url: string }, question(one), apart)).headers.get('x-cache') === 'hit';
    },
    'they are one again',
    15_000,
  );
});

test('in one store each caller has a limit of its own', async (t) => {
  const rateLimit = { requests: 3, interval: 60_000, burst: 1, queueTimeout: 200, adapt: false };
  const callers = ['a', 'b'].map((name) => ({ name, key: `key-of-caller-${name}-0123`, rateLimit }));
  const all = await fleet(t, { callers: JSON.stringify(callers), retry: 'false' });
  if (!all) return;
  const [first = all] = all.proxies;
  for (const { name, key } of callers) {
    const answers = Array.from({ length: 6 }, (_, number) =>
      ask(first, question(`${name} ${number}`), { headers: { 'x-api-key': key } }),
    );
    const passed = (await Promise.all(answers)).filter(({ status }) => status === 200).length;
    assert.equal(passed, 3, name);
  }
});
