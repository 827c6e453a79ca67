// JavaScript within native within JavaScript within native: each of them sees what its neighbours have done.

import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { test } from 'node:test';
import {
  AbortError,
  idempotencyKey,
  type Next,
  type Outcome,
  retry,
  TimeoutError,
  type TraeRequest,
  timeout,
} from 'trae-native';
import { collect, message, pair, until } from './helpers/simulator.mts';

const quick = { base: 1, jitter: 'none' } as const;

test('`finally` below retry() hears that the stream of an attempt was given up for another', async (t) => {
  const { client, simulator } = await pair(t);
  const ends: unknown[] = [];
  client.use(retry({ base: 1 }));
  client.finally(
    (outcome) => void ends.push([outcome.req.attempt, outcome.error?.name, outcome.error?.cause?.message]),
  );
  simulator.reply([{ errorAt: { index: 0, type: 'overloaded_error', message: 'busy' } }, {}]);
  const stream = await client.stream('/v1/messages', { ...message(), stream: true });
  for await (const _event of stream);
  await until(() => ends.length === 2, 'both attempts have ended');
  assert.deepEqual(ends, [
    [1, 'AbortError', 'another attempt took its place'],
    [2, undefined, undefined],
  ]);
});

test('what a middleware between native ones changes is what those further in see', async (t) => {
  const { client, simulator } = await pair(t);
  const seen: unknown[] = [];
  const add = (name: string) => (req: TraeRequest, next: Next) => {
    seen.push([req.method, req.url, req.params, req.data, req.headers['x-by']]);
    req.headers['x-by'] = `${req.headers['x-by'] ?? ''}${name}`;
    return next({
      method: 'PUT',
      url: `${req.url}/${name}`,
      params: { ...req.params, [name]: 1 },
      data: { ...req.data, [name]: 1 },
    });
  };
  client.use(timeout()).use(add('a')).use(retry(quick)).use(add('b')).use(timeout()).use(add('c'));
  simulator.reply([{ status: 529 }, { body: {} }, { body: {} }]);
  await client.post('/x', { n: 1 });
  const of = [
    ['POST', '/x', undefined, { n: 1 }, undefined],
    ['PUT', '/x/a', { a: 1 }, { n: 1, a: 1 }, 'a'],
    ['PUT', '/x/a/b', { a: 1, b: 1 }, { n: 1, a: 1, b: 1 }, 'ab'],
  ];
  assert.deepEqual(seen, [...of, ...of.slice(1)], 'the second attempt begins as the first did');
  for (const received of simulator.received) {
    assert.equal(`${received.method} ${received.path}`, 'PUT /x/a/b/c?a=1&b=1&c=1');
    assert.deepEqual(received.json(), { n: 1, a: 1, b: 1, c: 1 });
    assert.equal(received.header('x-by'), 'abc');
  }
});

test('what JavaScript makes or throws between native ones reaches those further out as itself', async (t) => {
  const { client } = await pair(t);
  const seen: unknown[] = [];
  const outer = async (_req: TraeRequest, next: Next) => {
    try {
      const res = await next();
      seen.push(res.data);
      return res;
    } catch (error) {
      seen.push(error);
      throw error;
    }
  };
  client.use(outer).use(timeout()).use(outer).use(retry(quick)).use(outer).use(timeout());
  client.use(async (req: TraeRequest, next: Next) => {
    if ('throws' in req.config) throw req.config.throws;
    const res = await next();
    res.data = req.config.gives;
    return res;
  });
  for (const gives of [new Date(), 'text', Symbol('s'), undefined]) {
    assert.equal((await client.get('/v1/models', { gives })).data, gives);
    assert.deepEqual(seen.splice(0), [gives, gives, gives]);
  }
  for (const throws of [new RangeError('mine'), 'text', null]) {
    await assert.rejects(client.get('/v1/models', { throws }), (error) => error === throws);
    assert.deepEqual(seen.splice(0), [throws, throws, throws]);
  }
});

test('whoever waits within native ones is told when a limit passes or the caller gives up', async (t) => {
  const { client, simulator } = await pair(t);
  const reason = new Error('enough');
  for (const gaveUp of ['limit', 'caller'] as const) {
    const ends: Outcome[] = [];
    const controller = new AbortController();
    const impatient = client.extend().use(timeout(gaveUp === 'limit' ? 50 : 60_000));
    impatient.finally((outcome) => void ends.push(outcome)).use(timeout());
    impatient.finally((outcome) => void ends.push(outcome));
    simulator.reply({ hang: 'headers' });
    const { requests } = simulator.counters;
    const call = impatient.post('/x', {}, { signal: controller.signal });
    if (gaveUp === 'caller') {
      const noticed = call.catch(() => {});
      await until(() => simulator.counters.requests > requests, 'the request is there');
      controller.abort(reason);
      await noticed;
    }
    await assert.rejects(call, gaveUp === 'limit' ? TimeoutError : AbortError);
    await until(() => ends.length === 2, 'both have ended');
    for (const { error } of ends) {
      assert.ok(error instanceof AbortError, `${error}`);
      if (gaveUp === 'caller') assert.equal(error.cause, reason);
    }
  }
});

