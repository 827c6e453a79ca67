// A call that has its answer at hand is answered on the spot, and like any other.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { AbortError, ConfigError, cache, logger, metrics } from 'trae-native';
import { answering, collect, counters, message, pair, until } from './helpers/simulator.mts';

const path = '/v1/messages';

test('what is in memory is answered without waking JavaScript, and leaves nothing under way', async (t) => {
  const { client, simulator } = await pair(t, { cache: true });
  await client.post(path, message());
  const [wakeUps] = counters();
  for (let count = 0; count < 50; count++) assert.equal((await client.post(path, message())).cache, 'hit');
  assert.deepEqual(counters().slice(0, 2), [wakeUps, 0]);
  assert.equal(simulator.received.length, 1);
});

test('also with a logger and metrics around it, which count it', async (t) => {
  const lines: unknown[] = [];
  const { client } = await pair(t);
  client
    .use(logger({ sink: (line: unknown) => void lines.push(line) }))
    .use(metrics())
    .use(cache());
  await client.post(path, message());
  await client.post(path, message());
  await until(() => lines.length >= 4, 'two calls are logged');
  const counted = client.metrics();
  assert.match(counted, /claude_cache_answers_total\{[^}]*"hit"[^}]*\} 1/);
});

test('texts beyond ASCII, in headers and in content, stay whole', async (t) => {
  const { client } = await pair(t, { cache: true });
  const odd = { ...answering({ body: JSON.stringify({ text: 'ä 😀 \u2028' }), headers: { 'x-odd': 'Grüße' } }) };
  const get = () => client.get('/odd', odd);
  const first = await get();
  const again = await get();
  assert.deepEqual([first.cache, again.cache], ['miss', 'hit']);
  assert.deepEqual(again.data, { text: 'ä 😀 \u2028' });
  assert.deepEqual(again.data, first.data);
  assert.equal(again.headers['x-odd'], first.headers['x-odd']);
});

test('text, nothing and bytes come in the form that they have', async (t) => {
  const { client } = await pair(t, { cache: true });
  const twice = async (url: string, reply: object, config = {}) => {
    const ask = () => client.get(url, { ...answering(reply), ...config });
    await ask();
    const res = await ask();
    assert.equal(res.cache, 'hit', url);
    return res.data;
  };
  const text = { body: 'plain', headers: { 'content-type': 'text/plain' } };
  assert.equal(await twice('/text', text), 'plain');
  assert.equal(await twice('/none', { status: 204, body: '' }), '');
  assert.equal(await twice('/null', { status: 204, body: '' }, { responseType: 'json' }), null);
  const bytes = await twice('/bytes', text, { responseType: 'buffer' });
  assert.deepEqual(bytes, Buffer.from('plain'));
});

test('the caller’s own functions judge and change it as they do others', async (t) => {
  const { client } = await pair(t, { cache: true });
  await client.post(path, message());
  const changed = await client.post(path, message(), { transformResponse: () => 'changed' });
  assert.deepEqual([changed.cache, changed.data], ['hit', 'changed']);
  const judged = client.post(path, message(), { validateStatus: (status) => status !== 200 });
  await assert.rejects(judged, /200/);
});

test('who has given up before is not answered, and a closed client answers nobody', async (t) => {
  const { client } = await pair(t, { cache: true });
  await client.post(path, message());
  await assert.rejects(client.post(path, message(), { signal: AbortSignal.abort() }), AbortError);
  await client.close();
  await assert.rejects(client.post(path, message()), ConfigError);
});

test('what is not at hand goes on as one call, and can be given up', async (t) => {
  const { client, simulator } = await pair(t, { cache: true });
  simulator.always({ delayMs: 60_000 });
  const signal = new AbortController();
  const call = client.post(path, message(), { signal: signal.signal });
  await until(() => simulator.received.length === 1, 'the call has arrived');
  signal.abort();
  await assert.rejects(call, AbortError);
  await until(() => counters()[1] === 0 && counters()[2] === 0, 'nothing is left');
});

test('what is wrong with a call is told as always', async (t) => {
  const { client } = await pair(t, { cache: true });
  await assert.rejects(client.get('https://elsewhere.example/'), /set `allowAbsoluteUrls`/);
  await assert.rejects(client.get('/x', { cache: { mode: 'odd' } as never }), ConfigError);
  await assert.rejects(client.request({ url: '/x', method: 'GE T' }), /HTTP method/);
});

test('a middleware of JavaScript’s may stand around it or within', async (t) => {
  const { client, simulator } = await pair(t);
  const seen: string[] = [];
  client.use(async (_, next) => {
    const res = await next();
    seen.push(`outer ${(res as { cache: string }).cache}`);
    return res;
  });
  client.use(cache());
  client.use((_, next) => {
    seen.push('inner');
    return next();
  });
  await client.post(path, message());
  await client.post(path, message());
  assert.deepEqual(seen, ['inner', 'outer miss', 'outer hit']);
  assert.equal(simulator.received.length, 1);
});

