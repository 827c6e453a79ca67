// What people already use, on `client.fetch`: each asks, streams, is refused and gives up, as on Node's own.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createAnthropic } from '@ai-sdk/anthropic';
import Anthropic from '@anthropic-ai/sdk';
import { generateText, streamText } from 'ai';
import ky, { HTTPError, TimeoutError } from 'ky';
import OpenAI from 'openai';
import { retry, type TraeError } from 'trae-native';
import type { Simulator } from 'trae-native/simulator';
import { answering, collect, counters, pair, until } from './helpers/simulator.mts';

const BODY = { model: 'any-model', max_tokens: 64, messages: [{ role: 'user' as const, content: 'Hello' }] };

async function official(t: Parameters<typeof pair>[0], config = {}) {
  const { client, simulator } = await pair(t);
  const options = { apiKey: 'key-1', baseURL: simulator.url, maxRetries: 0, ...config };
  return { client, simulator, sdk: new Anthropic({ ...options, fetch: client.fetch }), own: new Anthropic(options) };
}

/** What was sent, of which the connection's own headers are no part. */
function sentBy({ received }: Simulator, number: number): unknown {
  const { method, path, body, headers } = received[number] as (typeof received)[number];
  const own = /^(host|connection|accept-encoding|accept-language|sec-fetch-mode|content-length|transfer-encoding): /;
  const lines = headers.map(([name, value]) => `${name}: ${value}`).filter((line) => !own.test(line));
  return [method, path, body.toString(), lines.sort()];
}

test('the official SDK asks and streams as on its own fetch', async (t) => {
  const { sdk, own, simulator } = await official(t);
  const message = await sdk.messages.create(BODY);
  const same = await own.messages.create(BODY);
  assert.deepEqual(JSON.parse(JSON.stringify(message)), JSON.parse(JSON.stringify(same)));
  assert.match(message._request_id ?? '', /^req_/);
  assert.deepEqual(sentBy(simulator, 0), sentBy(simulator, 1));
  const events = await collect(await sdk.messages.create({ ...BODY, stream: true }));
  assert.deepEqual(events, await collect(await own.messages.create({ ...BODY, stream: true })));
  const { data, response } = await sdk.messages.create(BODY).withResponse();
  assert.deepEqual([data.role, response instanceof Response], ['assistant', true]);
  const helped = sdk.messages.stream(BODY);
  const texts: string[] = [];
  helped.on('text', (text) => texts.push(text));
  const final = await helped.finalMessage();
  assert.equal(texts.join(''), final.content[0]?.type === 'text' && final.content[0].text);
});

test('the official SDK makes the same of every transcript', async (t) => {
  const { sdk, own, simulator } = await official(t);
  const folder = new URL('../tests/fixtures/', import.meta.url);
  const names = readdirSync(folder).filter((name) => name.endsWith('.jsonl'));
  assert.ok(names.length > 5);
  for (const name of names) {
    simulator.always({ transcript: fileURLToPath(new URL(name, folder)) });
    const outcome = (from: Anthropic) =>
      from.messages
        .stream(BODY)
        .finalMessage()
        .catch((error) => [error.constructor.name, error.message]);
    assert.deepEqual(await outcome(sdk), await outcome(own), name);
  }
});

test('the message of each recorded stream is the one that the official SDK makes of the same bytes', async (t) => {
  const { own, simulator, client } = await official(t);
  const folder = new URL('../tests/fixtures/', import.meta.url);
  // It refuses a message that begins twice, which servers have been seen to send.
  const refused = ['duplicate_start.jsonl', 'error_midway.jsonl'];
  const names = readdirSync(folder).filter((name) => name.endsWith('.jsonl') && !refused.includes(name));
  assert.ok(names.length > 4);
  for (const name of names) {
    simulator.always({ transcript: fileURLToPath(new URL(name, folder)) });
    const ours = await (await client.stream('/v1/messages', { ...BODY, stream: true })).finalMessage();
    const theirs = await own.beta.messages.stream(BODY).finalMessage();
    const plain = JSON.parse(JSON.stringify(theirs, (key, value) => (key === 'parsed_output' ? undefined : value)));
    assert.deepEqual(ours, plain, name);
  }
});

