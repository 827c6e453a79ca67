// Streams and calls below native middlewares live as long as somebody wants them, and no longer.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  AbortError,
  ConfigError,
  ConnectionError,
  type EventStream,
  idempotencyKey,
  MiddlewareError,
  mapEvents,
  type Next,
  retry,
  TimeoutError,
  type TraeError,
  type TraeRequest,
} from 'trae-native';
import { answering, collect, counters, message, pair, until } from './helpers/simulator.mts';

const { holding } = createRequire(import.meta.url)('../dist/bundle.js').held() as { holding(): number };
const streamed = { ...message(), stream: true };
const slow = answering({ text: 'many words '.repeat(200), paceMs: 5 });
const atRest = () => until(() => counters()[1] === 0 && counters()[2] === 0, 'nothing is under way');

test('as many native middlewares as anybody has need of run, and more are refused by name', async (t) => {
  const { client, simulator } = await pair(t);
  const many = client.extend();
  for (let layer = 0; layer < 250; layer++) many.use(retry());
  assert.equal((await many.post('/v1/messages', message())).status, 200);
  for (let layer = 0; layer < 10; layer++) many.use(retry());
  await assert.rejects(many.post('/v1/messages', message()), (error: Error) => {
    assert.ok(error instanceof ConfigError);
    return /260 native middlewares, or groups between them, are more than 256: is one added with each call/.test(
      error.message,
    );
  });
  assert.equal(simulator.received.length, 1);
});

test('an answer made up below a native middleware whose fields are none fails its call, not the process', async (t) => {
  const { client } = await pair(t);
  for (const status of [0, 99, 1000, Number.NaN, 'x', {}, null, 2 ** 32 + 200] as never[]) {
    const own = client.extend().use(idempotencyKey());
    own.use(async (_req: TraeRequest, _next: Next) => ({ status, data: {} }));
    await assert.rejects(own.post('/x', {}), (error: TraeError) => error.code === 'MIDDLEWARE', String(status));
  }
  await until(() => holding() === 0, 'nothing is held any more');
});

test('what cannot be sent further in rejects next(), whatever it is', async (t) => {
  const { client } = await pair(t);
  for (const change of [{ method: 'NO METHOD' }, { url: 'ftp://x' }, { headers: { 'a b': 'c' } }]) {
    const seen: unknown[] = [];
    const own = client.extend().use(idempotencyKey());
    own.use(async (req: TraeRequest, next: Next) => {
      try {
        return await next({ ...req, ...change });
      } finally {
        seen.push('left');
      }
    });
    await assert.rejects(own.post('/x', {}), ConfigError);
    assert.deepEqual(seen, ['left']);
  }
  await atRest();
});

for (const place of ['alone', 'below a native one'] as const) {
  const around = place === 'alone' ? [] : [idempotencyKey()];

  test(`${place}, a stream that came before another next() can be read, and can be the answer`, async (t) => {
    const { client } = await pair(t);
    for (const layer of around) client.use(layer);
    const first = client.extend().use(async (_req: TraeRequest, next: Next) => {
      const before = await next();
      await next();
      return before;
    });
    assert.ok((await collect(await first.stream('/v1/messages', streamed))).length > 3);
    const both: number[] = [];
    const reading = client.extend().use(async (_req: TraeRequest, next: Next) => {
      const before = (await next()).data as EventStream;
      const [events, after] = await Promise.all([collect(before), next()]);
      both.push(events.length);
      return after;
    });
    both.push((await collect(await reading.stream('/v1/messages', streamed))).length);
    assert.ok(both[0] === both[1] && (both[0] as number) > 3, `${both}`);
    await atRest();
  });

  test(`${place}, the signal of a call and closing its client end a stream that was replaced`, async (t) => {
    for (const end of ['signal', 'close'] as const) {
      const { client } = await pair(t);
      for (const layer of around) client.use(layer);
      client.use(mapEvents((event: unknown) => event));
      const leaving = new AbortController();
      const stream = await client.stream('/v1/messages', streamed, { ...slow, signal: leaving.signal });
      assert.equal(client.stats().pending, 1);
      let events = 0;
      const reading = (async () => {
        for await (const _event of stream) if (++events === 5) end === 'signal' ? leaving.abort() : void client.close();
      })();
      await assert.rejects(reading, AbortError);
      assert.ok(events < 100, `${events}`);
      assert.equal(client.stats().pending, 0);
    }
    await atRest();
  });

  test(`${place}, replaced streams that are dropped end their transfers`, { skip: !global.gc }, async (t) => {
    const { client } = await pair(t);
    for (const layer of around) client.use(layer);
    const mapped = client.extend().use(mapEvents((event: unknown) => event));
    const generated = client.extend().use(async (_req: TraeRequest, next: Next) => {
      const res = await next();
      const events = res.data as EventStream;
      res.data = (async function* () {
        yield* events;
      })();
      return res;
    });
    const drop = async (own: typeof client) => void (await own.stream('/v1/messages', streamed, slow));
    for (let call = 0; call < 5; call++) await Promise.all([drop(mapped), drop(generated)]);
    await until(async () => {
      global.gc?.();
      return counters()[1] === 0;
    }, 'all transfers have ended');
  });
}

test('an answer that a group has made of another has that one’s times and the headers that it was given', async (t) => {
  const { client } = await pair(t);
  client.use(retry()).use(async (_req: TraeRequest, next: Next) => {
    const res = await next();
    return { ...res, data: [res.data], headers: { 'x-new': 'v' } };
  });
  const res = await client.post('/v1/messages', message());
  assert.equal(res.headers['x-new'], 'v');
  assert.equal(res.data[0].role, 'assistant');
  assert.ok((res.timing.firstByteMs as number) > 0);
});

