// What goes wrong comes back as a class with facts, and never with a secret.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import * as api from 'trae-native';
import { ConnectionError, createClient, RateLimitError, TraeError } from 'trae-native';
import { answering, message, pair } from './helpers/simulator.mts';

const STATUSES: [number, string, string, boolean][] = [
  [400, 'BadRequestError', 'BAD_REQUEST', false],
  [401, 'AuthenticationError', 'AUTHENTICATION', false],
  [402, 'HttpError', 'HTTP_STATUS', false],
  [403, 'PermissionError', 'PERMISSION', false],
  [404, 'NotFoundError', 'NOT_FOUND', false],
  [408, 'HttpError', 'HTTP_STATUS', true],
  [409, 'ConflictError', 'CONFLICT', true],
  [413, 'RequestTooLargeError', 'REQUEST_TOO_LARGE', false],
  [422, 'UnprocessableError', 'UNPROCESSABLE', false],
  [429, 'RateLimitError', 'RATE_LIMIT', true],
  [500, 'ServerError', 'SERVER', true],
  [504, 'ServerError', 'SERVER', true],
  [529, 'OverloadedError', 'OVERLOADED', true],
];

test('an error may be made by hand, as any other is', () => {
  const cause = new Error('why');
  const error = new RateLimitError('too many', { cause });
  assert.ok(error instanceof TraeError && error instanceof Error);
  assert.deepEqual([error.name, error.message, error.cause], ['RateLimitError', 'too many', cause]);
  assert.deepEqual([error.code, new ConnectionError('x').code], ['RATE_LIMIT', 'CONNECTION']);
  assert.equal(new TraeError().message, '');
});

test('each status is its class, with the type, message and id that the API gave', async (t) => {
  const { client } = await pair(t);
  for (const [status, name, code, retryable] of STATUSES) {
    await assert.rejects(client.post('/v1/messages', message(), answering({ status })), (error: TraeError) => {
      assert.equal(error.name, name);
      assert.ok(error instanceof (api as never as Record<string, typeof TraeError>)[name]);
      assert.ok(error instanceof api.HttpError && error instanceof api.TraeError && error instanceof Error);
      assert.equal(error.code, code);
      assert.equal(error.status, status);
      assert.equal(error.retryable, retryable);
      assert.match(error.requestId ?? '', /^req_/);
      assert.equal(error.response?.data.type, 'error');
      assert.equal(error.type, error.response?.data.error.type);
      assert.match(error.message, new RegExp(`${status}`));
      return true;
    });
  }
});

test('a body that is no JSON is excerpted', async (t) => {
  const { client } = await pair(t);
  const body = `<html>${'x'.repeat(5000)}</html>`;
  const reply = answering({ status: 504, body, headers: { 'content-type': 'text/html' } });
  await assert.rejects(client.get('/x', reply), (error: TraeError) => {
    assert.ok(error.message.length < 400, error.message);
    assert.equal(error.response?.data, body);
    return true;
  });
});

test('retry-after is read in seconds, in milliseconds and as a date', async (t) => {
  const { client } = await pair(t);
  const after = async (headers: Record<string, string>) => {
    const error = await client.get('/x', answering({ status: 429, headers })).catch((error: TraeError) => error);
    return (error as TraeError).retryAfterMs;
  };
  assert.equal(await after({ 'retry-after': '2' }), 2000);
  assert.equal(await after({ 'retry-after': '9', 'retry-after-ms': '1500' }), 1500);
  const date = await after({ 'retry-after': new Date(Date.now() + 60_000).toUTCString() });
  assert.ok(date !== undefined && date > 50_000 && date <= 60_000, `${date}`);
  assert.equal(await after({ 'retry-after': 'soon' }), undefined);
});

test('validateStatus decides what an answer is', async (t) => {
  const { client } = await pair(t);
  const reply = (status: number) => answering({ status, body: { a: 1 } });
  const all = await client.get('/x', { validateStatus: null, ...reply(404) });
  assert.equal(all.status, 404);
  assert.deepEqual(all.data, { a: 1 });
  const some = await client.get('/x', { validateStatus: (status) => status < 500, ...reply(404) });
  assert.equal(some.status, 404);
  await assert.rejects(client.get('/x', { validateStatus: (status) => status === 201, ...reply(200) }), api.HttpError);
});

test('a JSON answer that is no JSON is a ParseError that does not repeat it', async (t) => {
  const { client } = await pair(t);
  const reply = answering({ body: '{"private": oops', headers: { 'content-type': 'application/json' } });
  await assert.rejects(client.get('/x', reply), (error: TraeError) => {
    assert.ok(error instanceof api.ParseError);
    assert.doesNotMatch(inspect(error), /private/);
    return true;
  });
});