test('the official SDK has its errors, its retries and its aborts', async (t) => {
  const { sdk, simulator } = await official(t);
  for (const [status, kind] of [
    [400, Anthropic.BadRequestError],
    [401, Anthropic.AuthenticationError],
    [404, Anthropic.NotFoundError],
    [429, Anthropic.RateLimitError],
    [529, Anthropic.InternalServerError],
  ] as const) {
    simulator.reply({ status });
    const error = await sdk.messages.create(BODY).catch((error) => error);
    assert.ok(error instanceof kind, `${status}: ${error}`);
    assert.match(error.requestID ?? '', /^req_/);
  }
  simulator.clear();
  simulator.reply([{ status: 500, headers: { 'retry-after-ms': '1' } }, { raw: 'nonsense' }]);
  await sdk.messages.create(BODY, { maxRetries: 2 });
  assert.deepEqual(
    simulator.received.map((received) => received.header('x-stainless-retry-count')),
    ['0', '1', '2'],
  );
  simulator.reply({ errorAt: { index: 2, type: 'overloaded_error' } });
  const broken = await collect(await sdk.messages.create({ ...BODY, stream: true })).catch((error) => error);
  assert.ok(broken instanceof Anthropic.APIError, String(broken));
  simulator.reply({ hang: 'headers' });
  const late = await sdk.messages.create(BODY, { timeout: 30 }).catch((error) => error);
  assert.ok(late instanceof Anthropic.APIConnectionTimeoutError, String(late));
  const given = new AbortController();
  simulator.reply({ hang: 'headers' });
  const call = sdk.messages.create(BODY, { signal: given.signal }).catch((error) => error);
  setTimeout(() => given.abort(), 20);
  assert.ok((await call) instanceof Anthropic.APIUserAbortError);
  const stream = await sdk.messages.create({ ...BODY, stream: true }, answering({ events: 100_000, paceMs: 1 }));
  for await (const _ of stream) break;
  await until(() => counters()[1] === 0, 'the stream that was left is given up');
  const refused = new Anthropic({ apiKey: 'k', baseURL: 'http://127.0.0.1:1', maxRetries: 0, fetch: fetchOf(t) });
  const error = await refused.messages.create(BODY).catch((error) => error);
  assert.ok(error instanceof Anthropic.APIConnectionError);
  const { cause } = error.cause as Error;
  assert.equal((cause as TraeError).code, 'CONNECTION_REFUSED');
});

function fetchOf(t: Parameters<typeof pair>[0]): typeof fetch {
  const client = pair(t, { allowAbsoluteUrls: true });
  return async (...args) => (await client).client.fetch(...args);
}

test('the official SDK uploads files and pages through lists', async (t) => {
  const { sdk, simulator } = await official(t);
  simulator.reply({ body: { id: 'file_1', type: 'file' } });
  const uploaded = await sdk.beta.files.upload({ file: new File(['content'], 'a.txt', { type: 'text/plain' }) });
  assert.equal(uploaded.id, 'file_1');
  const received = simulator.received.at(-1);
  assert.match(received?.header('content-type') ?? '', /^multipart\/form-data; boundary=/);
  assert.match(received?.body.toString() ?? '', /filename="a.txt"[\s\S]*content/);
  simulator.reply({ body: 'bytes', headers: { 'content-type': 'application/octet-stream' } });
  const file = await sdk.beta.files.download('file_1');
  assert.equal(await file.text(), 'bytes');
  const page = (id: string, more: boolean) => ({ body: { data: [{ id }], has_more: more, first_id: id, last_id: id } });
  simulator.reply([page('a', true), page('b', false)]);
  assert.deepEqual(
    (await collect(sdk.models.list())).map(({ id }) => id),
    ['a', 'b'],
  );
});

