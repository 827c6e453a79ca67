// The onion: what a middleware sees, may change, and must keep to. koa's part of it: onion-koa.spec.mts; once more
// within a native middleware: onion-native.spec.mts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  AbortError,
  type Client,
  EventStream,
  logger,
  type Middleware,
  mapEvents,
  metrics,
  type Next,
  OverloadedError,
  retry,
  type TraeError,
  type TraeRequest,
  timeout,
  tracing,
  validate,
} from 'trae-native';
import { broke, pair } from './helpers/onion.mts';
import { answering, pair as bare, collect, message, until } from './helpers/simulator.mts';

test('the first middleware is the outermost: in through each, out through the same', async (t) => {
  const { client } = await pair(t);
  const seen: string[] = [];
  for (const name of ['a', 'b', 'c'])
    client.use(async (_req: TraeRequest, next: Next) => {
      seen.push(`${name} in`);
      const res = await next();
      seen.push(`${name} out`);
      return res;
    });
  await client.post('/v1/messages', message());
  assert.deepEqual(seen, ['a in', 'b in', 'c in', 'c out', 'b out', 'a out']);
});

test('use, before, after and finally chain on what createClient gives', async (t) => {
  const { client } = await pair(t);
  const seen: string[] = [];
  const res = await client
    .use(async (_req, next) => next())
    .before((req) => {
      req.headers['x-one'] = '1';
    })
    .after((res) => void seen.push(`${res.status}`))
    .finally(() => void seen.push('end'))
    .post('/v1/messages', message());
  assert.equal(res.status, 200);
  assert.deepEqual(seen, ['end', '200']);
});

test('a request is changed in place or replaced, and what is sent is what it has become', async (t) => {
  const { client, simulator } = await pair(t, { headers: { 'x-default': 'd', 'x-gone': 'g' } });
  client.use(async (req: TraeRequest, next: Next) => {
    assert.equal(req.headers['X-Default'], 'd');
    assert.equal(req.headers['x-CALL'], 'c');
    req.headers = { ...req.headers, Authorization: 'Bearer t', 'X-DEFAULT': 'changed' };
    delete req.headers['x-gone'];
    req.method = 'PUT';
    req.params = { a: 1 };
    return next({ ...(req as object), url: '/echo', data: { replaced: true } });
  });
  client.use((req: TraeRequest) => {
    req.data = { ...(req.data as object), more: 1 };
  });
  const { data } = await client.post(
    '/v1/messages',
    {},
    { ...answering({ echo: true }), headers: { 'x-call': 'c', ...answering({ echo: true }).headers } },
  );
  const [received] = simulator.received;
  assert.equal(`${received?.method} ${received?.path}`, 'PUT /echo?a=1');
  assert.equal(received?.header('authorization'), 'Bearer t');
  assert.equal(received?.header('x-default'), 'changed');
  assert.equal(received?.header('x-gone'), undefined);
  assert.deepEqual(JSON.parse(data.body), { replaced: true, more: 1 });
});

test('a function with one parameter is an interceptor, as the article writes it', async (t) => {
  const { client, simulator } = await pair(t);
  client.use(async (req: TraeRequest) => {
    req.headers = { ...req.headers, Authorization: 'Bearer x', 'anthropic-version': '2023-06-01' };
    return req;
  });
  await client.post('/v1/messages', message());
  assert.equal(simulator.received[0]?.header('authorization'), 'Bearer x');
});

test('an answer may be replaced, made up without next(), or healed after a failure', async (t) => {
  const { client, simulator } = await pair(t);
  client.after(
    (res) => {
      res.data = { wrapped: res.data.id ?? res.data };
    },
    (error) => ({ status: 203, headers: { 'X-Healed': 'yes' }, data: (error as Error).name }),
  );
  const plain = await client.post('/v1/messages', message());
  assert.match(plain.data.wrapped, /^msg_/);
  const healed = await client.post('/v1/messages', message(), answering({ status: 529 }));
  assert.deepEqual([healed.status, healed.headers['x-healed'], healed.data], [203, 'yes', 'OverloadedError']);
  const before = simulator.received.length;
  const made = await client.post('/x', {}, { middlewares: [async (_req: TraeRequest, _next: Next) => ({ data: 1 })] });
  assert.deepEqual([made.status, made.data], [200, { wrapped: 1 }]);
  assert.equal(simulator.received.length, before);
});

