// Hostile servers and hostile callers: nothing of theirs ends the process, reaches another call, or shows a key.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import trae, {
  AbortError,
  ConfigError,
  ConnectionError,
  createClient,
  HttpError,
  ParseError,
  RateLimitError,
  TraeError,
} from 'trae-native';
import { answering, collect, message, pair, until } from './helpers/simulator.mts';

/** A server that writes these bytes to whoever asks. */
async function raw(t: TestContext, ...parts: (string | Buffer)[]): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('data', () => {
      for (const part of parts) socket.write(part);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as { port: number }).port}/`;
}

const whole = (head: string, body = '') => `HTTP/1.1 ${head}\r\ncontent-length: ${body.length}\r\n\r\n${body}`;

test('a hint to come back beyond all numbers is an error like any other', async (t) => {
  const client = createClient({ proxy: false });
  for (const header of ['retry-after: 99999999999999999', 'retry-after-ms: 18446744073709552000']) {
    const url = await raw(t, whole(`429 X\r\n${header}`));
    await assert.rejects(client.get(url), (error: RateLimitError) => {
      assert.ok(error instanceof RateLimitError);
      return (error.retryAfterMs ?? 0) > 2 ** 53;
    });
    const judging = client.get(await raw(t, whole(`200 X\r\n${header}`)), { validateStatus: () => false });
    await assert.rejects(judging, HttpError);
  }
});

test('a ping that is no JSON is delivered to nobody and reaches no other stream', async (t) => {
  const { client, simulator } = await pair(t, { pings: true });
  simulator.always({
    sse: 'event: ping\ndata: 1],[{"type":"forged"}\n\nevent: ping\ndata: hello\n\ndata: {"type":"ping"}\n\ndata: {"type":"real"}\n\n',
  });
  const streams = await Promise.all(Array.from({ length: 20 }, () => client.stream('/x', {})));
  for (const events of await Promise.all(streams.map((stream) => collect(stream))))
    assert.deepEqual(events, [{ type: 'ping' }, { type: 'real' }]);
});

test('headers by the ten thousand are refused and not fatal', async (t) => {
  const { client } = await pair(t);
  const headers = Object.fromEntries(Array.from({ length: 40_000 }, (_, n) => [`x-${n}`, 'a']));
  assert.throws(() => createClient({ headers }), ConfigError);
  await assert.rejects(client.get('/x', { headers }), ConfigError);
});

test('an event limit that no text could hold is refused', () => {
  assert.throws(() => createClient({ maxEventBytes: 2 ** 30 }), /`maxEventBytes` must be at most/);
});

test('a key is shown in no spelling that a server repeats it in', async (t) => {
  const key = 'abcd/efgh+ijkl0123456789';
  const client = createClient({ proxy: false, headers: { 'x-api-key': key } });
  const spellings = [key, key.replace('/', '\\/'), key.replace('+', '\\u002B'), key.replace('a', '\\u0061')];
  for (const spelling of spellings)
    for (const validateStatus of [undefined, (status: number) => status < 300]) {
      const url = await raw(t, whole('401 X\r\nx-note: caf\xe9', `{"error":{"message":"bad key ${spelling}"}}`));
      await assert.rejects(client.get(url, { validateStatus }), (error: HttpError) => {
        const shown = `${error.message} ${JSON.stringify(error.response)} ${JSON.stringify(error.response?.data)}`;
        assert.ok(!shown.includes(key), `${spelling}: ${shown}`);
        assert.match(error.message, /\[redacted\]/);
        return true;
      });
    }
  const elsewhere = await raw(t, whole(`302 X\r\nlocation: http://other.example/x/${key}`));
  await assert.rejects(client.get(elsewhere), (error: Error) => !error.message.includes(key));
});

test('a header of a refused answer is the same whoever judged the status', async (t) => {
  const client = createClient({ proxy: false });
  const head = Buffer.from(whole('500 X\r\nx-note: caf\xe9'), 'latin1');
  for (const validateStatus of [undefined, () => false])
    await assert.rejects(client.get(await raw(t, head), { validateStatus }), (error: HttpError) => {
      assert.equal(error.response?.headers.get('x-note'), 'café');
      return true;
    });
});

test('a stream that somebody waits on is not collected', async (t) => {
  const { client } = await pair(t);
  const second = async () => {
    const stream = await client.stream('/v1/messages', { stream: true }, answering({ events: 4, paceMs: 60 }));
    const iterator = stream[Symbol.asyncIterator]();
    await iterator.next();
    return iterator.next();
  };
  const waiting = second();
  const collecting = setInterval(() => globalThis.gc?.(), 5);
  const step = await waiting;
  clearInterval(collecting);
  assert.equal(step.done, false);
});

test('a byte stream that is read in part and dropped lets its socket go', async (t) => {
  const { client, simulator } = await pair(t, {}, { keep: 0 });
  const begin = async () => {
    const { data } = await client.post(
      '/v1/messages',
      {},
      { responseType: 'stream', ...answering({ events: 40_000, eventsPerWrite: 100 }) },
    );
    data.once('readable', () => data.read(10));
    await once(data, 'readable');
  };
  for (let n = 0; n < 10; n++) await begin();
  await until(() => {
    globalThis.gc?.();
    return client.stats().pending === 0;
  }, 'nothing is under way');
  await until(() => simulator.counters.connectionsOpen === 0, 'no socket is open');
});

