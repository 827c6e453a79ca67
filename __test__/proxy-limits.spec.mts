// What callers may take, and how they are told that it is enough.

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { connect as connect2, constants } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createProxy, type ProxyOptions, type ProxySources } from 'trae-native/proxy';
import { createSimulator } from 'trae-native/simulator';
import { ask, before, command, flags, proxied, question } from './helpers/proxy.mts';
import { redis } from './helpers/redis.mts';
import { until } from './helpers/simulator.mts';

const KEY = 'prk-the-key-of-one-caller';
const caller = (more: object) => ({ callers: [{ name: 'one', key: KEY, ...more }] }) as ProxyOptions;
const own = { headers: { 'x-api-key': KEY } };

test('a caller above its limit is told so soon, and when to come again', async (t) => {
  const limited = caller({ rateLimit: { requests: 3, interval: 3_600_000, queueTimeout: 20 } });
  const { proxy } = await proxied(t, { ...limited, cache: false });
  const statuses = await Promise.all([1, 2, 3, 4].map(async () => (await ask(proxy, question(), own)).status));
  assert.deepEqual(statuses.sort(), [200, 200, 200, 429]);
  const { error } = (await (await ask(proxy, question(), own)).json()) as { error: { type: string; message: string } };
  assert.equal(error.type, 'rate_limit_error');
  const again = (await ask(proxy, question(), own)).headers.get('retry-after');
  assert.ok(Number(again) > 600, `${again} s`);
});

test('a caller of which too many calls are under way is told so, too', async (t) => {
  const limited = caller({ concurrency: { limit: 1, queueTimeout: 20 } });
  const { proxy, simulator } = await proxied(t, { ...limited, cache: false });
  simulator.reply({ hang: 'body' });
  const leaving = new AbortController();
  const slow = ask(proxy, question('slow', { stream: true }), { ...own, signal: leaving.signal });
  await until(() => simulator.received.length === 1, 'the first is under way');
  assert.equal((await ask(proxy, question('second'), own)).status, 429);
  leaving.abort();
  await slow.catch(() => {});
  await until(async () => (await ask(proxy, question('third'), own)).status === 200, 'its place is free again');
});

test('a limit that replicas share refuses nobody who is below it', async (t) => {
  const shared = await redis(t);
  if (!shared) return;
  const limited = caller({ rateLimit: { requests: 20, interval: 3_600_000 } });
  const { proxy } = await proxied(t, { ...limited, cache: false, store: shared.url });
  const asked = await Promise.all(Array.from({ length: 20 }, () => ask(proxy, question(), own)));
  assert.deepEqual([...new Set(asked.map(({ status }) => status))], [200]);
});