test('streams and messages made of them are given again from memory', async (t) => {
  const { client, simulator } = await pair(t, { cache: true });
  const first = await client.message(message() as never, { url: path });
  const again = await client.message(message() as never, { url: path });
  assert.deepEqual([first.cache, again.cache], ['miss', 'hit']);
  assert.deepEqual(again.data, first.data);
  const stream = await client.stream(path, { ...message(), stream: true });
  assert.ok((await collect(stream)).length > 3);
  assert.equal(simulator.received.length, 1);
});

// ----- answers that are given again without asking -----

test('each is of its own: who changes one changes no other', async (t) => {
  const { client } = await pair(t, { cache: true });
  const ask = () => client.post(path, message());
  await ask();
  for (let count = 0; count < 5; count++) {
    const { data, headers, timing } = await ask();
    assert.equal(data.type, 'message');
    data.type = 'changed';
    (headers as Record<string, string>)['content-type'] = 'changed';
    assert.ok((timing.totalMs as number) >= 0);
  }
  assert.match((await ask()).headers['content-type'] as string, /json/);
});

test('every one is counted, and grows older', async (t) => {
  const { client, simulator } = await pair(t, { cache: true });
  await client.post(path, message());
  let age = -1;
  for (let count = 0; count < 100; count++) {
    const res = await client.post(path, message());
    assert.ok((res.cacheAgeMs as number) >= age);
    age = res.cacheAgeMs as number;
    if (count % 25 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  }
  assert.ok(age >= 4);
  const { hits, misses } = await client.cache.stats();
  assert.deepEqual([hits, misses, simulator.received.length], [100, 1, 1]);
});

test('whoever hears that something was forgotten or replaced is given none of before', async (t) => {
  const { client, simulator } = await pair(t, { cache: true });
  const ask = async (config = {}) => {
    const { cache, headers } = await client.post(path, message(), config);
    return [cache, headers['request-id']];
  };
  for (let round = 0; round < 20; round++) {
    const [, first] = await ask({ cache: { mode: 'refresh' } });
    for (let count = 0; count < 3; count++) assert.deepEqual(await ask(), ['hit', first]);
    const [, second] = await ask({ cache: { mode: 'refresh' } });
    assert.notEqual(second, first);
    for (let count = 0; count < 3; count++) assert.deepEqual(await ask(), ['hit', second]);
    if (round % 2) await client.cache.clear();
    else await client.cache.delete({ url: path, data: message() });
    const [cached, third] = await ask();
    assert.deepEqual([cached, third !== second], ['miss', true]);
    assert.deepEqual(await ask(), ['hit', third]);
  }
  assert.equal(simulator.received.length, 60);
});

test('none is given when its time is over', async (t) => {
  const { client } = await pair(t);
  client.use(cache({ ttl: 40 }));
  const ask = async () => (await client.post(path, message())).cache;
  await ask();
  const [begun, seen] = [performance.now(), new Set<string>()];
  await until(async () => {
    const cached = await ask();
    seen.add(cached);
    return cached === 'miss';
  }, 'it is asked again');
  assert.ok(performance.now() - begun >= 35);
  assert.deepEqual([...seen], ['hit', 'miss']);
});

test('none is given to another caller, to another URL or to other options', async (t) => {
  const { client, simulator } = await pair(t, { cache: true, headers: { 'x-api-key': 'one' } });
  const ask = async (url = path, config = {}) => (await client.post(url, message(), config)).cache;
  await ask();
  assert.equal(await ask(), 'hit');
  assert.equal(await ask(), 'hit');
  assert.equal(await ask(`${path}?beta=true`), 'miss');
  assert.equal(await ask(), 'hit');
  assert.equal(await ask(path, { headers: { 'x-api-key': 'two' } }), 'miss');
  assert.equal(await ask(path, { cache: false }), 'bypass');
  client.config.headers = { 'x-api-key': 'three' };
  assert.equal(await ask(), 'miss');
  const other = client.extend({ headers: { 'x-api-key': 'one' } });
  assert.equal((await other.post(path, message())).cache, 'hit');
  assert.equal(simulator.received.length, 5);
});

test('what a layer further out has to see is never kept from it', async (t) => {
  const { client } = await pair(t);
  client.use(metrics()).use(cache());
  for (let count = 0; count < 10; count++) await client.post(path, message());
  assert.match(client.metrics(), /claude_cache_answers_total\{[^}]*"hit"[^}]*\} 9/);
});

test('a pipeline that is too deep for the stack of JavaScript’s thread takes the longer way', async (t) => {
  const { simulator } = await pair(t);
  const program = `
    const { cache, createClient, timeout } = require('trae-native');
    const client = createClient({ baseURL: '${simulator.url}', proxy: false });
    for (let layer = 0; layer < 255; layer++) client.use(timeout());
    client.use(cache());
    const ask = () => client.post('/v1/messages', ${JSON.stringify(message())});
    ask().then(ask).then((res) => require('node:worker_threads').parentPort.postMessage(res.cache));`;
  const worker = new Worker(program, { eval: true, resourceLimits: { stackSizeMb: 1 } });
  assert.deepEqual(await once(worker, 'message'), ['hit']);
  await worker.terminate();
});
