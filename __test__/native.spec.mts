// Native middlewares in the same list as those in JavaScript: order decides what each sees.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  auth,
  ConfigError,
  EventStream,
  idempotencyKey,
  jwt,
  type Next,
  OverloadedError,
  retry,
  TimeoutError,
  type TraeError,
  type TraeRequest,
  type TraeResponse,
  timeout,
} from 'trae-native';
import { answering, collect, counters, message, pair, until } from './helpers/simulator.mts';

const quick = { base: 1, jitter: 'none' } as const;

test('above retry() a middleware sees the call, below it each attempt', async (t) => {
  const { client, simulator } = await pair(t);
  const seen: string[] = [];
  const watch = (name: string) => async (req: TraeRequest, next: Next) => {
    seen.push(`${name} ${req.attempt}`);
    try {
      const res = await next();
      seen.push(`${name} ${res.status} after ${res.attempts}`);
      return res;
    } catch (error) {
      seen.push(`${name} ${(error as Error).name}`);
      throw error;
    }
  };
  client
    .use(watch('call'))
    .use(retry({ ...quick, maxRetries: 3 }))
    .use(watch('attempt'))
    .use(watch('inner'));
  simulator.reply([{ status: 529 }, { status: 503 }, {}]);
  const res = await client.post('/v1/messages', message());
  assert.equal(res.attempts, 3);
  assert.match(res.data.id, /^msg_/);
  assert.deepEqual(seen, [
    ...['call 1', 'attempt 1', 'inner 1', 'inner OverloadedError', 'attempt OverloadedError'],
    ...['attempt 2', 'inner 2', 'inner ServerError', 'attempt ServerError'],
    ...['attempt 3', 'inner 3', 'inner 200 after 3', 'attempt 200 after 3', 'call 200 after 3'],
  ]);
});

test('every attempt is listed on the answer and on the error', async (t) => {
  const { client, simulator } = await pair(t);
  client.use(retry({ ...quick, maxRetries: 2 }));
  simulator.reply([{ status: 529 }, { status: 503 }, {}]);
  const res = await client.post('/v1/messages', message());
  assert.deepEqual(
    res.history.map(({ status, code, waitedMs }) => [status, code, waitedMs]),
    [
      [529, 'OVERLOADED', 0],
      [503, 'SERVER', 1],
      [200, undefined, 2],
    ],
  );
  assert.ok(res.history.every(({ tookMs }) => tookMs > 0));
  simulator.always({ status: 500 });
  await assert.rejects(client.post('/v1/messages', message()), (error: TraeError) => {
    assert.deepEqual(
      error.history?.map(({ status }) => status),
      [500, 500, 500],
    );
    assert.equal(JSON.parse(JSON.stringify(error)).history.length, 3);
    return error.attempts === 3;
  });
  simulator.always({});
  assert.equal((await client.post('/v1/messages', message())).history.length, 1);
  assert.deepEqual((await client.extend().post('/v1/messages', message(), { retry: false })).history, []);
});

test('a limit on the whole call that strikes between attempts says how many there were', async (t) => {
  const { client, simulator } = await pair(t);
  client.use(retry({ base: 60_000, jitter: 'fixed', shouldRetry: (error) => error instanceof OverloadedError }));
  client.use(retry({ ...quick, maxRetries: 1 }));
  simulator.always({ status: 529 });
  await assert.rejects(client.post('/v1/messages', message(), { timeout: 300 }), (error: TraeError) => {
    assert.ok(error instanceof TimeoutError);
    return error.attempts === 2;
  });
});

test('the list of attempts is kept where a middleware further out makes another answer', async (t) => {
  const { client, simulator } = await pair(t);
  client.use(idempotencyKey());
  client.use(async (_req: TraeRequest, next: Next) => ({ ...(await next()), data: 'another' }));
  client.use(async (_req: TraeRequest, next: Next) => {
    const res = await next();
    res.data = [res.data];
    return res;
  });
  client.use(retry(quick));
  simulator.reply([{ status: 529 }, {}]);
  const res = await client.post('/v1/messages', message());
  assert.equal(res.data, 'another');
  assert.deepEqual(
    res.history.map(({ status }) => status),
    [529, 200],
  );
});

