// validate(): answers, messages and events are what a schema says, or an error that tells nobody what they are.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { type } from 'arktype';
import {
  ConfigError,
  IncompleteStreamError,
  type Middleware,
  type Schema,
  ServerError,
  type TraeError,
  timeout,
  ValidationError,
  validate,
} from 'trae-native';
import * as v from 'valibot';
import { z } from 'zod';
import { answering, collect, message, pair, until } from './helpers/simulator.mts';

const Completion = z.object({
  completion: z.string(),
  stop_reason: z.enum(['stop_sequence', 'max_tokens']),
  model: z.string(),
});
const good = { completion: 'Hi', stop_reason: 'stop_sequence', model: 'claude-2' };
const asked = { ...message('Hi'), stream: true };
const PRIVATE = 'a private answer';
const none = (): never => assert.fail('it was answered');

/** The same schema in the words of three libraries. */
const libraries: Record<string, Schema> = {
  zod: z.object({ a: z.object({ list: z.array(z.string()) }) }),
  valibot: v.object({ a: v.object({ list: v.array(v.string()) }) }),
  arktype: type({ a: { list: 'string[]' } }),
};

const invalid = (words: RegExp) => (error: ValidationError) => {
  assert.ok(error instanceof ValidationError, `${error}`);
  assert.equal(error.code, 'VALIDATION');
  assert.match(error.message, words);
  return true;
};

for (const [library, schema] of Object.entries(libraries))
  test(`an answer is held to a schema of ${library}, and the error names the place and nothing of the answer`, async (t) => {
    const { client, simulator } = await pair(t);
    client.use(validate(schema));
    const body = { a: { list: ['x', 'y'] } };
    simulator.reply([{ body }, { body: { a: { list: ['x', { [PRIVATE]: PRIVATE }] } } }, { body: [PRIVATE] }]);
    assert.deepEqual((await client.post('/x')).data, body);
    const caught: ValidationError = await client.post('/x?q=1').then(none, (error) => error);
    assert.ok(invalid(/^the answer is not what the schema .* at a\.list\[1\]; error\.issues says why$/)(caught));
    assert.equal(caught.issues.length, 1);
    const { phase, status, retryable, attempts, requestId, request } = caught;
    assert.deepEqual(
      { phase, status, retryable, attempts },
      { phase: 'body', status: 200, retryable: false, attempts: 1 },
    );
    assert.ok(requestId?.startsWith('req_'));
    assert.equal(request?.method, 'POST');
    const printed = [inspect(caught), inspect({ caught }, { depth: 9 }), JSON.stringify(caught), caught.stack];
    assert.ok(!Object.keys(caught).includes('issues') && !printed.join('\n').includes(PRIVATE), printed.join('\n'));
    await assert.rejects(client.post('/x'), invalid(/at (its root|a);/));
  });

test('the schema’s output takes the place of the data, also of one that takes its time', async (t) => {
  const { client, simulator } = await pair(t);
  const slow = z.object({ n: z.number() }).transform(async ({ n }) => new Date(n));
  simulator.always({ body: { n: 5 } });
  const { data } = await client.get('/x', { middlewares: [validate(slow)] });
  assert.deepEqual(data, new Date(5));
  const { data: text } = await client.get('/x', { responseType: 'text', middlewares: [validate(z.string().max(9))] });
  assert.equal(text, '{"n":5}');
  await assert.rejects(
    client.get('/x', { middlewares: [validate(slow.refine(async () => false))] }),
    invalid(/at its root/),
  );
});

test('a call with skipValidation passes by', async (t) => {
  const { client, simulator } = await pair(t);
  client.use(validate(Completion)).use(validate(z.never(), { on: 'event' }));
  simulator.reply([{ body: good }, { body: { completion: 1 } }]);
  assert.deepEqual((await client.post('/complete')).data, good);
  assert.deepEqual((await client.post('/complete', {}, { skipValidation: true })).data, { completion: 1 });
  const stream = await client.stream('/v1/messages', asked, { skipValidation: true });
  assert.ok((await collect(stream)).length > 3);
});