test('what is thrown reaches those further out as a rejected next(), and the caller as itself', async (t) => {
  const { client } = await pair(t);
  const seen: unknown[] = [];
  client.use(async (_req, next) => {
    try {
      return await next();
    } catch (error) {
      seen.push(error);
      throw error;
    }
  });
  client.use((req: TraeRequest) => {
    if (req.config.throws !== undefined) throw req.config.throws;
  });
  for (const thrown of ['a string', null, new RangeError('mine'), { odd: 1 }]) {
    await assert.rejects(client.get('/v1/models', { throws: thrown }), (error) => error === thrown);
    assert.equal(seen.at(-1), thrown);
  }
  await assert.rejects(client.get('/v1/models', answering({ status: 529 })), OverloadedError);
  assert.ok(seen.at(-1) instanceof OverloadedError);
});

test('next() may be called again once it has settled: the retry of the article', async (t) => {
  const { client, simulator } = await pair(t);
  const attempts: number[] = [];
  client.use(async (_req, next) => {
    for (let left = 3; ; left--) {
      try {
        return await next();
      } catch (error) {
        if (left === 0) throw error;
      }
    }
  });
  client.use((req: TraeRequest) => void attempts.push(req.attempt));
  simulator.reply([{ status: 529 }, { status: 503 }, {}]);
  const res = await client.post('/v1/messages', message());
  assert.equal(res.attempts, 3);
  assert.deepEqual(attempts, [1, 2, 3]);
  simulator.always({ status: 529 });
  await assert.rejects(client.post('/v1/messages', message()), (error: TraeError) => error.attempts === 4);
  assert.equal(simulator.received.length, 7);
});

test('two calls of next() in flight, one that is not awaited, one after the end: each is told clearly', async (t) => {
  const { client } = await pair(t);
  const call = (middleware: (req: TraeRequest, next: Next) => unknown) =>
    client.post('/v1/messages', message(), { middlewares: [middleware as Middleware] });
  await assert.rejects(
    call(async (_req, next) => (await Promise.all([next(), next()]))[0]),
    broke(/again before .* settled/),
  );
  await assert.rejects(
    call(async (_req, next) => {
      void next();
      return { data: 1 };
    }),
    broke(/returned before its next\(\) had settled/),
  );
  let late: Next | undefined;
  await call(async (_req, next) => {
    late = next;
    return next();
  });
  await assert.rejects(late?.() as Promise<unknown>, broke(/after it had returned/));
  await assert.rejects(
    call(async function nothing(_req, next) {
      await next();
    }),
    broke(/nothing must return a response, got undefined/),
  );
  await assert.rejects(
    call(async (_req, next) => next(5 as never)),
    /next\(\) takes a request or nothing, got/,
  );
});

test('a middleware that gives up on a next() under way ends it', async (t) => {
  const { client, simulator } = await pair(t, {}, { keep: 0 });
  const impatient = async (_req: TraeRequest, next: Next) =>
    Promise.race([next(), new Promise<never>((_, reject) => setTimeout(() => reject(new Error('impatient')), 20))]);
  const hanging = client.post('/v1/messages', message(), {
    ...answering({ hang: 'headers' }),
    middlewares: [impatient],
  });
  await assert.rejects(hanging, /impatient/);
  await until(() => client.stats().pending === 0 && simulator.counters.connectionsOpen === 0, 'nothing is under way');
});

test('an abort ends the call at once, also while a middleware hangs or would try again', async (t) => {
  const { client, simulator } = await pair(t);
  const never = new Promise<never>(() => {});
  let tries = 0;
  const stubborn = async (_req: TraeRequest, next: Next) => {
    for (;;) {
      tries++;
      try {
        return await next();
      } catch (error) {
        if (tries > 2) throw error;
      }
    }
  };
  for (const middleware of [async (_req: TraeRequest, _next: Next) => never, stubborn]) {
    const controller = new AbortController();
    const call = client.post('/v1/messages', message(), {
      ...answering({ hang: 'headers' }),
      signal: controller.signal,
      middlewares: [middleware],
    });
    setTimeout(() => controller.abort(new Error('enough')), 20);
    await assert.rejects(call, (error: AbortError) => error instanceof AbortError && /enough/.test(error.message));
  }
  assert.equal(simulator.received.length, 1, 'nothing is sent after the abort');
  let signal: AbortSignal | undefined;
  client.use((req: TraeRequest, _next: Next) => {
    signal = req.signal;
    return never;
  });
  const waiting = client.post('/v1/messages', message());
  await until(() => signal !== undefined, 'the middleware runs');
  await client.close();
  await assert.rejects(waiting, AbortError);
  assert.equal(signal?.aborted, true);
});

