// cache(): answers that are given again, in either form, to whoever asked; one call for many who ask the same.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import {
  auth,
  ConfigError,
  cache,
  createClient,
  fallback,
  keyPool,
  type Middleware,
  metrics,
  type Next,
  OverloadedError,
  retry,
  type TraeRequest,
} from 'trae-native';
import { createSimulator } from 'trae-native/simulator';
import { answering, collect, message, pair, until } from './helpers/simulator.mts';

const path = '/v1/messages';

test('an answer is given again, and says where it came from', async (t) => {
  const { client, simulator } = await pair(t);
  client.use(cache());
  const first = await client.post(path, message());
  assert.deepEqual([first.cache, first.cacheAgeMs, first.attempts], ['miss', null, 1]);
  const again = await client.post(path, message());
  assert.equal(again.cache, 'hit');
  assert.ok((again.cacheAgeMs as number) >= 0 && (again.cacheAgeMs as number) < 60_000);
  assert.deepEqual([again.attempts, again.status, again.httpVersion], [0, 200, first.httpVersion]);
  assert.deepEqual(again.data, first.data);
  assert.deepEqual([again.timing.firstByteMs, again.timing.queuedMs], [null, 0]);
  assert.equal(JSON.parse(JSON.stringify(again)).cache, 'hit');
  assert.equal(simulator.received.length, 1);
  assert.equal((await createClient({ baseURL: simulator.url, proxy: false }).post(path, message())).cache, 'bypass');
});

test('a stream is kept when it has ended and given again as a stream and whole, and the other way round', async (t) => {
  const { client, simulator } = await pair(t, { cache: true });
  const first = await collect(await client.stream(path, { ...message(), stream: true }));
  const again = await client.post(path, { ...message(), stream: true });
  assert.equal(again.cache, 'hit');
  assert.deepEqual(await collect(again.data as AsyncIterable<unknown>), first);
  const whole = await client.post(path, message());
  assert.equal(whole.cache, 'hit');
  const { content } = whole.data as { content: { text: string }[] };
  assert.ok((content[0]?.text.length ?? 0) > 0);
  await client.post(path, message('other'));
  const streamed = await client.post(path, { ...message('other'), stream: true });
  assert.equal(streamed.cache, 'hit');
  const types = (await collect(streamed.data as AsyncIterable<{ type: string }>)).map((event) => event.type);
  assert.deepEqual([types[0], types.at(-1)], ['message_start', 'message_stop']);
  assert.equal(simulator.received.length, 2);
});

test('a hundred who ask the same ask once, and one who leaves fails no other', async (t) => {
  const { client, simulator } = await pair(t);
  client.use(cache());
  simulator.always({ delayMs: 100 });
  const leaves = new AbortController();
  const calls = Array.from({ length: 100 }, (_, at) =>
    client.post(path, message(), at === 0 ? { signal: leaves.signal } : {}),
  );
  setTimeout(() => leaves.abort(), 20);
  const [left, ...others] = await Promise.allSettled(calls);
  assert.equal(left?.status, 'rejected');
  assert.ok(others.every((one) => one.status === 'fulfilled' && one.value.cache === 'shared'));
  assert.equal(simulator.received.length, 1);
});

test('a call says what it wants, and a key of its own stands for it', async (t) => {
  const { client, simulator } = await pair(t);
  client.use(cache());
  const ask = async (own: object, text?: string) => (await client.post(path, message(text), own)).cache;
  assert.equal(await ask({ cache: { mode: 'read-only' } }), 'miss');
  assert.equal(await ask({}), 'miss');
  assert.equal(await ask({ cache: false }), 'bypass');
  assert.equal(await ask({ cache: { mode: 'refresh' } }), 'miss');
  assert.equal(await ask({}), 'hit');
  assert.equal(await ask({ cache: { key: 'k' } }, 'one'), 'miss');
  assert.equal(await ask({ cache: { key: 'k' } }, 'other'), 'hit');
  assert.equal(await client.cache.delete('k'), true);
  assert.equal(await ask({ cache: { key: 'k' } }, 'one'), 'miss');
  assert.equal(await client.cache.delete({ url: path, data: message() }), true);
  assert.equal(await client.cache.delete({ url: path, data: message() }), false);
  assert.equal(await ask({}), 'miss');
  await client.cache.clear();
  assert.equal(await ask({}), 'miss');
  const stats = await client.cache.stats();
  assert.deepEqual([stats.entries, stats.hits, stats.bypassed], [1, 2, 1]);
  assert.equal(simulator.received.length, stats.misses + 1);
  await assert.rejects(createClient().cache.stats(), ConfigError);
  await assert.rejects(client.post(path, message(), { cache: { mode: 'sometimes' } as never }), /`cache.mode` must be/);
});

