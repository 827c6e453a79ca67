// Channels of node:diagnostics_channel: what is told there, to whom, and what is not.

import assert from 'node:assert/strict';
import diagnostics from 'node:diagnostics_channel';
import { type TestContext, test } from 'node:test';
import { answering, collect, message, pair, until } from './helpers/simulator.mts';

const KEY = 'sk-ant-diagnostics-0123456789';
const PROMPT = 'What nobody else may read';
const CHANNELS = ['request:start', 'request:response', 'request:error', 'stream:end'];

interface Told {
  channel: string;
  id: number;
  method: string;
  url: string;
  [fact: string]: unknown;
}

/** Listens on these channels until the test is over. */
function listen(t: TestContext, channels: string[] = CHANNELS): Told[] {
  const all: Told[] = [];
  for (const channel of channels) {
    const hear = (message: unknown) => void all.push({ ...(message as Told), channel });
    diagnostics.subscribe(`trae-native:${channel}`, hear);
    t.after(() => diagnostics.unsubscribe(`trae-native:${channel}`, hear));
  }
  return all;
}

test('a call tells its start and its answer, under one number', async (t) => {
  const { client } = await pair(t);
  const all = listen(t);
  const { requestId } = await client.post('/v1/messages', message());
  const [start, response] = all as [Told, Told];
  assert.deepEqual(start, { channel: 'request:start', id: start.id, method: 'POST', url: '/v1/messages' });
  const { timing, durationMs, ...rest } = response;
  assert.deepEqual(rest, { ...start, channel: 'request:response', status: 200, requestId, attempts: 1 });
  assert.ok((durationMs as number) > 0 && typeof (timing as { firstByteMs: number }).firstByteMs === 'number');
  assert.equal(all.length, 2);
});

test('a failure tells its facts, also one of before anything was sent', async (t) => {
  const { client } = await pair(t);
  const all = listen(t, ['request:error']);
  await assert.rejects(client.post('/v1/messages', message(), answering({ status: 429 })));
  await assert.rejects(client.get(5 as never));
  await assert.rejects(
    client
      .extend()
      .before(() => Promise.reject(new RangeError(KEY)))
      .get('/x'),
  );
  assert.deepEqual(
    all.map(({ error }) => [(error as Told)['name'], (error as Told)['code'], (error as Told)['status']]),
    [
      ['RateLimitError', 'RATE_LIMIT', 429],
      ['ConfigError', 'CONFIG', undefined],
      ['RangeError', undefined, undefined],
    ],
  );
});

test('a stream tells its end once, whatever it is', async (t) => {
  const { client } = await pair(t);
  const all = listen(t, ['request:response', 'stream:end']);
  const open = (reply: object) => client.stream('/v1/messages', { stream: true }, answering(reply));
  await collect(await open({ events: 3 }));
  for await (const _ of await open({ events: 500, paceMs: 5 })) break;
  await assert.rejects(collect(await open({ events: 5, errorAt: { index: 2, type: 'overloaded_error' } })));
  const raw = await client.get('/v1/models', { responseType: 'stream' });
  await collect(raw.data);
  await until(() => all.length === 8, 'all have ended');
  const ends = all.filter(({ channel }) => channel === 'stream:end');
  assert.deepEqual(
    ends.map(({ error }) => (error as Told | undefined)?.['code']),
    [undefined, undefined, 'OVERLOADED', undefined],
  );
  const numbers = (channel: string) => all.filter((one) => one.channel === channel).map(({ id }) => id);
  assert.deepEqual(numbers('stream:end').sort(), numbers('request:response').sort());
});

test('no message holds a key, a query’s value, a header or what was said', async (t) => {
  const { client } = await pair(t, { headers: { 'x-api-key': KEY } });
  const all = listen(t);
  await client.post(`/v1/messages?key=${KEY}`, message(PROMPT), { params: { other: KEY } });
  await assert.rejects(
    client.post(
      '/v1/messages',
      message(PROMPT),
      answering({ status: 401, body: { error: { message: `bad ${KEY}` } } }),
    ),
  );
  await collect(await client.stream('/v1/messages', { ...message(PROMPT), stream: true }));
  await assert.rejects(
    client
      .extend()
      .before(() => Promise.reject(new Error(KEY)))
      .get('/x'),
  );
  const text = JSON.stringify(all);
  assert.ok(!text.includes(KEY) && !text.includes(PROMPT), text);
  assert.equal(all[0]?.url, '/v1/messages?key=…');
});

test('a channel is told only while somebody listens, and only what is its own', async (t) => {
  const { client } = await pair(t);
  await client.get('/v1/models');
  const ends = listen(t, ['stream:end']);
  await client.get('/v1/models');
  assert.equal(ends.length, 0);
  const starts = listen(t, ['request:start']);
  await client.get('/v1/models');
  assert.deepEqual([starts.length, ends.length], [1, 0]);
});

test('a stream that is dropped tells its end, once it is collected', async (t) => {
  const { client } = await pair(t);
  const ends = listen(t, ['stream:end']);
  await (async () => void (await client.stream('/v1/messages', {}, answering({ events: 10_000, paceMs: 1 }))))();
  await until(() => {
    globalThis.gc?.();
    return ends.length === 1;
  }, 'its end is told');
});