test('finally runs once for every ending, for a stream at its own end', async (t) => {
  const { client, simulator } = await pair(t);
  const ends: string[] = [];
  client.finally(({ res, error }) => void ends.push(error ? (error as Error).name : `${res?.status}`));
  await client.post('/v1/messages', message());
  await assert.rejects(client.post('/v1/messages', message(), answering({ status: 400 })));
  assert.deepEqual(ends.splice(0), ['200', 'BadRequestError']);
  const open = (reply: object = { paceMs: 5 }) =>
    client.stream('/v1/messages', { stream: true }, answering({ events: 3, ...reply }));
  const read = await open();
  assert.deepEqual(ends, []);
  await collect(read);
  assert.deepEqual(ends.splice(0), ['200']);
  (await open({ paceMs: 100 })).abort();
  for await (const _event of await open({ paceMs: 100 })) break;
  assert.deepEqual(ends.splice(0), ['200', '200']);
  await assert.rejects(collect(await open({ cutAfterEvents: 4, cut: 'close' })));
  assert.deepEqual(ends.splice(0), ['IncompleteStreamError']);
  const bytes = await client.post(
    '/v1/messages',
    {},
    { responseType: 'stream', ...answering({ events: 3, paceMs: 5 }) },
  );
  assert.deepEqual(ends, []);
  await collect(bytes.data);
  assert.deepEqual(ends.splice(0), ['200']);
  // Dropped without a word: its end is its collection.
  simulator.always({ events: 1000, paceMs: 20 });
  await client.stream('/v1/messages', { stream: true });
  await until(() => {
    globalThis.gc?.();
    return ends.length === 1;
  }, 'a dropped stream has ended too');
});

test('a stream may be replaced by any other async iterable, and those further out find a stream', async (t) => {
  const { client } = await pair(t);
  let outer: unknown;
  client.use(async (_req, next) => {
    const res = await next();
    outer = res.data;
    return res;
  });
  client.after(async (res) => {
    const source = res.data as AsyncIterable<{ type: string }>;
    res.data = (async function* () {
      for await (const event of source) if (event.type === 'content_block_delta') yield { ...event, seen: true };
    })();
  });
  const stream = await client.stream('/v1/messages', { stream: true }, answering({ events: 5 }));
  assert.ok(stream instanceof EventStream && outer === stream);
  const [left, right] = stream.tee();
  const events = await collect(left);
  assert.equal(events.length, 5);
  assert.ok(events.every((event) => event.seen));
  assert.deepEqual(await collect(right), events);
});

test('state is one bag per call, and config has the caller’s own fields', async (t) => {
  const { client } = await pair(t, { timeout: 5000 });
  const states: unknown[] = [];
  client.before((req) => Object.assign(req.state, { began: req.config.mine }) && req);
  client.use(async (req: TraeRequest, next: Next) => {
    states.push(req.state.began, req.config.timeout, req.signal.aborted);
    return next();
  });
  const res = await client.post('/v1/messages', message(), { mine: 7 });
  assert.deepEqual(states, [7, 5000, false]);
  assert.equal(res.config.mine, 7);
});

test('entries have names, conditions and an order that inspect() shows and eject() changes', async (t) => {
  const { client } = await bare(t);
  const seen: string[] = [];
  client.use(async function log(_req: TraeRequest, next: Next) {
    seen.push('log');
    return next();
  });
  client.use((_req: TraeRequest) => void seen.push('posts'), { name: 'posts', when: (req) => req.method === 'POST' });
  client.use({ before: () => void seen.push('hooks'), finally: () => void seen.push('end') });
  client.use((_req: TraeRequest, next: Next) => next());
  client.before(() => {});
  client.before(() => {});
  assert.equal(
    client.inspect(),
    [
      '1. log (JavaScript)',
      '2. posts (JavaScript, conditional)',
      '3. hooks (JavaScript)',
      '4. middleware (JavaScript)',
      '5. before (JavaScript)',
      '6. before 2 (JavaScript)',
      '7. transport',
    ].join('\n'),
  );
  await client.get('/v1/models');
  assert.deepEqual(seen.splice(0), ['log', 'hooks', 'end']);
  assert.equal(client.eject('log'), true);
  assert.equal(client.eject('log'), false);
  await client.post('/v1/messages', message());
  assert.deepEqual(seen.splice(0), ['posts', 'hooks', 'end']);
  const child = client.extend();
  assert.equal(child.eject('posts'), true);
  assert.match(client.inspect(), /posts/);
});