test('a function says the key, and null is for what is not kept', async (t) => {
  const { client } = await pair(t);
  client.use(
    cache({
      key: async (req) => (req.data.messages[0].content === 'secret' ? null : `${req.method} ${req.data.model}`),
    }),
  );
  assert.equal((await client.post(path, message('a'))).cache, 'miss');
  assert.equal((await client.post(path, message('b'))).cache, 'hit');
  assert.equal((await client.post(path, message('secret'))).cache, 'bypass');
});

test('two credentials never share an answer unless they are told to', async (t) => {
  const { client } = await pair(t);
  const shared = cache();
  const as = (key: string) => client.extend({ auth: { value: key } }).use(shared);
  const [one, other] = [as('sk-ant-one'), as('sk-ant-other')];
  assert.equal((await one.post(path, message())).cache, 'miss');
  assert.equal((await other.post(path, message())).cache, 'miss');
  assert.equal((await one.post(path, message())).cache, 'hit');
  const team = cache({ tenant: 'team' });
  const [a, b] = ['sk-ant-a', 'sk-ant-b'].map((value) => client.extend({ auth: { value } }).use(team));
  assert.equal((await a?.post(path, message()))?.cache, 'miss');
  assert.equal((await b?.post(path, message()))?.cache, 'hit');
});

/** Every way in which a call can come by its key, inside of the cache and outside of it. */
const WAYS: Record<
  string,
  (key: string) => { config?: object; layers?: [where: 'outside' | 'inside', layer: unknown][] }
> = {
  'a header of the client': (key) => ({ config: { headers: { 'X-Api-Key': key } } }),
  'auth()': (key) => ({ layers: [['inside', auth({ value: key })]] }),
  'auth() outside': (key) => ({ layers: [['outside', auth({ value: key })]] }),
  'a provider': (key) => ({ layers: [['inside', auth({ provider: () => key })]] }),
  keyPool: (key) => ({ layers: [['inside', keyPool({ keys: [key] })]] }),
  'a middleware outside': (key) => ({ layers: [['outside', setting(key)]] }),
  'a middleware inside': (key) => ({ layers: [['inside', setting(key)]] }),
  'a middleware inside, within a native one': (key) => ({
    layers: [
      ['inside', retry()],
      ['inside', setting(key)],
    ],
  }),
  'a middleware inside that gives another request': (key) => ({
    layers: [['inside', (req: TraeRequest, next: Next) => next({ headers: { ...req.headers, 'x-api-key': key } })]],
  }),
  'an account': (key) => ({ config: { headers: { 'anthropic-workspace-id': key } } }),
};
const setting = (key: string) => (req: TraeRequest) => {
  req.headers['x-api-key'] = key;
};

test('whichever way a call comes by its key, no other is given its answer, alone or together', async (t) => {
  const { simulator } = await pair(t);
  simulator.always({ echo: true });
  type Echo = { headers: [string, string][] };
  const keyIn = (data: unknown) =>
    (data as Echo).headers.find(([name]) => ['x-api-key', 'anthropic-workspace-id'].includes(name))?.[1];
  for (const [name, way] of Object.entries(WAYS)) {
    const shared = cache();
    const clients = ['one', 'two'].map((key) => {
      const { config = {}, layers = [] } = way(key);
      const client = createClient({ baseURL: simulator.url, proxy: false, ...config });
      for (const [where, layer] of layers) if (where === 'outside') client.use(layer as Middleware);
      client.use(shared);
      for (const [where, layer] of layers) if (where === 'inside') client.use(layer as Middleware);
      t.after(() => client.close());
      return { key, client };
    });
    for (const round of ['alone', 'again', 'together']) {
      const asked = clients.flatMap(({ key, client }) =>
        Array.from({ length: round === 'together' ? 3 : 1 }, async () => {
          const { data, cache } = await client.post(path, message(round === 'together' ? round : 'x'));
          assert.equal(keyIn(data), key, `${name}, ${round}: ${cache}`);
        }),
      );
      await Promise.all(asked);
    }
  }
});

test('where a middleware further in sets the key a call passes by, unless a tenant stands for all', async (t) => {
  const { client } = await pair(t);
  client.use(cache()).before(setting('k'));
  const seen = [await client.post(path, message()), await client.post(path, message())];
  assert.deepEqual(
    seen.map((res) => res.cache),
    ['bypass', 'bypass'],
  );
  const together = client
    .extend()
    .use(cache({ tenant: 'team' }))
    .before(setting('k'));
  together.eject('cache');
  const named = [await together.post(path, message()), await together.post(path, message())];
  assert.deepEqual(
    named.map((res) => res.cache),
    ['miss', 'hit'],
  );
});

