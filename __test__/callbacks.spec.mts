// Functions of the caller's in native middlewares: a provider of credentials, a judge of failures, a condition.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import {
  AuthenticationError,
  auth,
  ConfigError,
  CredentialError,
  createClient,
  idempotencyKey,
  jwt,
  type Next,
  OverloadedError,
  retry,
  ServerError,
  type TraeRequest,
} from 'trae-native';
import { message, pair, until } from './helpers/simulator.mts';

const quick = { base: 1, jitter: 'none' } as const;

/** What a call rejects with, whatever that is. */
async function thrownBy(call: Promise<unknown>): Promise<unknown> {
  try {
    await call;
  } catch (thrown) {
    return thrown;
  }
  throw new Error('it was answered');
}

/** How many values and callbacks JavaScript holds for Rust. */
const { holding } = createRequire(import.meta.url)('../dist/bundle.js').held() as { holding(): number };

test('a provider is asked once for all who wait, with the reason, and its credential is kept', async (t) => {
  const { client, simulator } = await pair(t);
  const reasons: string[] = [];
  client.use(
    auth({
      provider: async ({ reason }) => {
        reasons.push(reason);
        await new Promise((resolve) => setImmediate(resolve));
        return `key-number-${reasons.length}`;
      },
    }),
  );
  await Promise.all(Array.from({ length: 20 }, () => client.post('/v1/messages', message())));
  await client.post('/v1/messages', message());
  assert.deepEqual(reasons, ['missing']);
  assert.ok(simulator.received.every((received) => received.header('x-api-key') === 'key-number-1'));
});

test('a 401 asks the provider for another, once for all, and outside of the retries', async (t) => {
  const { client, simulator } = await pair(t);
  const reasons: string[] = [];
  const provider = ({ reason }: { reason: string }) => `key-number-${reasons.push(reason)}`;
  client.use(retry({ maxRetries: 0 })).use(auth({ provider, scheme: 'bearer' }));
  simulator.reply(Array.from({ length: 5 }, () => ({ status: 401, delayMs: 20 })));
  const answers = await Promise.all(Array.from({ length: 5 }, () => client.post('/v1/messages', message())));
  assert.ok(answers.every((res) => res.status === 200));
  assert.deepEqual(reasons, ['missing', 'refused']);
  assert.equal(simulator.received.at(-1)?.header('authorization'), 'Bearer key-number-2');
});

test('a credential is replaced when it expires, or when it is thrown away', async (t) => {
  const { client, simulator } = await pair(t);
  let asked = 0;
  const lifetimes = [{ lifetimeMs: 500 }, { expiresAt: new Date(Date.now() + 3_600_000) }, {}];
  const credential = auth({ provider: () => ({ token: `key-number-${++asked}`, ...lifetimes[asked - 1] }) });
  client.use(credential);
  await client.post('/v1/messages', message());
  const end = performance.now() + 500;
  await until(() => performance.now() > end, 'the first has expired');
  for (let call = 0; call < 2; call++) await client.post('/v1/messages', message());
  assert.equal(asked, 2);
  credential.invalidate();
  await client.post('/v1/messages', message());
  const keys = simulator.received.map((received) => received.header('x-api-key'));
  assert.deepEqual(keys, ['key-number-1', 'key-number-2', 'key-number-2', 'key-number-3']);
});

test('what a provider throws is the cause of the error that all who waited get, and the next call asks again', async (t) => {
  const { client, simulator } = await pair(t);
  const thrown = new RangeError('the vault is closed');
  let asked = 0;
  const provider = async () => {
    if (asked++ === 0) throw thrown;
    return 'key-number-2';
  };
  client.use(auth({ provider }));
  const failures = await Promise.allSettled([1, 2, 3].map(() => client.post('/v1/messages', message())));
  for (const failure of failures) {
    const { reason } = failure as PromiseRejectedResult;
    assert.ok(reason instanceof CredentialError);
    assert.match(reason.message, /^`auth` got no credential: its provider failed: RangeError, see the cause/);
    assert.equal(reason.phase, 'prepare');
    let innermost: Error = reason;
    while (innermost.cause) innermost = innermost.cause as Error;
    assert.equal(innermost, thrown);
  }
  assert.equal(simulator.received.length, 0);
  assert.equal((await client.post('/v1/messages', message())).status, 200);
  await until(() => holding() === 0, 'what was thrown is forgotten');
});