test('what is no middleware is refused at once, and so is a name that is taken', async (t) => {
  const { client } = await pair(t);
  for (const wrong of [undefined, null, 5, 'retry', {}, { before: 1 }, { befor: () => {} }, [], Symbol('x')])
    assert.throws(() => client.use(wrong as never), TypeError, String(wrong));
  client.use((_req: TraeRequest) => {}, { name: 'mine' });
  assert.throws(() => client.use((_req: TraeRequest) => {}, { name: 'mine' }), /called mine already/);
  assert.throws(() => client.use((_req: TraeRequest) => {}, { when: true as never }), TypeError);
  for (const verb of ['before', 'finally'] as const) assert.throws(() => client[verb](5 as never), TypeError);
  assert.throws(() => client.after(5 as never), TypeError);
  await assert.rejects(client.get('/x', { middlewares: 5 as never }), /`middlewares` must be a list/);
  await assert.rejects(client.get('/x', { middlewares: [5 as never] }), TypeError);
});

test('a thousand calls through two middlewares each keep to themselves', async (t) => {
  const { client } = await pair(t, {}, { keep: 0 });
  client.before((req) => {
    req.state.n = req.data.n;
  });
  client.use(async (req: TraeRequest, next: Next) => {
    const res = await next();
    res.data = [req.state.n, JSON.parse(res.data.body).n];
    return res;
  });
  const calls = Array.from({ length: 1000 }, (_, n) => client.post('/x', { n }, answering({ echo: true })));
  (await Promise.all(calls)).forEach((res, n) => {
    assert.deepEqual(res.data, [n, n]);
  });
  assert.equal((client as Client).stats().pending, 0);
});

test('a mere content in place of an answer is refused, and what looks like an answer is one', async (t) => {
  const { client } = await pair(t);
  const call = (middleware: (req: TraeRequest, next: Next) => unknown) =>
    client.post('/v1/messages', message(), { middlewares: [middleware as Middleware] });
  const said = /must return a response, got .*: return `res`, or `\{ data: … \}`$/;
  const contents = [{ ok: true }, {}, [], { data: 1, extra: 2 }, new Response('x'), Buffer.from('x'), 'text', 5];
  for (const content of contents) {
    await assert.rejects(
      call(async (_req, _next) => content),
      broke(said),
    );
  }
  await assert.rejects(
    call(async (_req, next) => (await next()).data),
    broke(said),
  );
  const spread = await call(async (_req, next) => ({ ...(await next()), data: 'mine' }));
  assert.deepEqual([spread.status, spread.data], [200, 'mine']);
  for (const [made, status] of [[{ status: 204 }, 204] as const, [{ data: undefined }, 200] as const])
    assert.equal((await call(async (_req, _next) => made)).status, status);
  await assert.rejects(
    client
      .extend()
      .after(((res: { data: unknown }) => res.data) as never)
      .post('/v1/messages', message()),
    broke(said),
  );
});

test('an error hook that heals nothing is told so, and what has no name is told by its place', async (t) => {
  const { client } = await bare(t);
  client.use(async (_req: TraeRequest, next: Next) => next());
  const after = client.extend().after(null, (() => {}) as never);
  await assert.rejects(
    after.post('/v1/messages', message(), answering({ status: 400 })),
    broke(/^the middleware number 2 \(after\) returned nothing for a failure: return `\{ data: … \}`, or throw/),
  );
  const hooks = client.extend().use({ error: (() => {}) as never, finally: () => {} });
  await assert.rejects(hooks.post('/v1/messages', message(), answering({ status: 400 })), broke(/returned nothing/));
  const healed = client.extend().use({ error: () => ({ data: 1 }), finally: () => {} });
  assert.equal((await healed.post('/v1/messages', message(), answering({ status: 400 }))).data, 1);
  const nothing = (async (_req: TraeRequest, _next: Next) => undefined) as never;
  client.use(timeout(5000)).use(nothing, { name: 'mine' });
  await assert.rejects(client.get('/x'), broke(/^the middleware mine must return/));
  client.eject('mine');
  client.use(((_req: TraeRequest, _next: Next) => Promise.resolve()) as never);
  assert.match(client.inspect(), /3\. middleware 2 /);
  await assert.rejects(client.get('/x'), broke(/^the middleware number 3 \(middleware 2\) must return/));
});

test('a hook without its function, and what only makes a middleware, are refused at once', async (t) => {
  const { client } = await pair(t);
  for (const verb of ['before', 'after', 'finally'] as const)
    assert.throws(() => (client[verb] as () => void)(), new RegExp(`${verb}\\(\\) takes a function, got undefined`));
  for (const factory of [retry, logger, metrics, validate, mapEvents, tracing])
    assert.throws(() => client.use(factory as never), {
      name: 'TypeError',
      message: `${factory.name} makes a middleware: did you mean \`${factory.name}()\`?`,
    });
  const uncounted = [() => {}, async (...args: [TraeRequest, Next]) => args[1](), (req = {}) => req];
  for (const middleware of uncounted)
    assert.throws(() => client.use(middleware as never), /no parameters that can be counted .* write \(req, next\)/);
});
