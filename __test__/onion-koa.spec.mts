// The contract of koa-compose, a sentence for each of its own tests. Two stand in onion.spec.mts: the order, and what
// is refused as a middleware. One differs: next() may be called again once it has settled.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Middleware, Next, TraeRequest } from 'trae-native';
import { broke, pair } from './helpers/onion.mts';
import { answering } from './helpers/simulator.mts';

const echo = answering({ echo: true });

/** Notes when it is entered and left. */
const noting =
  (seen: string[], name: string): Middleware =>
  async (_req, next) => {
    seen.push(`${name} in`);
    const res = await next();
    seen.push(`${name} out`);
    return res;
  };

test('a list serves one call after another, and calls at once, each in the same order', async (t) => {
  const { client } = await pair(t);
  for (const name of ['a', 'b'])
    client.use(async (req: TraeRequest, next: Next) => {
      req.config.seen.push(`${name} in`);
      const res = await next();
      req.config.seen.push(`${name} out`);
      return res;
    });
  const lists: string[][] = [[], [], []];
  const [first, ...others] = lists;
  await client.get('/x', { ...echo, seen: first });
  await Promise.all(others.map((seen) => client.get('/x', { ...echo, seen })));
  for (const seen of lists) assert.deepEqual(seen, ['a in', 'b in', 'b out', 'a out']);
});

test('next() gives a promise, also where what stands further in is no async function', async (t) => {
  const { client } = await pair(t);
  const given: unknown[] = [];
  for (let count = 0; count < 3; count++)
    client.use((_req: TraeRequest, next: Next) => {
      const promise = next();
      given.push(promise);
      return promise;
    });
  await client.get('/x', echo);
  assert.equal(given.length, 3);
  assert.ok(given.every((promise) => promise instanceof Promise));
});

test('without a middleware a call goes straight to the transport', async (t) => {
  const { client } = await pair(t);
  assert.equal((await client.get('/x', echo)).status, 200);
  assert.equal((await client.get('/x', { ...echo, middlewares: [] })).status, 200);
});

test('what stands after next() runs, also at the end of the list', async (t) => {
  const { client } = await pair(t);
  let status = 0;
  client.use(async (_req, next) => {
    const res = await next();
    status = res.status;
    return res;
  });
  await client.get('/x', echo);
  assert.equal(status, 200);
});

test('what a middleware throws rejects the call, also where it is no async function', async (t) => {
  const { client } = await pair(t);
  const call = (middleware: Middleware) => client.get('/x', { ...echo, middlewares: [middleware] });
  const thrown = new Error('mine');
  const is = (error: unknown) => error === thrown;
  await assert.rejects(
    call(async (_req, _next) => {
      throw thrown;
    }),
    is,
  );
  await assert.rejects(
    call((_req, _next) => {
      throw thrown;
    }),
    is,
  );
});

test('all middlewares of a call have the same request', async (t) => {
  const { client } = await pair(t);
  const requests: TraeRequest[] = [];
  for (let count = 0; count < 3; count++)
    client.use(async (req: TraeRequest, next: Next) => {
      const res = await next();
      requests.push(req);
      return res;
    });
  await client.get('/x', echo);
  assert.equal(requests.length, 3);
  assert.ok(requests.every((req) => req === requests[0]));
});

test('a middleware catches what is thrown further in, and goes on', async (t) => {
  const { client, simulator } = await pair(t);
  const seen: number[] = [];
  client.use(async (_req, next) => {
    seen.push(1);
    try {
      seen.push(2);
      await next();
      seen.push(-1);
    } catch {
      seen.push(4);
    }
    seen.push(5);
    return { data: 'healed' };
  });
  client.use((_req: TraeRequest, _next: Next) => {
    seen.push(3);
    throw new Error();
  });
  assert.equal((await client.get('/x', echo)).data, 'healed');
  assert.deepEqual(seen, [1, 2, 3, 4, 5]);
  assert.equal(simulator.received.length, 0);
});

test('the innermost next() is the transport, which sends once', async (t) => {
  const { client, simulator } = await pair(t);
  let entered = 0;
  client.use((_req: TraeRequest, next: Next) => {
    entered++;
    return next();
  });
  await client.get('/x', echo);
  assert.deepEqual([entered, simulator.received.length], [1, 1]);
});

test('lists go one into another: that of the client extended from, its own, that of the call', async (t) => {
  const { client } = await pair(t);
  const seen: string[] = [];
  const child = client.use(noting(seen, 'a')).extend().use(noting(seen, 'b'));
  await child.get('/x', { ...echo, middlewares: [noting(seen, 'c'), noting(seen, 'd')] });
  assert.deepEqual(seen, ['a in', 'b in', 'c in', 'd in', 'd out', 'c out', 'b out', 'a out']);
});

test('what a middleware returns is what next() gives further out, and the first one’s is the caller’s', async (t) => {
  const { client } = await pair(t);
  client.use(async (_req, next) => {
    assert.equal((await next()).data, 2);
    return { data: 1 };
  });
  client.use(async (_req, next) => {
    assert.equal((await next()).data, 3);
    return { data: 2 };
  });
  client.use(async (_req: TraeRequest, _next: Next) => ({ data: 3 }));
  assert.equal((await client.get('/x', echo)).data, 1);
});

test('a list that is given to a call is left as it is, and what is changed in it later changes no call', async (t) => {
  const { client } = await pair(t);
  const seen: string[] = [];
  const middlewares = [noting(seen, 'a')];
  const [own] = middlewares;
  const call = client.get('/x', { ...echo, middlewares });
  middlewares.push(noting(seen, 'b'));
  await call;
  assert.deepEqual(seen, ['a in', 'a out']);
  assert.equal(middlewares[0], own);
});

test('a next() that is not awaited is told, whatever stands around it', async (t) => {
  const { client, simulator } = await pair(t);
  client.use((_req: TraeRequest, next: Next) => next());
  client.use(function careless(_req: TraeRequest, next: Next) {
    void next();
  } as never);
  client.use(async (_req: TraeRequest, next: Next) => {
    await new Promise(setImmediate);
    return next();
  });
  await assert.rejects(client.get('/x', echo), broke(/careless returned before its next\(\) had settled/));
  assert.equal(simulator.received.length, 0, 'what has not begun does not begin');
});