test('a provider that gives no credential is told what it must give', async (t) => {
  const gifts: [unknown, RegExp][] = [
    [undefined, /: it gave undefined, where a string or \{ token, expiresAt, lifetimeMs \} is wanted/],
    [7, /it gave 7,/],
    [{ token: 7 }, /`token` that is 7/],
    [
      { token: 'a', expiresAt: 'tomorrow' },
      /`expiresAt` that is a string, where a Date or milliseconds since 1970 must be/,
    ],
    [{ token: 'a', expiresAt: new Date('no date') }, /`expiresAt`/],
    [{ token: 'a', lifetimeMs: '5' }, /`lifetimeMs` that is a string, where milliseconds must be/],
    [{ token: 'a', lifetimeMs: 1, expiresAt: 1 }, /give one/],
    [{ token: 'a', expiresAt: Math.round(Date.now() / 1000) + 3600 }, /`expiresAt` that has passed.*in seconds\?/],
    [{ token: 'a', expiresAt: new Date(Date.now() - 1) }, /`expiresAt` that has passed already/],
    [{ token: 'a', lifetimeMs: 0 }, /`lifetimeMs` that has passed already/],
    ['', /empty/],
    ['two\nlines', /may not be sent|character/],
  ];
  for (const [gift, expected] of gifts) {
    const { client, simulator } = await pair(t);
    client.use(auth({ provider: () => gift as string }));
    await assert.rejects(client.post('/v1/messages', message()), (error: Error) => {
      assert.match(error.message, expected);
      assert.ok(!error.message.includes('lines'), 'and what it gave is not shown');
      return true;
    });
    assert.equal(simulator.received.length, 0);
  }
});

test('the signal of a question is aborted once nobody waits for its answer', async (t) => {
  const { client } = await pair(t);
  let signal: AbortSignal | undefined;
  client.use(
    auth({
      provider: (ask) => {
        signal = ask.signal;
        return new Promise(() => {});
      },
    }),
  );
  const leaving = new AbortController();
  const calls = [1, 2].map(() => client.post('/v1/messages', message(), { signal: leaving.signal }));
  await until(() => signal !== undefined, 'the provider is asked');
  assert.equal(signal?.aborted, false);
  leaving.abort();
  await Promise.allSettled(calls);
  await until(() => signal?.aborted === true, 'the signal is aborted');
});

test('a provider that hangs fails those who wait after `timeout`', async (t) => {
  const { client } = await pair(t);
  client.use(auth({ provider: () => new Promise(() => {}), timeout: 20 }));
  await assert.rejects(client.post('/v1/messages', message()), /within 20 ms \(`auth.timeout`\)/);
});

test('a provider may make calls of its own, with another client or the same', async (t) => {
  const { client, simulator } = await pair(t);
  const plain = client.extend();
  simulator.reply([{ body: { key: 'key-from-a-call' } }]);
  client.use(auth({ provider: async () => (await plain.post('/v1/messages', {})).data.key }));
  await client.post('/v1/messages', message());
  const keys = simulator.received.map((received) => received.header('x-api-key'));
  assert.deepEqual(keys, [undefined, 'key-from-a-call']);
});

test('shouldRetry decides in our place, and gets the failure as its class and the attempt', async (t) => {
  const { client, simulator } = await pair(t);
  const asked: unknown[] = [];
  const shouldRetry = async (error: unknown, attempt: number) => {
    asked.push((error as Error).constructor, attempt);
    return error instanceof AuthenticationError;
  };
  client.use(retry({ ...quick, maxRetries: 3, shouldRetry }));
  simulator.reply([{ status: 401 }, { status: 500 }]);
  await assert.rejects(client.post('/v1/messages', message()), ServerError);
  assert.deepEqual(asked, [AuthenticationError, 1, ServerError, 2]);
});

test('what shouldRetry throws is what the caller catches', async (t) => {
  const { client, simulator } = await pair(t);
  const shouldRetry = () => {
    throw 'no opinion';
  };
  client.use(retry({ ...quick, shouldRetry }));
  simulator.always({ status: 500 });
  assert.equal(await thrownBy(client.post('/v1/messages', message())), 'no opinion');
  assert.equal(simulator.received.length, 1);
});

test('shouldRetry and onRetry get what a middleware below has thrown, itself', async (t) => {
  const { client } = await pair(t);
  const thrown = { odd: true };
  const seen: unknown[] = [];
  client.use(
    retry({
      ...quick,
      maxRetries: 1,
      shouldRetry: (error) => {
        seen.push(error);
        return true;
      },
      onRetry: (error, attempt, waitMs) => seen.push(error, attempt, waitMs),
    }),
  );
  client.use(async (_req: TraeRequest, _next: Next) => {
    throw thrown;
  });
  assert.equal(await thrownBy(client.post('/v1/messages', message())), thrown);
  assert.equal(seen[0], thrown);
  assert.deepEqual(seen.slice(1), [thrown, 1, 1]);
  await until(() => holding() === 0, 'nothing is held any more');
});

test('onRetry hears of each retry before its wait', async (t) => {
  const { client, simulator } = await pair(t);
  const heard: unknown[] = [];
  const onRetry = (error: unknown, attempt: number, waitMs: number) =>
    heard.push((error as Error).constructor, attempt, waitMs);
  client.use(retry({ ...quick, maxRetries: 2, onRetry }));
  simulator.reply([{ status: 529, headers: { 'retry-after-ms': '7' } }, { status: 500 }, {}]);
  await client.post('/v1/messages', message());
  assert.deepEqual(heard, [OverloadedError, 1, 7, ServerError, 2, 2]);
});