test('many places are named up to five, each once, and long or odd names are cut and quoted', async (t) => {
  const { client, simulator } = await pair(t);
  const long = 'n'.repeat(100);
  const keys = ['a b', long, `sk-ant-${'secret'.repeat(2)}`, 'd', 'e', 'f', 'g'];
  simulator.always({ body: Object.fromEntries(keys.map((key) => [key, 'x'])) });
  const caught: ValidationError = await client
    .get('/x', { middlewares: [validate(z.record(z.string(), z.number()))] })
    .then(none, (error) => error);
  assert.ok(invalid(/ at \["a b"\], \["n{40}…"\], .*, d, e and 2 more places; /)(caught));
  assert.equal(caught.issues.length, 7);
  assert.ok(!caught.message.includes('secretsecret'));
});

test('what the schema itself throws is what the caller catches', async (t) => {
  const { client } = await pair(t);
  const mine = new RangeError('mine');
  const throwing = z.unknown().transform(() => {
    throw mine;
  });
  await assert.rejects(
    client.post('/v1/messages', message(), { middlewares: [validate(throwing)] }),
    (e) => e === mine,
  );
});

test('an error of the server stays what it is, wherever validate() stands and whoever judges the status', async (t) => {
  const { client, simulator } = await pair(t);
  simulator.always({ status: 500 });
  for (const native of [false, true])
    for (const validateStatus of [undefined, (status: number) => status < 300]) {
      const own = client.extend({ ...(validateStatus && { validateStatus }) });
      if (native) own.use(timeout());
      await assert.rejects(own.use(validate(Completion)).post('/x'), ServerError);
    }
  const kind = validate(z.object({ type: z.literal('error') }).loose());
  assert.equal((await client.post('/x', {}, { validateStatus: null, middlewares: [kind] })).status, 500);
});

test('of a stream the message is validated when it is complete, and stays the reader’s', async (t) => {
  const { client } = await pair(t);
  const plain = await collect(await client.stream('/v1/messages', asked));
  const Message = z.object({ role: z.literal('assistant'), content: z.array(z.object({ text: z.string().max(12) })) });
  client.use(validate(Message));
  assert.equal((await client.post('/v1/messages', message('Hi'))).data.content[0].text, 'You said: Hi');
  const shape = (events: { type: string }[]) => events.map(({ type }) => type);
  const stream = await client.stream('/v1/messages', asked);
  assert.deepEqual(shape(await collect(stream)), shape(plain));
  const seen: { type: string }[] = [];
  const read = async () => {
    for await (const event of await client.stream('/v1/messages', { ...message('Hello'), stream: true }))
      seen.push(event);
  };
  // The last event says that the message is complete and good; it is not said of one that is not.
  await assert.rejects(read, invalid(/^the message of the stream is not what .* at content\[0\]\.text;/));
  assert.deepEqual([seen[0]?.type, seen.at(-1)?.type], ['message_start', 'message_delta']);
});

test('the message of each transcript has everything that its events said', async (t) => {
  const { client, simulator } = await pair(t);
  const fixtures = new URL('../tests/fixtures/', import.meta.url);
  const messages: Record<string, { content: Record<string, unknown>[]; usage: object; stop_reason: string }> = {};
  for (const name of readdirSync(fixtures).filter((file) => file.endsWith('.jsonl') && file !== 'error_midway.jsonl')) {
    const lines = readFileSync(new URL(name, fixtures), 'utf8').split('\n').filter(Boolean);
    simulator.reply({ transcript: lines });
    const keep = z.unknown().transform((whole) => (messages[name] = whole as never));
    const events = await collect(await client.stream('/v1/messages', asked, { middlewares: [validate(keep)] }));
    const expected = lines.map((line) => JSON.parse(line)).filter((event) => event.type !== 'ping');
    assert.deepEqual(events, expected.slice(0, events.length), `the events of ${name} are as they came`);
  }
  const { 'tool_use.jsonl': tool, 'server_tool.jsonl': search, 'thinking.jsonl': thinking } = messages;
  assert.deepEqual(
    tool?.content.map(({ text, input }) => text ?? input),
    ['Let me look.', { port: 'Brest', days: 3 }, {}],
  );
  assert.deepEqual([tool?.stop_reason, tool?.usage], ['tool_use', { input_tokens: 12, output_tokens: 20 }]);
  assert.deepEqual(search?.content[0]?.['input'], { query: 'lighthouse height' });
  assert.equal([search?.content[2]?.['citations']].flat().length, 1);
  const kinds = thinking?.content.map((block) => [block['type'], typeof block['signature']]);
  assert.deepEqual(kinds?.[0], ['thinking', 'string']);
  assert.equal(messages['duplicate_start.jsonl']?.content[0]?.['text'], 'Once.');
});