test('what a middleware below retry() changes is sent, each attempt anew', async (t) => {
  const { client, simulator } = await pair(t, { headers: { 'x-default': 'd' } });
  client.use(retry(quick)).use(idempotencyKey());
  client.use((req: TraeRequest) => {
    req.headers['X-Attempt'] = String(req.attempt);
    req.data = { ...req.data, attempt: req.attempt };
  });
  simulator.reply([{ status: 500 }, { echo: true }]);
  const { data } = await client.post('/x', { a: 1 });
  assert.deepEqual(JSON.parse(data.body), { a: 1, attempt: 2 });
  const [first, second] = simulator.received;
  assert.deepEqual([first?.header('x-attempt'), second?.header('x-attempt')], ['1', '2']);
  assert.equal(second?.header('x-default'), 'd');
  assert.match(first?.header('idempotency-key') ?? '', /^[0-9a-f-]{36}$/);
  assert.equal(first?.header('idempotency-key'), second?.header('idempotency-key'));
});

test('what JavaScript throws below a native middleware is not retried and reaches the caller as itself', async (t) => {
  const { client, simulator } = await pair(t);
  client.use(retry(quick));
  client.before((req) => {
    if (req.config.throws !== undefined) throw req.config.throws;
  });
  for (const thrown of ['text', null, new RangeError('mine')])
    await assert.rejects(client.get('/v1/models', { throws: thrown }), (error) => error === thrown);
  assert.equal(simulator.received.length, 0);
});

test('an error that JavaScript hands on keeps what retry() judges by', async (t) => {
  const { client, simulator } = await pair(t);
  client.use(retry({ ...quick, maxRetries: 2 })).use(async (_req: TraeRequest, next: Next) => next());
  simulator.always({ status: 529 });
  await assert.rejects(client.post('/v1/messages', message()), (error: OverloadedError) => {
    assert.ok(error instanceof OverloadedError);
    assert.equal(error.attempts, 3);
    return true;
  });
  simulator.always({ status: 400 });
  await assert.rejects(client.post('/v1/messages', message()));
  assert.equal(simulator.received.length, 4);
});

test('a value that JavaScript made passes native middlewares as itself', async (t) => {
  const { client } = await pair(t);
  const made = new Date();
  client
    .use(retry())
    .use(timeout(5000))
    .after((res) => {
      res.data = { made, big: 10n };
    });
  const { data } = await client.post('/v1/messages', message());
  assert.equal(data.made, made);
  assert.equal(data.big, 10n);
});

test('a stream passes through both kinds, read, replaced or left alone', async (t) => {
  const { client } = await pair(t);
  client.use(retry(quick)).use(async (req: TraeRequest, next: Next) => {
    const res = await next();
    if (req.config.twice) {
      const source = res.data as AsyncIterable<unknown>;
      res.data = (async function* () {
        for await (const event of source) yield* [event, event];
      })();
    }
    return res;
  });
  const open = (twice: boolean) =>
    client.stream('/v1/messages', { stream: true }, { twice, ...answering({ events: 5 }) });
  const plain = await open(false);
  assert.ok(plain instanceof EventStream);
  assert.equal((await collect(plain)).length, 10);
  assert.equal((await collect(await open(true))).length, 20);
});

test('an error event that comes first in a stream is retried, one that comes later is the reader’s', async (t) => {
  const { client, simulator } = await pair(t);
  client.use(retry(quick));
  const failing = (index: number) => ({ events: 5, errorAt: { index, type: 'overloaded_error' } });
  simulator.reply([failing(0), { events: 5 }, failing(3)]);
  const stream = await client.stream('/v1/messages', { stream: true });
  assert.equal(stream.response.attempts, 2);
  assert.equal((await collect(stream)).length, 10);
  await assert.rejects(collect(await client.stream('/v1/messages', { stream: true })), OverloadedError);
  assert.equal(simulator.received.length, 3);
});

