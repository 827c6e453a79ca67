// The simulator as tests script it: what is wrong in a script is said at once.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError } from 'trae-native';
import { createSimulator } from 'trae-native/simulator';
import { pair } from './helpers/simulator.mts';

const isConfig = (expected: RegExp) => (error: ConfigError) => {
  assert.ok(error instanceof ConfigError, `${error}`);
  assert.equal(error.code, 'CONFIG');
  assert.match(error.message, expected);
  return true;
};

test('a wrong option of the simulator is a ConfigError that names it', async (t) => {
  const taken = await createSimulator();
  t.after(() => taken.close());
  const wrong: [unknown, RegExp][] = [
    [{ prot: 1 }, /unknown field `prot`/],
    [{ port: 'any' }, /`port`/],
    [{ port: Number.NaN }, /`port` can't be NaN/],
    [{ clientCa: 'own' }, /`clientCa` needs `tls: true`/],
    [{ proxyAuth: 'u:p' }, /`proxyAuth` needs `proxy: true`/],
    [{ tls: true, clientCa: 'no pem' }, /`clientCa`/],
    [{ port: Number(new URL(taken.url).port) }, /`host` and `port` cannot be listened on/],
    [null, /must be an object, got null/],
    [5, /must be an object, got 5/],
  ];
  for (const [options, expected] of wrong) await assert.rejects(createSimulator(options as never), isConfig(expected));
});

test('a wrong reply is a ConfigError that names its field', async (t) => {
  const { simulator } = await pair(t);
  const loop: Record<string, unknown> = {};
  loop['loop'] = loop;
  const wrong: [unknown, RegExp][] = [
    [{ statsu: 204 }, /unknown field `statsu`/],
    [{ status: 99 }, /`status` must be 200 to 999/],
    [{ status: '204' }, /`status`/],
    [{ body: 1, text: '' }, /give `body` or `text`, not both/],
    [{ cut: 'reset' }, /`cut` needs `cutAfterBytes`/],
    [{ body: () => 1 }, /`body` can't be a function/],
    [{ body: loop }, /circular/],
    [{ transcript: '/no/such/file' }, /`transcript`/],
    [{ headers: { 'a b': '1' } }, /`headers\['a b'\]`/],
    [null, /reply: must be an object, got null/],
    ['pong', /reply: must be an object, got a string/],
    [5, /reply: must be an object, got 5/],
  ];
  for (const [reply, expected] of wrong) {
    assert.throws(() => simulator.reply(reply as never), isConfig(expected));
    assert.throws(() => simulator.always(reply as never), isConfig(expected));
    assert.throws(() => simulator.reply([{ text: 'fine' }, reply] as never), isConfig(expected));
  }
});

test('a scripted status is obeyed on any path', async (t) => {
  const { client, simulator } = await pair(t, { validateStatus: null, redirect: 'manual' });
  for (const status of [200, 201, 204, 304, 307, 404, 529]) {
    simulator.reply([{ status }, { status }]);
    assert.equal((await client.get('/anything')).status, status);
    assert.equal((await client.post('/v1/messages', 'no JSON')).status, status);
  }
  assert.equal((await client.get('/anything')).status, 404);
});

test('bytes of any kind are sent as they are', async (t) => {
  const { client, simulator } = await pair(t);
  const bytes = new Uint8Array([0, 255, 7, 8]);
  for (const body of [
    bytes,
    Buffer.from(bytes),
    bytes.buffer,
    new Uint16Array(bytes.buffer),
    new DataView(bytes.buffer),
  ]) {
    simulator.reply({ body });
    assert.deepEqual((await client.get('/x')).data, Buffer.from(bytes));
  }
});