test('a limit that passes while a middleware reads a stream ends the reading and the transfer', async (t) => {
  const { client, simulator } = await pair(t);
  let heard: unknown;
  client.use(timeout(80)).use(async (_req: TraeRequest, next: Next) => {
    const res = await next();
    res.data = await collect(res.data as AsyncIterable<unknown>).catch((error) => {
      heard = error;
      throw error;
    });
    return res;
  });
  simulator.reply({ events: 1000, paceMs: 20 });
  await assert.rejects(client.post('/v1/messages', { stream: true }), TimeoutError);
  await until(() => heard !== undefined && simulator.counters.connectionsOpen === 0, 'nothing is left');
  assert.ok(heard instanceof AbortError, `${heard}`);
});

test('a middleware within native ones that gives up on its next() ends what is further in', async (t) => {
  const { client, simulator } = await pair(t);
  const ends: Outcome[] = [];
  client.use(timeout()).use(async (_req: TraeRequest, next: Next) => (await Promise.all([next(), next()]))[0]);
  client.finally((outcome) => void ends.push(outcome));
  simulator.always({ hang: 'headers' });
  await assert.rejects(client.post('/x', {}), /again before/);
  await until(() => ends.length === 1 && simulator.counters.connectionsOpen === 0, 'nothing is left');
  assert.ok(ends[0]?.error instanceof AbortError, `${ends[0]?.error}`);
});

test('attempts are counted over all who repeat a call, and a middleware sees the number of its own', async (t) => {
  const { client, simulator } = await pair(t);
  const seen: number[] = [];
  const again = (_req: TraeRequest, next: Next) => next().catch(() => next());
  client
    .use(again)
    .use(retry({ ...quick, maxRetries: 1 }))
    .use(again)
    .use(timeout());
  client.use(retry({ ...quick, maxRetries: 1 })).use((req: TraeRequest, next: Next) => {
    seen.push(req.attempt);
    return next();
  });
  const failing = Array.from({ length: 15 }, () => ({ status: 529 }));
  simulator.reply([...failing, {}]);
  assert.equal((await client.post('/v1/messages', {})).attempts, 16);
  assert.deepEqual(
    seen,
    Array.from({ length: 16 }, (_, n) => n + 1),
  );
  simulator.always({ status: 529 });
  await assert.rejects(client.post('/v1/messages', {}), { name: 'OverloadedError', attempts: 16 });
});

test('a call that JavaScript repeats is the same call to the server', async (t) => {
  const { client, simulator } = await pair(t);
  client.use((_req: TraeRequest, next: Next) => next().catch(() => next())).use(idempotencyKey());
  simulator.reply([{ status: 529 }, { body: {} }, { body: {} }]);
  await client.post('/x', {});
  await client.post('/x', {});
  const [first, second, other] = simulator.received.map((received) => received.header('idempotency-key'));
  assert.ok(first);
  assert.equal(second, first);
  assert.notEqual(other, first);
});

test('an AsyncLocalStorage has within native ones, and where answers are judged, what it had where the call was made', async (t) => {
  const { client } = await pair(t);
  const storage = new AsyncLocalStorage<string>();
  const seen = new Map<string, Set<string | undefined>>();
  const see = (where: string) => seen.set(where, (seen.get(where) ?? new Set()).add(storage.getStore()));
  client
    .use(retry())
    .before(() => void see('before'))
    .use(timeout(60_000))
    .use(async (_req, next) => {
      see('in');
      const res = await next();
      see('out');
      return res;
    })
    .finally(() => void see('finally'));
  const judged = {
    validateStatus: () => see('status').size > 0,
    transformResponse: (data: unknown) => {
      see('transform');
      return data;
    },
  };
  const names = Array.from({ length: 20 }, (_, n) => `call ${n}`);
  await Promise.all(
    names.map((name) =>
      storage.run(name, async () => {
        await client.post('/v1/messages', message(), judged);
        const stream = await client.stream('/v1/messages', { ...message(), stream: true });
        await stream.on('text', () => see('text')).done();
        assert.equal(storage.getStore(), name);
      }),
    ),
  );
  for (const where of ['before', 'in', 'out', 'finally', 'status', 'transform', 'text'])
    assert.deepEqual([...(seen.get(where) ?? [])].sort(), [...names].sort(), where);
});