test('a native limit gives up on a JavaScript middleware that hangs, and on what it has under way', async (t) => {
  const { client, simulator } = await pair(t, {}, { keep: 0 });
  client.use(timeout(50));
  let late: Promise<TraeResponse> | undefined;
  client.use((req: TraeRequest, next: Next) => {
    if (!req.config.hangs) return next();
    return new Promise<TraeResponse>((resolve, reject) =>
      setTimeout(() => {
        late = next();
        late.then(resolve, reject);
      }, 100),
    );
  });
  await assert.rejects(client.post('/v1/messages', message(), { hangs: true }), TimeoutError);
  const slow = client.post('/v1/messages', message(), answering({ hang: 'headers' }));
  await assert.rejects(slow, TimeoutError);
  await until(() => late !== undefined, 'the late one has called next()');
  await assert.rejects(late as Promise<unknown>);
  assert.equal(simulator.counters.requests, 1);
  await until(() => client.stats().pending === 0 && simulator.counters.connectionsOpen === 0, 'nothing is left');
});

test('a call may set retry for itself, or switch it off', async (t) => {
  const { client, simulator } = await pair(t);
  client.use(retry(quick));
  simulator.always({ status: 529 });
  await assert.rejects(client.post('/v1/messages', message(), { retry: false }));
  assert.equal(simulator.received.length, 1);
  await assert.rejects(client.post('/v1/messages', message(), { retry: { maxRetries: 4 } }));
  assert.equal(simulator.received.length, 6);
});

test('options of native middlewares are checked when they are made', async (t) => {
  const { client } = await pair(t);
  assert.throws(
    () => retry({ maxRetry: 3 } as object),
    /unknown option `retry.maxRetry`: did you mean `retry.maxRetries`/,
  );
  assert.throws(() => retry({ base: 'long' as never }), ConfigError);
  assert.throws(() => timeout({ after: -1 }), ConfigError);
  client.use(retry(), { name: 'again' }).use(timeout());
  assert.equal(client.inspect(), '1. again (native)\n2. timeout (native)\n3. transport');
  assert.equal(client.eject('again'), true);
});

test('a thousand calls through three layers of both kinds keep to themselves', async (t) => {
  const { client } = await pair(t, {}, { keep: 0 });
  client.before((req) => void Object.assign(req.state, { n: req.data.n }));
  client.use(retry(quick)).use(timeout());
  client.use(async (req: TraeRequest, next: Next) => {
    const res = await next();
    res.data = [req.state.n, JSON.parse(res.data.body).n];
    return res;
  });
  const calls = Array.from({ length: 1000 }, (_, n) => client.post('/x', { n }, answering({ echo: true })));
  (await Promise.all(calls)).forEach((res, n) => {
    assert.deepEqual(res.data, [n, n]);
  });
});

test('auth() sends its key to the client’s own origin, and shows it nowhere', async (t) => {
  const { client, simulator } = await pair(t, { allowAbsoluteUrls: true });
  const other = await pair(t);
  const key = 'sk-ant-native-0123456789';
  client.use(auth({ value: key }));
  await client.post('/v1/messages', message());
  assert.equal(simulator.received[0]?.header('x-api-key'), key);
  await client.get(`${other.simulator.url}/v1/models`);
  assert.equal(other.simulator.received[0]?.header('x-api-key'), undefined);
  simulator.reply({ status: 400, body: { error: { message: `bad key ${key}` } } });
  await assert.rejects(client.post('/v1/messages', message()), (error: Error) => !error.message.includes(key));
  assert.doesNotMatch(client.inspect(), /sk-ant/);
});