test("the client's retries and middlewares work underneath", async (t) => {
  const { sdk, client, simulator } = await official(t);
  const seen: unknown[] = [];
  client.use(async (req, next) => {
    const res = await next();
    seen.push([req.method, new URL(req.url).pathname, res.status, res.attempts]);
    return res;
  });
  client.use(retry({ base: 1 }));
  simulator.reply([{ status: 529 }, { status: 529 }]);
  const message = await sdk.messages.create(BODY);
  assert.equal(message.role, 'assistant');
  const events = await collect(await sdk.messages.create({ ...BODY, stream: true }));
  assert.equal(events.at(-1)?.type, 'message_stop');
  assert.deepEqual(seen, [
    ['POST', '/v1/messages', 200, 3],
    ['POST', '/v1/messages', 200, 1],
  ]);
});

test('the openai SDK asks, streams and has its errors', async (t) => {
  const { client, simulator } = await pair(t);
  const openai = new OpenAI({ apiKey: 'k', baseURL: `${simulator.url}/v1`, maxRetries: 0, fetch: client.fetch });
  const choice = (text: string) => ({ choices: [{ index: 0, delta: { content: text } }] });
  const ask = { model: 'm', messages: [{ role: 'user' as const, content: 'Hi' }] };
  simulator.reply({ body: { id: 'c1', choices: [{ message: { role: 'assistant', content: 'Hello' } }] } });
  assert.equal((await openai.chat.completions.create(ask)).choices[0]?.message.content, 'Hello');
  const sse = ['Hel', 'lo'].map((text) => `data: ${JSON.stringify(choice(text))}\n\n`).join('');
  simulator.reply({ sse: `${sse}data: [DONE]\n\n` });
  const chunks = await collect(await openai.chat.completions.create({ ...ask, stream: true }));
  assert.equal(chunks.map((chunk) => chunk.choices[0]?.delta.content).join(''), 'Hello');
  simulator.reply({ status: 429 });
  const error = await openai.chat.completions.create(ask).catch((error) => error);
  assert.ok(error instanceof OpenAI.RateLimitError, String(error));
});

test('the AI SDK generates, streams, and makes again what failed', async (t) => {
  const { client, simulator } = await pair(t);
  const anthropic = createAnthropic({ apiKey: 'k', baseURL: `${simulator.url}/v1`, fetch: client.fetch });
  const model = anthropic('any-model');
  const { text } = await generateText({ model, prompt: 'Hello' });
  assert.match(text, /Hello/);
  const { textStream } = streamText({ model, prompt: 'Hello' });
  assert.equal((await collect(textStream)).join(''), text);
  simulator.always({ status: 400 });
  const error = await generateText({ model, prompt: 'Hello', maxRetries: 0 }).catch((error) => error);
  assert.deepEqual([error.name, error.statusCode], ['AI_APICallError', 400]);
});

test('ky asks, makes again, is refused and gives up', async (t) => {
  const { client, simulator } = await pair(t);
  const api = ky.create({ prefixUrl: simulator.url, fetch: client.fetch, retry: { limit: 2, delay: () => 1 } });
  assert.deepEqual(await api.get('a', answering({ body: { a: 1 } })).json(), { a: 1 });
  simulator.reply([{ status: 503 }, { body: 'well' }]);
  assert.equal(await api.put('b', { json: { b: 1 } }).text(), 'well');
  assert.deepEqual(
    simulator.received.slice(1).map((received) => received.json()),
    [{ b: 1 }, { b: 1 }],
  );
  const refused = await api
    .post('c', { json: {}, ...answering({ status: 404, body: 'none' }) })
    .catch((error) => error);
  assert.ok(refused instanceof HTTPError);
  assert.deepEqual([refused.response.status, await refused.response.text()], [404, 'none']);
  const late = await api.get('d', { timeout: 30, ...answering({ hang: 'headers' }) }).catch((error) => error);
  assert.ok(late instanceof TimeoutError, String(late));
  const progress: number[] = [];
  const onDownloadProgress = ({ transferredBytes }: { transferredBytes: number }) =>
    void progress.push(transferredBytes);
  await api.get('e', { onDownloadProgress, ...answering({ body: 'abc' }) }).text();
  assert.equal(progress.at(-1), 3);
});