test('what was asked before it was to be forgotten is answered and not kept', async (t) => {
  const { client, simulator } = await pair(t);
  client.use(cache());
  for (const stream of [false, true]) {
    for (const forget of [
      () => client.cache.delete({ url: path, data: { ...message(), stream } }),
      () => client.cache.clear(),
    ]) {
      simulator.reply([{ delayMs: 60, text: 'old' }, { text: 'new' }]);
      const { requests } = simulator.counters;
      const before = client.message(message() as never);
      await until(() => simulator.counters.requests > requests, 'it is under way');
      await forget();
      const after = await client.message(message() as never);
      assert.deepEqual(
        [after, await before].map(({ data }) => data.content[0]?.text),
        ['new', 'old'],
      );
      const kept = await client.message(message() as never);
      assert.deepEqual([kept.cache, kept.data.content[0]?.text], ['hit', 'new']);
      await client.cache.clear();
    }
  }
});

test('calls of fetch are kept and shared as any other, whole and as events', async (t) => {
  const { client, simulator } = await pair(t);
  client.use(cache());
  const ask = (stream: boolean, init: RequestInit = {}) =>
    client.fetch(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...message(), stream }),
      ...init,
    });
  const first = await (await ask(false)).json();
  const again = await ask(false);
  assert.deepEqual([await again.json(), again.headers.get('content-type')], [first, 'application/json']);
  const alike = await client.post(path, message(), { redirect: 'follow' });
  assert.equal(alike.cache, 'hit', 'of another kind of call too');
  const streamed = await ask(true);
  assert.match(streamed.headers.get('content-type') ?? '', /^text\/event-stream/);
  assert.match(await streamed.text(), /^event: message_start\n[\s\S]*event: message_stop\n/);
  assert.equal(simulator.received.length, 1);
  const [one, two] = await Promise.all([ask(true, { cache: 'no-store' }), ask(true, { cache: 'reload' })]);
  await Promise.all([one.text(), two.text()]);
  assert.equal(simulator.received.length, 3);
  const { hits, bypassed } = await client.cache.stats();
  assert.deepEqual([hits, bypassed], [3, 1]);
  simulator.always({ body: Buffer.alloc(6 << 20), headers: { 'content-type': 'application/octet-stream' } });
  for (const round of [1, 2])
    assert.equal((await (await client.fetch('/large')).arrayBuffer()).byteLength, 6 << 20, `${round}`);
  assert.equal(simulator.received.length, 5, 'a download passes by');
});

test('the official SDK is answered out of the cache, plain and streaming', async (t) => {
  const { client, simulator } = await pair(t);
  client.use(cache());
  const anthropic = new Anthropic({ baseURL: simulator.url, apiKey: 'k', fetch: client.fetch, maxRetries: 0 });
  const body = { model: 'm', max_tokens: 9, messages: [{ role: 'user' as const, content: 'Hi' }] };
  const [one, two] = [await anthropic.messages.create(body), await anthropic.messages.create(body)];
  assert.deepEqual(two.content, one.content);
  const streamed = await anthropic.messages.stream(body).finalMessage();
  assert.deepEqual(streamed.content, one.content);
  assert.equal(simulator.received.length, 1);
});

test('what a middleware within throws arrives as itself, and a stand-in’s answer is not kept', async (t) => {
  const { client, simulator } = await pair(t);
  const other = await createSimulator();
  t.after(() => other.close());
  const own = new Error('mine');
  const throwing = client
    .extend()
    .use(cache())
    .before(() => {
      throw own;
    });
  await assert.rejects(throwing.post(path, message()), (error) => error === own);
  const relying = client
    .extend()
    .use(cache())
    .use(fallback({ targets: [{ name: 'spare', baseURL: other.url }] }));
  simulator.reply({ status: 529 });
  const first = await relying.post(path, message());
  assert.deepEqual([first.target, first.cache], ['spare', 'miss']);
  const second = await relying.post(path, message());
  assert.deepEqual([second.target, second.cache], ['primary', 'miss']);
  assert.equal((await relying.post(path, message())).cache, 'hit');
});