test('nobody listening, no such name and a broken connection are ConnectionErrors with their codes', async (t) => {
  const { client, simulator } = await pair(t);
  await assert.rejects(client.get('/x', answering({ raw: '' })), { code: /CONNECTION|INCOMPLETE/ });
  await assert.rejects(
    client.get('/x', answering({ body: 'x'.repeat(1000), cutAfterBytes: 10 })),
    (error: TraeError) => {
      assert.ok(error instanceof api.ConnectionError, error.code);
      return true;
    },
  );
  await simulator.close();
  await assert.rejects(client.get('/x'), (error: TraeError) => {
    assert.ok(error instanceof api.ConnectionError);
    assert.equal(error.code, 'CONNECTION_REFUSED');
    assert.equal(error.phase, 'connect');
    assert.match(error.message, /127\.0\.0\.1/);
    return true;
  });
  const nowhere = createClient({ baseURL: 'http://no-such-host.invalid', proxy: false });
  await assert.rejects(nowhere.get('/'), { code: 'DNS', name: 'ConnectionError' });
});

test('nothing that can be printed shows a credential', async (t) => {
  const key = 'sk-ant-very-secret';
  const { client } = await pair(t, { headers: { 'x-api-key': key, Authorization: `Bearer ${key}`, cookie: key } });
  const res = await client.post(`/v1/messages?key=${key}`, message(), { headers: { 'api-key': key } });
  const error = await client.get('/x', answering({ status: 401 })).catch((error: unknown) => error);
  const down = createClient({
    baseURL: 'http://127.0.0.1:1',
    proxy: `http://user:${key}@127.0.0.1:1`,
    headers: { 'x-api-key': key },
  });
  const refused = await down.get(`/x?key=${key}`).catch((error: unknown) => error);
  const things = {
    client,
    config: client.config,
    res,
    resConfig: res.config,
    headers: res.headers,
    error,
    down,
    refused,
  };
  for (const [name, thing] of Object.entries(things)) {
    for (const shown of [
      inspect(thing, { depth: 9 }),
      inspect(thing, { showHidden: true, depth: 9 }),
      JSON.stringify(thing),
      String(thing),
    ]) {
      assert.ok(!shown?.includes(key), `${name} shows the key: ${shown?.slice(0, 300)}`);
    }
  }
  for (const proxy of [`http://u:${key}@h:1`, `http://u:${key}@x@h:1`, { url: `http://u:${key}@h:1` }]) {
    assert.ok(!inspect(createClient({ proxy }), { depth: 9 }).includes(key));
  }
  assert.equal((client.config.headers as Record<string, string>)['x-api-key'], key);
});

test('what a caller’s own function throws is what the call rejects with', async (t) => {
  const { client } = await pair(t);
  const oops = new Error('mine');
  const throwing = () => {
    throw oops;
  };
  const isMine = (error: unknown) => error === oops;
  await assert.rejects(client.get('/v1/models', { validateStatus: throwing }), isMine);
  await assert.rejects(client.stream('/v1/messages', { stream: true }, { validateStatus: throwing }), isMine);
  await assert.rejects(client.get('/v1/models', { transformResponse: throwing }), isMine);
  await assert.rejects(client.post('/v1/messages', message(), { transformRequest: throwing }), isMine);
  assert.equal(client.stats().pending, 0);
});

test('an error whose causes lead back to it is printed once', () => {
  const first = new TraeError('first');
  const second = new RateLimitError('second', { cause: new Error('between', { cause: first }) });
  Object.assign(first, { cause: second });
  for (const error of [first, second]) {
    const text = inspect(error);
    assert.ok(text.length < 10_000, `${text.length}`);
    assert.match(text, /first.*second|second.*first/s);
    assert.match(text, /\[circular (Trae|RateLimit)Error\]/);
    assert.equal(inspect(error), text, 'and the next time as well');
  }
});

test('an abort before anything was sent has no attempts, and says no key of its reason', async (t) => {
  const { client, simulator } = await pair(t);
  const signal = AbortSignal.abort(new Error('enough of sk-ant-api03-hush-4711'));
  await assert.rejects(client.get('/v1/models', { signal }), (error: TraeError) => {
    assert.deepEqual([error.attempts, error.phase], [0, 'prepare']);
    assert.equal(error.message, 'the call was aborted: enough of [redacted]');
    return true;
  });
  assert.equal(simulator.received.length, 0);
});