test('options that would limit nothing, or everything, are mistakes', async () => {
  const simulator = await createSimulator();
  const start = async (options: unknown, sources: unknown = {}): Promise<string> => {
    try {
      const proxy = await createProxy(options as ProxyOptions, sources as ProxySources);
      await proxy.close();
      return 'it has started';
    } catch (error) {
      return (error as Error).message;
    }
  };
  const cases: [unknown, unknown, RegExp][] = [
    [caller({ models: [] }), {}, /^`callers\[0\]\.models` names no model, .* leave it out/],
    [caller({ rateLimit: {} }), {}, /^rateLimit\(\) limits nothing: give it `callers\[0\]\.rateLimit\.requests`/],
    [caller({ rateLimit: { requests: -1 } }), {}, /^`callers\[0\]\.rateLimit\.requests` must be a whole number/],
    [{ upstream: { url: 'https://api.example/v1/' } }, {}, /^`upstream\.url` ends in \/v1, .*leave it out/],
    [{ upstream: { url: 'no url' } }, {}, /`upstream\.url`/],
    [{ upstream: { key: 'k', tiemout: 1 } }, {}, /unknown option `upstream\.tiemout`: did you mean/],
    [{ sessions: { onBusy: 'x' } }, {}, /^`sessions\.onBusy` must be/],
    [{ prices: [{ model: 'x', input: -1 }] }, {}, /^`prices\[0\]/],
    [{}, { flie: 'p.toml' }, /^unknown option `sources\.flie`: did you mean `sources\.file`\?/],
    [{}, { threads: 65 }, /^`sources\.threads` must be at most 64, got 65/],
    [{}, { threads: 1.5 }, /^`sources\.threads` must be a whole number/],
    [{}, { flags: { 'cache.ttl': 5 } }, /^`sources\.flags\['cache\.ttl'\]` must be a text, got 5/],
    [
      {},
      { flags: { 'cache.tll': '5' } },
      /^--set cache\.tll: unknown option `cache\.tll`: did you mean `cache\.ttl`\?/,
    ],
    [{}, { flags: { 'cache.ttl.x': '1' } }, /^--set cache\.ttl\.x: `cache\.ttl` must be/],
    [{}, { flags: { 'upstream.url': 'x/v1' } }, /^--upstream: `upstream\.url` ends/],
    ['x', {}, /^the options of a proxy must be an object, got a string/],
    [null, {}, /^the options of a proxy must be an object, got null/],
  ];
  for (const [options, sources, words] of cases) {
    const given = typeof options === 'object' && options ? before(simulator, options as ProxyOptions) : options;
    const plain = (options as { upstream?: object } | null)?.upstream || (sources as { flags?: object }).flags;
    const told = await start(plain ? { listen: '127.0.0.1:0', logger: false, ...(options as object) } : given, sources);
    assert.match(told, words);
  }
  await simulator.close();
});

test('who is refused before anything is asked is counted, whatever the reason', async (t) => {
  const { proxy } = await proxied(t, { callers: [{ name: 'one', key: KEY, admin: true, models: ['claude-*'] }] });
  const post = (headers: Record<string, string>, body = question()) => ask(proxy, body, { headers });
  const none = await post({});
  const wrong = await post({ 'x-api-key': 'sk-ant-somebody-else' });
  assert.deepEqual(
    [none.status, wrong.status, (await post(own.headers, question('x', { model: 'gpt' }))).status],
    [401, 401, 403],
  );
  const words = async (answer: Response) => ((await answer.json()) as { error: { message: string } }).error.message;
  assert.match(await words(none), /there is no key/);
  assert.match(await words(wrong), /the key is no caller's/);
  for (const id of ['', ' ']) assert.equal((await post({ ...own.headers, 'x-session-id': id })).status, 400);
  const metrics = await (await fetch(`${proxy.url}/metrics`, own)).text();
  assert.match(metrics, /^trae_proxy_refused_total 5$/m);
});

test('a body that is too large is answered though it is still being sent', async (t) => {
  const { proxy } = await proxied(t, { limits: { requestBytes: 100_000 } });
  for (const headers of [{ 'content-length': 8_000_000 }, { 'transfer-encoding': 'chunked' }]) {
    const [status, text] = await new Promise<[number | undefined, string]>((resolve, reject) => {
      const sent = request(`${proxy.url}/v1/messages`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
      });
      sent.on('error', reject);
      sent.on('response', async (answer) => {
        let text = '';
        for await (const piece of answer.setEncoding('utf8')) text += piece;
        resolve([answer.statusCode, text]);
      });
      for (let written = 0; written < 80; written += 1) sent.write(Buffer.alloc(100_000, 32));
    });
    assert.equal(status, 413);
    assert.match(text, /more than 100000 bytes \(`limits\.requestBytes` of the proxy\)/);
  }
});

test('a window of HTTP/2 that stays shut gives the API’s call up, and the connection’s other streams go on', async (t) => {
  const { proxy, simulator } = await proxied(t, { cache: false, limits: { writeTimeout: 200 } });
  simulator.reply({ events: 1000, paceMs: 5 });
  const session = connect2(proxy.url, { settings: { initialWindowSize: 0 } });
  t.after(() => session.destroy());
  const post = (stream: boolean) => {
    const sent = session.request({ ':method': 'POST', ':path': '/v1/messages', 'content-type': 'application/json' });
    sent.on('error', () => {});
    sent.end(JSON.stringify(question(stream ? 'stuck' : 'free', { stream })));
    return sent;
  };
  const stuck = post(true);
  const failed = new Promise((resolve) => stuck.on('close', () => resolve(stuck.rstCode)));
  await new Promise((resolve) => stuck.on('response', resolve));
  await until(() => simulator.received[0]?.aborted === true, 'the API is left');
  // Its window opens too late for the one, and in time for what is asked next.
  session.settings({ initialWindowSize: 1 << 20 });
  stuck.resume();
  assert.notEqual(await failed, constants.NGHTTP2_NO_ERROR);
  let text = '';
  for await (const piece of post(false).setEncoding('utf8')) text += piece;
  assert.match(text, /"type":"message"/);
});

test('its socket in the file system goes with it, and one that another has put there stays', async (t) => {
  if (process.platform === 'win32') return t.skip('there is no such thing on Windows');
  const folder = mkdtempSync(join(tmpdir(), 'trae-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'proxy.sock');
  const start = () => createProxy({ listen: `unix:${path}`, logger: false });
  const first = await start();
  assert.ok(existsSync(path));
  rmSync(path);
  const second = await start();
  await first.close();
  assert.ok(existsSync(path), 'it is the second one’s');
  await second.stop();
  assert.ok(!existsSync(path));
});

test('options that are read again leave alone where it listens, and one that has stopped takes none', async (t) => {
  const { proxy, simulator } = await proxied(t, { cache: { ttl: 1000 } });
  const { listen, ...rest } = before(simulator, { cache: { ttl: 2000 } });
  assert.ok(listen);
  proxy.reload(rest);
  const about = (await (await fetch(`${proxy.url}/-/about`)).json()) as { cache: { ttlMs: number } };
  assert.equal(about.cache.ttlMs, 2000);
  assert.throws(() => proxy.reload({ ...rest, listen: '127.0.0.1:1' }), /`listen` can't change/);
  assert.throws(() => proxy.reload(null as never), /must be an object, got null/);
  await proxy.stop();
  assert.throws(() => proxy.reload(rest), /the proxy has stopped/);
});

test('a proxy that anybody may reach can’t lose its callers by options without a place', async (t) => {
  const simulator = await createSimulator();
  t.after(() => simulator.close());
  const open = before(simulator, { listen: '0.0.0.0:0', ...caller({}) });
  const proxy = await createProxy(open);
  t.after(() => proxy.close());
  const { listen: _listen, callers: _callers, ...rest } = open;
  assert.throws(() => proxy.reload(rest), /which others reach, and there are no `callers`/);
  const port = new URL(proxy.url).port;
  assert.equal((await ask({ url: `http://127.0.0.1:${port}` })).status, 401);
});

test('the log and the page know a request by the name that its caller gave it', async (t) => {
  const simulator = await createSimulator();
  t.after(() => simulator.close());
  const proxy = await command(t, flags(simulator));
  await (await ask(proxy, question(), { headers: { 'x-request-id': 'order-4711' } })).text();
  await until(() => proxy.said().includes('order-4711'), 'the log tells of it');
  const line = JSON.parse(
    proxy
      .said()
      .split('\n')
      .find((line) => line.includes('order-4711')) as string,
  );
  assert.equal(line.req.requestId, 'order-4711');
  const { requests } = (await (await fetch(`${proxy.url}/-/requests`)).json()) as {
    requests: { callerRequestId: string }[];
  };
  assert.equal(requests[0]?.callerRequestId, 'order-4711');
});
