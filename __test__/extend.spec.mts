// Clients made of clients: they share a pool and an end, and nobody has to remember them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { AbortError, type Client, ConfigError } from 'trae-native';
import { answering, message, pair, until } from './helpers/simulator.mts';

const isClosed = (error: ConfigError) => error instanceof ConfigError && error.message === 'the client is closed';
const collect = (globalThis as { gc?: () => void }).gc;

test('a closed client makes no call and no other client', async (t) => {
  const { client } = await pair(t);
  await client.close();
  await client.close();
  assert.throws(() => client.extend(), isClosed);
  assert.throws(() => client.create({ timeout: 5 }), isClosed);
  await assert.rejects(client.get('/x'), isClosed);
  await assert.rejects(client.stream('/x'), isClosed);
});

test('closing a client closes those that were extended from it, and no other', async (t) => {
  const { client, simulator } = await pair(t);
  const parent = client.extend();
  const [child, sibling] = [parent.extend({ headers: { a: '1' } }), client.extend()];
  const grandchild = child.create();
  const hang = answering({ hang: 'headers' });
  const pending = [parent, child, grandchild].map((one) => one.post('/v1/messages', message(), hang));
  const rejected = Promise.all(pending.map((call) => assert.rejects(call, AbortError)));
  await until(() => simulator.counters.requests === 3, 'all are under way');
  await parent.close();
  await rejected;
  for (const one of [parent, child, grandchild]) {
    await assert.rejects(one.get('/x'), isClosed);
    assert.throws(() => one.extend(), isClosed);
    assert.equal(one.stats().pending, 0);
  }
  for (const one of [client, sibling]) assert.equal((await one.get('/v1/models')).status, 200);
});

test('a client is closed with its ancestor also where nobody holds what is between them', {
  skip: !collect,
}, async (t) => {
  const { client } = await pair(t);
  const last = client.extend().extend().extend();
  for (let n = 0; n < 5; n++) {
    await turn();
    collect?.();
  }
  const call = assert.rejects(last.get('/x', answering({ hang: 'headers' })), AbortError);
  await client.close();
  await call;
});

test('a client that nobody holds is not kept by the one that it was extended from', { skip: !collect }, async (t) => {
  const { client } = await pair(t);
  const children = Array.from({ length: 100 }, () => new WeakRef<Client>(client.extend()));
  await until(() => {
    collect?.();
    return children.every((child) => child.deref() === undefined);
  }, 'all are gone');
  assert.equal((await client.get('/v1/models')).status, 200);
});

test('a signal that throws when a call leaves it keeps no call from its end', async (t) => {
  const { client, simulator } = await pair(t);
  const oops = (): never => {
    throw new Error('not mine');
  };
  const native = new AbortController().signal;
  native.removeEventListener = oops;
  const foreign = { aborted: false, addEventListener() {}, removeEventListener: oops } as never;
  const hang = answering({ hang: 'headers' });
  const calls = [native, foreign, undefined].map((signal) => client.get('/x', { ...hang, ...(signal && { signal }) }));
  const rejected = Promise.all(calls.map((call) => assert.rejects(call, AbortError)));
  await until(() => simulator.counters.requests === 3, 'all are under way');
  await client.close();
  await rejected;
  assert.equal(client.stats().pending, 0);
});

test('a signal of another library aborts a call with its reason', async (t) => {
  const { client, simulator } = await pair(t);
  const listeners = new Set<() => void>();
  const signal = {
    aborted: false,
    reason: undefined as unknown,
    addEventListener: (_name: string, listener: () => void) => listeners.add(listener),
    removeEventListener: (_name: string, listener: () => void) => listeners.delete(listener),
  };
  const call = client.get('/x', { ...answering({ hang: 'headers' }), signal: signal as never });
  await until(() => simulator.counters.requests === 1, 'it is under way');
  Object.assign(signal, { aborted: true, reason: 'enough' });
  for (const listener of listeners) listener();
  await assert.rejects(call, (error: AbortError) => error instanceof AbortError && error.cause === 'enough');
  assert.equal(listeners.size, 0);
});

test('what is changed in the options of a client holds from its next call on, and a wrong one is told by each call', async (t) => {
  const { client, simulator } = await pair(t, { headers: { 'x-a': '1' }, timeout: { connect: 1000 } });
  await client.get('/v1/models');
  const config = client.config as { headers: Record<string, string>; timeout: { connect: number }; redirect?: string };
  config.headers['x-b'] = '2';
  delete config.headers['x-a'];
  await client.get('/v1/models');
  assert.equal(simulator.received[1]?.header('x-b'), '2');
  assert.equal(simulator.received[1]?.header('x-a'), undefined);
  config.redirect = 'sideways';
  for (let n = 0; n < 2; n++) await assert.rejects(client.get('/v1/models'), /`redirect` must be/);
  delete config.redirect;
  assert.equal((await client.get('/v1/models')).status, 200);
});
