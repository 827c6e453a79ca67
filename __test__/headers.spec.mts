// Headers on their way out, in whatever container, and on their way back.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runInNewContext } from 'node:vm';
import { ConfigError, createClient, type HeadersInit, type HeaderValue } from 'trae-native';
import { answering, pair } from './helpers/simulator.mts';

const { headers: ECHO } = answering({ echo: true });
const script = ECHO['x-simulator'] as string;

class Settings {
  'x-a' = '1';
}

/** Containers that all say the same. */
const CONTAINERS: [string, () => HeadersInit][] = [
  ['a record', () => ({ 'X-A': '1', 'x-list': ['2', '3'], 'x-simulator': script })],
  [
    'a record of another realm',
    () => runInNewContext('({ "x-a": "1", "x-list": ["2", "3"], "x-simulator": s })', { s: script }),
  ],
  [
    'a list of pairs',
    () => [
      ['x-list', '2'],
      ['X-A', '1'],
      ['X-List', '3'],
      ['x-simulator', script],
      ['x-none', null],
    ],
  ],
  [
    'a Map',
    () =>
      new Map<string, HeaderValue>([
        ['X-A', '1'],
        ['x-list', ['2', '3']],
        ['x-simulator', script],
      ]),
  ],
];

for (const [name, headers] of CONTAINERS) {
  test(`${name} of headers is taken, of a client, a child and a call`, async (t) => {
    const { client, simulator } = await pair(t);
    const expectSent = (): void => {
      const sent = simulator.received.at(-1);
      assert.equal(sent?.header('x-a'), '1');
      const list = sent?.headers.filter(([key]) => key === 'x-list').map(([, value]) => value);
      assert.deepEqual(list, ['2', '3']);
    };
    await client.get('/x', { headers: headers() });
    expectSent();
    await client.extend({ headers: headers() }).get('/x');
    expectSent();
    const res = await client
      .extend({ headers: { 'x-A': 'replaced', 'X-LIST': 'replaced' } })
      .get('/x', { headers: headers() });
    expectSent();
    const merged = new Headers(Object.entries(res.config.headers as Record<string, string>));
    assert.equal(merged.get('x-a'), '1', 'the options of the answer say what was sent');
  });
}

test('fetch’s Headers and the headers of an answer are taken', async (t) => {
  const { client, simulator } = await pair(t);
  const given = new Headers({ 'x-a': '1', 'x-simulator': script });
  const { headers } = await client.get('/x', { headers: given });
  assert.equal(simulator.received[0]?.header('x-a'), '1');
  simulator.always({ echo: true });
  await client.get('/x', { headers });
  assert.equal(simulator.received[1]?.header('request-id'), headers['request-id']);
});

test('anything else is refused at once, and what would do is said', async () => {
  const wrong: [unknown, RegExp][] = [
    ['x-a: 1', /got a string/],
    [5, /got 5/],
    [new Settings(), /got an instance of Settings/],
    [new Set(['a']), /got an instance of Set/],
    [['x-a', '1'], /number 1 of the list is no such pair/],
    [[['x-a', '1'], ['x-b']], /number 2 of the list/],
    [[['x-a', '1', '2']], /number 1/],
    [new Map([[1, '1']]), /number 1/],
    [new Date(), /got an instance of Date/],
    [(function* () {})(), /got/],
  ];
  const client = createClient({ baseURL: 'http://127.0.0.1:1' });
  for (const [headers, reason] of wrong) {
    const isOurs = (error: ConfigError) => {
      assert.ok(error instanceof ConfigError, `${error}`);
      assert.match(error.message, /`headers` must be an object, a Map, a Headers or a list of \[name, value\] pairs/);
      assert.match(error.message, reason);
      return true;
    };
    assert.throws(() => createClient({ headers: headers as never }), isOurs);
    await assert.rejects(client.get('/x', { headers: headers as never }), isOurs);
  }
});

test('a key that was pasted as the name of a header is not repeated', async () => {
  const client = createClient({ baseURL: 'http://127.0.0.1:1' });
  await assert.rejects(client.get('/x', { headers: { 'my secret key': '1' } }), (error: ConfigError) => {
    assert.match(error.message, /a text of 13 characters in `headers` is not a header name: character 3 is a space/);
    assert.doesNotMatch(error.message, /secret/);
    return true;
  });
});

test('cookies that are set are a list, as in Node and axios, and read as in fetch', async (t) => {
  const { client } = await pair(t);
  const cookies = ['a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT', 'b=2'];
  const many = await client.get('/x', answering({ body: '{}', headers: { 'set-cookie': cookies, vary: ['a', 'b'] } }));
  assert.deepEqual(many.headers['set-cookie'], cookies);
  assert.deepEqual(many.headers.getSetCookie(), cookies);
  assert.equal(many.headers.get('Set-Cookie'), cookies.join(', '));
  assert.deepEqual(
    [...many.headers].filter(([name]) => name === 'set-cookie').map(([, value]) => value),
    cookies,
  );
  assert.equal(many.headers['vary'], 'a, b');
  many.headers['set-cookie'].push('c=3');
  assert.deepEqual(many.headers.getSetCookie(), cookies, 'nobody changes what was received');
  const one = await client.get('/x', answering({ body: '{}', headers: { 'set-cookie': 'a=1' } }));
  assert.deepEqual(one.headers['set-cookie'], ['a=1']);
  const none = await client.get('/x', answering({ body: '{}' }));
  assert.equal(none.headers['set-cookie'], undefined);
  assert.deepEqual(none.headers.getSetCookie(), []);
  const failed = answering({ status: 500, headers: { 'set-cookie': cookies } });
  await assert.rejects(client.get('/x', failed), (error: { response: { headers: Record<string, unknown> } }) => {
    assert.deepEqual(error.response.headers['set-cookie'], cookies);
    return true;
  });
});