test('a stream that Rust took back and somebody still reads fails, and does not hang', async (t) => {
  const { client } = await pair(t);
  let kept: EventStream | undefined;
  client.use(retry()).use(async (_req: TraeRequest, next: Next) => {
    const res = await next();
    kept = res.data as EventStream;
    return res;
  });
  await collect(await client.stream('/v1/messages', streamed));
  await assert.rejects(collect(kept as EventStream), AbortError);
  await atRest();
});

test('aborts at any moment leave nothing under way and nothing held', async (t) => {
  const { client } = await pair(t);
  client.use(retry()).use(mapEvents((event: unknown) => event));
  const whole = client
    .extend()
    .use(async (_req: TraeRequest, next: Next) => ({ ...(await next()), data: { made: true } }));
  for (let call = 0; call < 400; call++) {
    const signal = AbortSignal.timeout(call % 4);
    const own = call % 2 ? client : whole;
    await own.post('/v1/messages', streamed, { signal }).then(
      (res) => res.data,
      () => {},
    );
  }
  await until(async () => {
    global.gc?.();
    return counters()[1] === 0 && holding() === 0;
  }, 'nothing is left');
});

test('a body that is a stream is never sent a second time', async (t) => {
  const { client, simulator } = await pair(t);
  const again = async (_req: TraeRequest, next: Next) => next().catch(() => next());
  for (const layers of [[again], [again, idempotencyKey()], [idempotencyKey(), again]]) {
    const own = client.extend();
    for (const layer of layers) own.use(layer as never);
    simulator.reply([{ status: 529 }, { body: {} }]);
    const body = (async function* () {
      yield Buffer.from('hello world');
    })();
    await assert.rejects(own.post('/v1/messages', body), (error: Error) => {
      assert.ok(error instanceof ConnectionError, String(error));
      return /was sent once: it can't be sent again/.test(error.message);
    });
    await client.post('/v1/messages', {});
  }
  assert.ok(simulator.received.every(({ body }) => body.length > 0));
});

test('the deadline of retry() holds for who judges a failure too', async (t) => {
  const { client, simulator } = await pair(t);
  client.use(retry({ deadline: 100, shouldRetry: () => new Promise(() => {}) }));
  simulator.always({ status: 500 });
  await assert.rejects(client.post('/v1/messages', message()), (error: TraeError) => {
    assert.ok(error instanceof TimeoutError);
    return /within 100 ms \(`retry.deadline`\)/.test(error.message);
  });
});

test('a `when` that gives a promise is refused: it would always say yes', async (t) => {
  const { client } = await pair(t);
  const when = async () => false;
  for (const own of [
    client.extend().use((_req: TraeRequest, next: Next) => next(), { when }),
    client.extend().use(idempotencyKey(), { when }),
  ])
    await assert.rejects(own.post('/v1/messages', message()), (error: Error) => {
      assert.ok(error instanceof MiddlewareError);
      return /gave a promise: it must answer at once/.test(error.message);
    });
});

test('what a middleware throws may be frozen and shared', async (t) => {
  const { client } = await pair(t);
  const shared = Object.freeze(new ConnectionError('mine'));
  client.use(async (_req: TraeRequest, _next: Next) => {
    throw shared;
  });
  const outer = client.extend({}).use((_req: TraeRequest, next: Next) => next());
  for (const own of [client, outer]) await assert.rejects(own.post('/x'), (error) => error === shared);
});

test('a short form takes the place of its own kind only, and keeps its condition', async (t) => {
  const { client } = await pair(t);
  client.use(async function auth(_req: TraeRequest, next: Next) {
    return next();
  });
  client.use(retry(), { when: () => true });
  const names = client.extend({ auth: { value: 'key-0123' }, retry: 3 }).inspect();
  assert.match(names, /auth \(JavaScript\)/);
  assert.match(names, /auth 2 \(native\)/);
  assert.match(names, /retry \(native, conditional\)/);
  assert.match(client.extend({ auth: false }).inspect(), /auth \(JavaScript\)/);
});

test('a script with an aborted call waits for its next one', async (t) => {
  const { simulator } = await pair(t);
  const program = `
    const { createClient, idempotencyKey } = require('./dist/index.js');
    const client = createClient({ baseURL: '${simulator.url}', proxy: false });
    client.use(idempotencyKey()).use(async (req, next) => {
      const res = await next();
      res.data = (async function* () { yield 1; })();
      return res;
    });
    const body = { model: 'm', max_tokens: 9, stream: true, messages: [{ role: 'user', content: 'x' }] };
    (async () => {
      for (let call = 0; call < 30; call++)
        await client.post('/v1/messages', body, { signal: AbortSignal.timeout(call % 3) }).catch(() => {});
      const plain = createClient({ baseURL: '${simulator.url}', proxy: false });
      const headers = { 'x-simulator': JSON.stringify({ delayMs: 200 }) };
      console.log((await plain.get('/v1/models', { headers })).status);
    })();`;
  const child = spawn(process.execPath, ['-e', program], { cwd: new URL('..', import.meta.url) });
  let text = '';
  child.stdout.on('data', (chunk) => (text += chunk));
  const code = await new Promise((resolve) => child.on('close', resolve));
  assert.deepEqual([code, text], [0, '200\n']);
  await sleep(0);
});