test('a tool’s input that was cut off stays a text', async (t) => {
  const { client } = await pair(t);
  const transcript = [
    { type: 'message_start', message: { id: 'm', content: [], usage: { output_tokens: 1 } } },
    { type: 'content_block_start', index: 0, content_block: { type: 'tool_use', input: {} } },
    { type: 'content_block_delta', index: 0, delta: { type: 'input_json_delta', partial_json: '{"city":"Br' } },
    { type: 'content_block_delta', index: 7, delta: { type: 'text_delta', text: 'of no block' } },
    { type: 'content_block_stop', index: 0 },
    { type: 'message_delta', delta: { stop_reason: 'max_tokens' }, usage: { output_tokens: 9, input_tokens: null } },
    { type: 'message_stop' },
  ];
  const Input = z.object({ content: z.array(z.object({ input: z.record(z.string(), z.unknown()) })) });
  const stream = await client.stream('/v1/messages', asked, {
    middlewares: [validate(Input)],
    ...answering({ transcript }),
  });
  await assert.rejects(collect(stream), invalid(/at content\[0\]\.input;/));
});

test('a stream that makes no message, and bytes, are not taken for valid', async (t) => {
  const { client, simulator } = await pair(t);
  client.use(validate(z.any()));
  const other = await client.stream('/x', {}, answering({ sse: 'data: {"choices":[]}\n\n' }));
  await assert.rejects(collect(other), invalid(/^the stream had no message to validate: use validate\(schema, /));
  const bytes = client.post('/x', {}, { responseType: 'stream', ...answering({ events: 50_000 }) });
  await assert.rejects(bytes, invalid(/stream of bytes/));
  await until(() => simulator.counters.connectionsOpen <= 1 && client.stats().pending === 0, 'the bytes are left');
  const cut = await client.stream('/v1/messages', asked, answering({ cutAfterEvents: 4, cut: 'end' }));
  await assert.rejects(collect(cut), IncompleteStreamError);
});

const Event = z.looseObject({ type: z.string(), delta: z.object({ text: z.string().max(6).optional() }).optional() });

test('each event is validated and becomes the schema’s output; the first that fails ends the stream', async (t) => {
  const { client, simulator } = await pair(t);
  const own = client.use(
    validate(
      Event.transform(({ type: kind, delta }) => delta?.text ?? kind),
      { on: 'event' },
    ),
  );
  const res = await own.post('/v1/messages', message('Hi'));
  assert.equal(res.data.role, 'assistant');
  const stream = await own.stream('/v1/messages', { ...message('Hi'), stream: true });
  const events: string[] = await collect(stream);
  assert.ok(events.includes('You ') && events.includes('message_stop'), events.join());
  const seen: string[] = [];
  const transcript = [{ type: 'a' }, { type: 'b' }, { type: 'c', delta: { text: PRIVATE } }, { type: 'd' }];
  const failing = await own.stream('/x', {}, answering({ transcript, hangAfterEvents: 4 }));
  const read = async () => {
    for await (const event of failing) seen.push(event);
  };
  await assert.rejects(read, (error: TraeError) => {
    assert.ok(invalid(/^an event is not what the schema .* at delta\.text;/)(error as ValidationError));
    assert.ok(error.requestId === failing.requestId && !inspect(error).includes(PRIVATE));
    return true;
  });
  assert.deepEqual(seen, ['a', 'b']);
  await until(() => simulator.received.at(-1)?.aborted === true, 'the server has seen it leave');
});

test('schemas that take their time validate streams too', async (t) => {
  const { client } = await pair(t);
  const kind = Event.transform(async ({ type }) => type);
  const later = z.looseObject({ role: z.string() }).refine(async ({ role }) => role === 'assistant');
  client.use(validate(later)).use(
    validate(
      Event.refine(async () => true),
      { on: 'event' },
    ),
  );
  assert.equal((await collect(await client.stream('/v1/messages', asked))).at(-1)?.type, 'message_stop');
  const kinds = client.extend().use(validate(kind, { on: 'event' }));
  const stream = await kinds.stream('/v1/messages', asked, { middlewares: [] });
  await assert.rejects(collect(stream), invalid(/at its root/));
});

test('a stream that is validated and dropped without a word ends', async (t) => {
  const { client } = await pair(t);
  const reply = answering({ events: 1000, paceMs: 20 });
  for (const on of ['answer', 'event'] as const)
    await client.stream('/v1/messages', asked, { ...reply, middlewares: [validate(z.any(), { on: on as 'event' })] });
  await until(() => {
    globalThis.gc?.();
    return client.stats().pending === 0;
  }, 'nothing is under way');
});

test('it stands within native middlewares and around one that asks again', async (t) => {
  const { client, simulator } = await pair(t);
  const again: Middleware = async (req, next) => {
    try {
      return await next();
    } catch (error) {
      if (!(error instanceof ValidationError) || req.attempt > 2) throw error;
      return next();
    }
  };
  client
    .use(again)
    .use(timeout())
    .use(validate(Completion.transform(({ completion }) => completion)));
  simulator.reply([{ body: {} }, { body: good }, { body: {} }, { body: {} }]);
  const res = await client.post('/complete');
  assert.equal(res.data, 'Hi');
  assert.equal(res.attempts, 2);
  await assert.rejects(client.post('/complete'), { code: 'VALIDATION', attempts: 2 });
});

test('what is no schema and an option that nobody knows are refused at once', async () => {
  const wrongs: [unknown, unknown, RegExp][] = [
    [undefined, undefined, /takes a schema .* got undefined$/],
    [{ parse() {} }, undefined, /got an object$/],
    [() => true, undefined, /got a function$/],
    [{ '~standard': { version: 2, validate() {} } }, undefined, /got an object$/],
    [Completion, 'event', /options of validate\(\) must be an object, got a string$/],
    [Completion, { om: 'event' }, /unknown option `validate\.om`: did you mean `on`\?$/],
    [Completion, { on: 'message' }, /`validate\.on` must be 'answer' or 'event', got a string$/],
  ];
  for (const [schema, options, words] of wrongs)
    assert.throws(
      () => validate(schema as never, options as never),
      (error: ConfigError) => error instanceof ConfigError && words.test(error.message),
      `${words}`,
    );
});

test('a schema that breaks its contract is told so, or its issues told as far as they can be read', async (t) => {
  const { client } = await pair(t);
  const giving = (result: unknown): Schema => ({
    '~standard': { version: 1, vendor: 'own', validate: () => result as { value: unknown } },
  });
  const ask = (result: unknown) =>
    client.post('/v1/messages', message(), { middlewares: [validate(giving(result))] }).then(none, (error) => error);
  for (const result of [
    null,
    undefined,
    5,
    'x',
    Promise.resolve(null),
    { issues: 5 },
    { issues: 'abc' },
    { issues: null },
  ]) {
    const error = await ask(result);
    assert.ok(error instanceof ConfigError, inspect(error));
    assert.match(error.message, /^the schema of validate\(\) breaks its contract: /);
  }
  const long = Array.from({ length: 100_000 }, () => 'part');
  const many = Array.from({ length: 100_000 }, (_, at) => ({ message: 'x', path: [`at${at}`] }));
  const odd = [
    { path: [null] },
    { path: [{ key: {} }] },
    { path: [Symbol('s')] },
    { path: [undefined] },
    { path: [none] },
  ];
  for (const issues of [
    [null],
    [5],
    [{ path: 5 }],
    [{ path: 'abc' }],
    [{ path: null }],
    [{ path: long }],
    many,
    odd,
    [],
  ]) {
    const error = await ask({ issues });
    assert.ok(error instanceof ValidationError, inspect(error));
    assert.ok(error.message.length < 1000, `${error.message.length}`);
    assert.equal(error.issues, issues);
  }
});