test('options that must be functions are refused when they are none, and functions where there are none', async (t) => {
  const { client } = await pair(t);
  for (const value of [1, 'x', {}, '[function]']) {
    assert.throws(() => auth({ provider: value as never }), ConfigError);
    assert.throws(() => retry({ shouldRetry: value as never }), ConfigError);
    assert.throws(() => retry({ onRetry: value as never }), ConfigError);
  }
  assert.throws(() => auth({ value: (() => 'key') as never }), /`auth.value` must be a string, got a function/);
  assert.throws(() => jwt({ provider: () => 'key' } as never), /unknown option `jwt.provider`/);
  const { shouldRetry } = { shouldRetry: () => true };
  await assert.rejects(
    client.get('/x', { retry: { shouldRetry } as never }),
    /`retry.shouldRetry` is of the middleware/,
  );
});

test('a native middleware may be conditional: it is asked where it stands', async (t) => {
  const { client, simulator } = await pair(t);
  const asked: unknown[] = [];
  client.use((req: TraeRequest) => {
    req.state['keyed'] = req.url.includes('keyed');
  });
  client.use(retry(quick));
  client.use(idempotencyKey(), {
    when: (req) => {
      asked.push([req.attempt, req.method, req.url]);
      return req.state['keyed'];
    },
  });
  assert.match(client.inspect(), /3\. idempotencyKey \(native, conditional\)/);
  simulator.reply([{ status: 500 }, { body: {} }, { body: {} }]);
  await client.post('/keyed', {});
  await client.post('/plain', {});
  assert.deepEqual(asked, [
    [1, 'POST', '/keyed'],
    [2, 'POST', '/keyed'],
    [1, 'POST', '/plain'],
  ]);
  const keys = simulator.received.map((received) => received.header('idempotency-key') !== undefined);
  assert.deepEqual(keys, [true, true, false]);
});

test('what a condition throws is what those further out and the caller catch', async (t) => {
  const { client, simulator } = await pair(t);
  const seen: unknown[] = [];
  client.use(async (_req: TraeRequest, next: Next) => {
    try {
      return await next();
    } catch (thrown) {
      seen.push(thrown);
      throw thrown;
    }
  });
  client.use(idempotencyKey(), {
    when: () => {
      throw 'no condition';
    },
  });
  assert.equal(await thrownBy(client.post('/x')), 'no condition');
  assert.deepEqual(seen, ['no condition']);
  assert.equal(simulator.received.length, 0);
});

test('what a group of middlewares throws is seen by each group further out, and the caller, as itself', async (t) => {
  const { client } = await pair(t);
  const seen: unknown[] = [];
  const watch = async (_req: TraeRequest, next: Next) => {
    try {
      return await next();
    } catch (thrown) {
      seen.push(thrown);
      throw thrown;
    }
  };
  client
    .use(idempotencyKey())
    .use(watch)
    .use(retry({ maxRetries: 0 }))
    .use(watch)
    .use(idempotencyKey());
  client.use(async (_req: TraeRequest, _next: Next) => {
    throw 'a text';
  });
  assert.equal(await thrownBy(client.post('/x')), 'a text');
  assert.deepEqual(seen, ['a text', 'a text']);
});

test('an answer that a group has made is seen by each group further out, and the caller, as itself', async (t) => {
  const { client } = await pair(t);
  const made = new Map([['a', 1]]);
  const seen: unknown[] = [];
  client.use(retry()).use(async (_req: TraeRequest, next: Next) => {
    const res = await next();
    seen.push(res.data);
    return res;
  });
  client.use(idempotencyKey()).use(async (_req: TraeRequest, _next: Next) => ({ data: made }));
  const { data } = await client.post('/x');
  assert.equal(data, made);
  assert.equal(seen[0], made);
  await until(() => holding() === 0, 'nothing is held any more');
});

test('a stream that a group has put in place of another is a stream to each group further out', async (t) => {
  const { client } = await pair(t);
  let between = 0;
  client.use(retry()).use(async (_req: TraeRequest, next: Next) => {
    const res = await next();
    const inner = res.data;
    res.data = (async function* () {
      for await (const event of inner) {
        between++;
        yield event;
      }
    })();
    return res;
  });
  client.use(idempotencyKey()).use(async (_req: TraeRequest, next: Next) => {
    const res = await next();
    res.data = (async function* () {
      yield { type: 'a' };
      yield { type: 'b' };
    })();
    return res;
  });
  const events: unknown[] = [];
  for await (const event of await client.stream('/v1/messages', { ...message(), stream: true })) events.push(event);
  assert.deepEqual(events, [{ type: 'a' }, { type: 'b' }]);
  assert.equal(between, 2);
  await until(() => holding() === 0, 'nothing is held any more');
});

test('a client and the functions of its middlewares can be collected together', { skip: !global.gc }, async () => {
  const collected: string[] = [];
  const registry = new FinalizationRegistry<string>((name) => collected.push(name));
  const make = (): void => {
    const client = createClient({ baseURL: 'http://127.0.0.1:1', proxy: false });
    const provider = (): string => client.inspect();
    client.use(auth({ provider }));
    registry.register(client, 'client');
    registry.register(provider, 'provider');
  };
  make();
  await until(async () => {
    global.gc?.();
    return collected.length === 2;
  }, 'both are collected');
});