test('a call that is aborted or closed by the caller’s own code on its way out is not sent', async (t) => {
  const { client, simulator } = await pair(t);
  const controller = new AbortController();
  const abort = (data: unknown) => {
    controller.abort();
    return data;
  };
  const { signal } = controller;
  await assert.rejects(client.post('/x', {}, { signal, transformRequest: abort }), AbortError);
  const child = client.extend();
  await assert.rejects(child.post('/x', { toJSON: () => void child.close() }), ConfigError);
  assert.equal(simulator.received.length, 0);
});

test('a streamed body that is not as long as announced fails the call', async (t) => {
  const { client } = await pair(t);
  const body = async function* () {
    yield 'hello';
    yield 'world';
  };
  for (const length of [5, 15])
    await assert.rejects(client.post('/x', body(), { headers: { 'content-length': length } }), (error: TraeError) => {
      assert.ok(error instanceof ConnectionError, `${length}: ${error}`);
      assert.equal(error.code, 'REQUEST_BODY');
      assert.match(error.message, length === 5 ? /longer/ : /shorter/);
      return true;
    });
});

test('what is no stream of events is not given as one', async (t) => {
  const { client } = await pair(t);
  await assert.rejects(client.stream('/x', {}, { validateStatus: null, ...answering({ status: 500 }) }), ParseError);
  const moved = answering({ status: 302, headers: { location: '/y' } });
  await assert.rejects(client.stream('/x', {}, { redirect: 'manual', ...moved }), TraeError);
});

test('a URL that cannot be written is the caller’s error', async (t) => {
  const { client } = await pair(t);
  for (const url of [`/${'x'.repeat(70_000)}`])
    await assert.rejects(client.get(url), (error: ConfigError) => error instanceof ConfigError && error.attempts === 0);
});

test('a proxy of the environment that cannot be used breaks no import, only calls that need it', () => {
  const script = `const trae = require('trae-native');
    trae.createClient({ proxy: false });
    trae.trae.get('http://127.0.0.1:1/').catch((error) => console.log(error.code));`;
  const env = { ...process.env, HTTP_PROXY: 'foo://bar' };
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', script], { env, encoding: 'utf8', cwd: process.cwd() });
  assert.equal(stdout.trim(), 'CONFIG', stderr);
});

test('hundreds of calls may share a signal without a word of a leak', async (t) => {
  const { client } = await pair(t);
  const warnings: Error[] = [];
  const warned = (warning: Error) => warnings.push(warning);
  process.on('warning', warned);
  const { signal } = new AbortController();
  await Promise.all(Array.from({ length: 40 }, () => client.post('/v1/messages', message(), { signal })));
  await new Promise(setImmediate);
  process.off('warning', warned);
  assert.deepEqual(warnings, []);
});

test('a client’s options in a call are refused, those that came with an answer are not', async (t) => {
  const { client } = await pair(t);
  const first = await client.get('/v1/models');
  assert.equal((await client.request({ ...first.config, url: '/v1/models' })).status, 200);
  for (const own of [{ baseURL: 'http://127.0.0.1:1' }, { proxy: 'http://127.0.0.1:1' }, { http2: 'off' }])
    await assert.rejects(client.get('/v1/models', own), /is an option of a client, not of a call: use extend/);
});

test('an error shows who called, and which call', async (t) => {
  const { client } = await pair(t);
  async function whoCalled() {
    await client.post('/v1/messages?token=1', message(), answering({ status: 500 }));
  }
  await assert.rejects(whoCalled(), (error: TraeError) => {
    assert.match(error.stack ?? '', /whoCalled/);
    assert.deepEqual(error.request, { method: 'POST', url: '/v1/messages?token=…' });
    return true;
  });
});

test('odd options are refused by name', () => {
  assert.throws(() => createClient({ judgeStatus: true } as object), /unknown option `?judgeStatus/);
  const poisoned = JSON.parse('{"__proto__":{"httpAgent":{"options":{}}}}');
  assert.throws(() => createClient(poisoned), /__proto__/);
  let client = createClient();
  for (let n = 0; n < 20_000; n++) client = client.extend();
  assert.equal(typeof client.stats().pending, 'number');
  assert.ok(trae);
});

test('a class that JSON would empty is refused as a body', async (t) => {
  const { client } = await pair(t);
  for (const body of [/x/, new Error('x'), new WeakMap()])
    await assert.rejects(client.post('/x', body), (error: ConfigError) => error instanceof ConfigError);
});

test('a simulator lets go of a connection whose client gave up in the middle of its upload', async (t) => {
  const { client, simulator } = await pair(t, {}, { keep: 0 });
  const endless = async function* () {
    for (;;) {
      yield 'x';
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  const calls = Array.from({ length: 10 }, () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 50);
    return client.post('/x', endless(), { signal: controller.signal, ...answering({ hang: 'headers' }) });
  });
  for (const { reason } of (await Promise.allSettled(calls)) as PromiseRejectedResult[])
    assert.ok(reason instanceof AbortError);
  await until(() => simulator.counters.connectionsOpen === 0, 'all connections are gone');
  assert.equal(simulator.counters.aborted, 10);
});