test('a host of its own, and a target’s key, are part of the question', async (t) => {
  const { client, simulator } = await pair(t);
  simulator.always({ echo: true });
  const shared = cache();
  const hosts = client.extend().use(shared);
  await hosts.post(path, message(), { headers: { host: 'a.example' } });
  assert.equal((await hosts.post(path, message(), { headers: { host: 'b.example' } })).cache, 'miss');
  const keyed = (apiKey: string) =>
    client
      .extend()
      .use(shared)
      .use(
        fallback({
          targets: [
            { name: 'first', apiKey },
            { name: 'second', model: 'x' },
          ],
          primary: false,
        }),
      );
  await keyed('one').post(path, message());
  assert.equal((await keyed('two').post(path, message())).cache, 'miss');
  assert.equal((await keyed('one').post(path, message())).cache, 'hit');
});

test('a body that is no JSON passes by, however it is broken', async (t) => {
  const { client, simulator } = await pair(t, { cache: true });
  for (const text of ['{"a":"\\', '"\\', '{"a\\', '{"a":"\\u', '[', '{"a":', '"', '{"a":"\\"', '\ufeff{}', '{}{}']) {
    const { requests } = simulator.counters;
    await client.post(path, text).catch((error) => assert.equal(error.code, 'BAD_REQUEST', text));
    assert.equal(simulator.counters.requests, requests + 1, text);
  }
});

test('a failure is not kept, and a stale answer may stand in for it', async (t) => {
  const { client, simulator } = await pair(t);
  client.use(cache({ ttl: 30, staleIfError: 60_000 }));
  await assert.rejects(client.post(path, message(), answering({ status: 529 })), OverloadedError);
  assert.equal((await client.post(path, message())).cache, 'miss');
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal((await client.post(path, message(), answering({ status: 529 }))).cache, 'stale');
  assert.equal(simulator.received.length, 3);
});

test('an object that keeps values is the second level, and its failures fail no call', async (t) => {
  const { client, simulator } = await pair(t);
  const kept = new Map<string, string>();
  const store = {
    get: async (key: string) => kept.get(key),
    set: async (key: string, value: string, _ttl?: number) => void kept.set(key, value),
    delete: async (key: string) => kept.delete(key),
    clear: async () => kept.clear(),
  };
  const [one, other] = [client.extend().use(cache({ store })), client.extend().use(cache({ store }))];
  const { data } = await one.post(path, message());
  const found = await other.post(path, message());
  assert.equal(found.cache, 'hit');
  assert.deepEqual(found.data, data);
  assert.ok([...kept.keys()].every((key) => /^cache:[0-9a-f]{64}$/.test(key)));
  assert.equal((await other.cache.stats()).storeHits, 1);
  await other.cache.clear();
  assert.equal(kept.size, 0);
  assert.equal(simulator.received.length, 1);
  const away = async () => {
    throw new Error('away');
  };
  const third = client.extend().use(cache({ store: { ...store, get: away, set: away } }));
  assert.equal((await third.post(path, message())).cache, 'miss');
  assert.equal((await third.post(path, message())).cache, 'hit');
  assert.ok((await third.cache.stats()).storeErrors >= 1);
});

test('layers of JavaScript see where an answer came from, within and outside of the cache', async (t) => {
  const { client, simulator } = await pair(t);
  const seen: unknown[] = [];
  const sees = async (_req: unknown, next: () => Promise<{ cache: unknown }>) => {
    const res = await next();
    seen.push(res.cache);
    return res as never;
  };
  client.use(metrics()).use(sees).use(cache()).use(sees);
  await client.post(path, message());
  await client.post(path, message());
  assert.deepEqual(seen, ['bypass', 'miss', 'hit']);
  assert.match(client.metrics(), /claude_cache_answers_total\{outcome="hit"\} 1/);
  assert.equal(simulator.received.length, 1);
});

test('wrong options are refused by name', () => {
  for (const [options, expected] of [
    [{ ttl: 0 }, /`cache.ttl` must be more than 0 ms/],
    [{ tll: 1 }, /did you mean `cache.ttl`/],
    [{ replay: 'slow' }, /`cache.replay` must be 'instant' or 'paced'/],
    [{ vary: ['a b'] }, /`cache.vary` has a name that is none/],
    [{ key: 'k' }, /`cache.key` must be a function/],
    [{ tenant: '' }, /`cache.tenant` must be a name/],
    [{ store: 'redis://127.0.0.1', prefix: '' }, /`cache.prefix` must be a name/],
    [{ store: { get: () => 1 } }, /has no set\(\)/],
  ] as const)
    assert.throws(
      () => cache(options as never),
      (error) => error instanceof ConfigError && expected.test(error.message),
    );
});