test('jwt() signs a token for each client of its own', async (t) => {
  const { client, simulator } = await pair(t);
  const secret = 'x'.repeat(32);
  client.use(jwt({ algorithm: 'HS256', key: secret, keyId: 'k1', claims: { iss: 'me', aud: 'them' } }));
  await client.post('/v1/messages', message());
  const [scheme, token] = (simulator.received[0]?.header('authorization') ?? '').split(' ');
  assert.equal(scheme, 'Bearer');
  const [head, claims] = (token ?? '')
    .split('.')
    .slice(0, 2)
    .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()));
  assert.deepEqual(head, { typ: 'JWT', alg: 'HS256', kid: 'k1' });
  assert.equal(claims.iss, 'me');
  assert.equal(claims.exp - claims.iat, 300);
  assert.throws(
    () => jwt({ algorithm: 'HS256', key: 'short' }),
    (error: Error) => {
      assert.ok(error instanceof ConfigError);
      return !error.message.includes('short');
    },
  );
});

test('a stream that a middleware sets as a body is sent from wherever it stands, in each attempt anew', async (t) => {
  const { client, simulator } = await pair(t);
  const form = (): FormData => {
    const form = new FormData();
    form.set('a', 'x'.repeat(1000));
    return form;
  };
  async function* pieces() {
    for (let piece = 0; piece < 100; piece++) yield Buffer.alloc(10_000, 'y');
  }
  for (const [make, bytes] of [
    [() => new Blob(['z'.repeat(300_000)], { type: 'text/plain' }), 300_000],
    [form, undefined],
    [pieces, 1_000_000],
  ] as const) {
    const stream = (req: TraeRequest, next: Next) => {
      req.data = make();
      return next();
    };
    for (const place of ['before', 'below'] as const) {
      const own = client.extend();
      if (place === 'before') own.use(stream).use(timeout(60_000));
      else own.use(retry(quick)).use(timeout(60_000)).use(stream);
      simulator.reply(place === 'before' ? [{ body: {} }] : [{ status: 529 }, { body: {} }]);
      assert.equal((await own.post('/v1/messages')).status, 200);
      const received = simulator.received.at(-1);
      if (bytes !== undefined) assert.equal(received?.body.length, bytes);
      else assert.match(received?.body.toString() as string, /name="a"\r\n\r\nx{1000}\r\n/);
      assert.equal(received?.header('content-length') !== undefined, make !== pieces);
      assert.equal(own.stats().pending, 0);
    }
  }
  await until(() => counters()[1] === 0, 'nothing is under way any more');
});

test('a streamed body set below a native middleware that fails, or whose call is given up, is let go', async (t) => {
  const { client, simulator } = await pair(t);
  const over: string[] = [];
  const watched = (name: string, last: () => Promise<void>) =>
    (async function* () {
      try {
        yield Buffer.from('piece');
        await last();
      } finally {
        over.push(name);
      }
    })();
  const sending = (body: () => unknown) =>
    client
      .extend()
      .use(idempotencyKey())
      .use((req: TraeRequest) => {
        req.data = body();
      });
  const failing = sending(() => watched('failed', () => Promise.reject(new Error('the disk is gone'))));
  await assert.rejects(failing.post('/x'), /the request body failed while it was read: the disk is gone/);
  const hanging = sending(() => watched('left', () => new Promise((resolve) => setTimeout(resolve, 100))));
  await assert.rejects(hanging.post('/x', null, { signal: AbortSignal.timeout(20) }));
  await until(() => over.length === 2 && counters()[1] === 0, 'both are let go');
  assert.equal(simulator.counters.requests <= 2, true);
});

test('what a middleware below a native one sets and nobody can send is refused by its own error', async (t) => {
  const { client, simulator } = await pair(t);
  const loop: Record<string, unknown> = {};
  loop['loop'] = loop;
  for (const [spoil, told] of [
    [(req: TraeRequest) => Object.assign(req, { data: new Map() }), /Map/],
    [(req: TraeRequest) => Object.assign(req, { data: loop }), /circular/i],
    [(req: TraeRequest) => Object.assign(req, { params: { x: Symbol('s') } }), /symbol/i],
  ] as const) {
    const spoilt = (req: TraeRequest, next: Next) => {
      spoil(req);
      return next();
    };
    await assert.rejects(client.extend().use(timeout(60_000)).use(spoilt).post('/v1/messages', message()), told);
  }
  assert.equal(simulator.counters.requests, 0);
  assert.equal(client.stats().pending, 0);
});
