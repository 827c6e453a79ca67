// Compiled, never run: what the public types promise, and that the facade keeps it.

import type { Readable } from 'node:stream';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { type as ark } from 'arktype';
import { Registry } from 'prom-client';
import type * as Contract from 'trae-native';
import trae, {
  auth,
  type Client,
  createClient,
  type EventStream,
  HttpError,
  type MessageEvent,
  mapEvents,
  metrics,
  type RequestConfig,
  registerMetrics,
  retry,
  type SseEvent,
  type StopReason,
  TraeError,
  type TraeResponse,
  tool,
  tracing,
  ValidationError,
  validate,
} from 'trae-native';
import { createAdapter } from 'trae-native/axios';
import { createSimulator, type Simulator } from 'trae-native/simulator';
import { createScripted, record, replay } from 'trae-native/testing';
import * as v from 'valibot';
import { z } from 'zod';
import type * as axiosDoor from '../js/axios.js';
import type { Client as ClientFacade } from '../js/client.js';
import type { TraeError as ErrorFacade } from '../js/errors.js';
import type { Headers as HeadersFacade } from '../js/headers.js';
import type * as facade from '../js/index.js';
import type { TraeResponse as ResponseFacade } from '../js/response.js';
import type * as simulator from '../js/simulator.js';
import type { EventStream as StreamFacade } from '../js/stream.js';
import type * as testing from '../js/testing.js';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** What nobody has said anything about. */
// biome-ignore lint/suspicious/noExplicitAny: it is what is proven.
type Anything = any;
const proven = <T extends true>(): T => true as T;

interface Completion {
  completion: string;
}

export async function calls(client: Client): Promise<void> {
  const typed = await client.post<Completion>('/complete', { prompt: 'x' });
  proven<Equal<typeof typed, TraeResponse<Completion>>>();
  const bytes = await client.post('/x', {}, { responseType: 'stream' });
  proven<Equal<typeof bytes.data, Readable>>();
  const events = await client.get('/x', { responseType: 'events' });
  proven<Equal<typeof events.data, EventStream<MessageEvent>>>();
  const text = await client.get('/x', { responseType: 'text' });
  proven<Equal<typeof text.data, string>>();
  const warm = await client.warmup({ connections: 2, prompt: { max_tokens: 1 }, every: 30_000 });
  proven<Equal<(typeof warm.connections)[0]['connectMs'], number | null>>();
  // @ts-expect-error a method that has an effect
  await client.warmup({ method: 'POST' });
  const sse = await client.stream('/x', {}, { responseType: 'sse' });
  for await (const event of sse) proven<Equal<typeof event, SseEvent>>();
  for await (const event of await client.stream('/x')) proven<Equal<typeof event, MessageEvent>>();
  // @ts-expect-error: an option that nobody knows
  createClient({ timout: 5 });
  // @ts-expect-error: not a limit
  await client.get('/x', { timeout: 'slow' });
  // @ts-expect-error: streams are opened by calls
  new sse.constructor.EventStream();
  client
    .use(metrics({ labels: ['model'], buckets: [1] }))
    .use(tracing())
    .metrics('openmetrics') satisfies string;
  registerMetrics(client, new Registry()) satisfies () => void;
  tracing({ tracerProvider: new BasicTracerProvider() });
  // @ts-expect-error: a label that may have any value
  metrics({ labels: ['path'] });
  // @ts-expect-error: no such format
  client.metrics('xml');
  trae.create({ baseURL: 'http://x' }) satisfies Client;
  if (text instanceof TraeError) text.code satisfies string;
  (await createSimulator()) satisfies Simulator;
}

/** A schema's output is the type of `res.data`: of one call, or of all calls of the client that `use()` gives. */
export async function validation(client: Client): Promise<void> {
  const zod = z.object({ completion: z.string().transform((text) => text.length) });
  const one = await client.post('/complete', {}, { middlewares: [validate(zod)] });
  proven<Equal<typeof one, TraeResponse<{ completion: number }>>>();
  const got = await client.get('/x', { middlewares: [validate(v.object({ a: v.string() })), mapEvents(() => null)] });
  proven<Equal<typeof got.data, { a: string }>>();
  const typed = client.use(validate(ark({ n: 'number' })));
  const all = await typed.extend().post('/complete');
  proven<Equal<typeof all.data, { n: number }>>();
  const asked = await typed.request({ url: '/complete' });
  proven<Equal<typeof asked.data, { n: number }>>();
  const both = await typed.get('/x', { middlewares: [validate(zod)] });
  proven<Equal<typeof both.data, { n: number }>>();
  const bytes = await typed.get('/x', { responseType: 'buffer' });
  proven<Equal<typeof bytes.data, Buffer>>();
  const other = await typed.post<Completion>('/x');
  proven<Equal<typeof other.data, Completion>>();
  const perhaps = client.use(validate(zod), { when: (req) => req.url === '/complete' });
  proven<Equal<typeof perhaps, Client>>();
  // @ts-expect-error: not a schema
  validate({ completion: 'string' });
  // @ts-expect-error: nothing that can be validated
  validate(zod, { on: 'message' });
  const failure: unknown = undefined;
  if (failure instanceof ValidationError) failure.issues[0]?.message satisfies string | undefined;
}

/** Events have the type that a middleware makes of them; answers keep theirs. */
export async function events(client: Client): Promise<void> {
  const held = client.use(validate(z.object({ type: z.string() }), { on: 'event' }));
  for await (const event of await held.stream('/x')) proven<Equal<typeof event, { type: string }>>();
  const texts = client.use(mapEvents((event: { type: string }) => (event.type === 'ping' ? null : event.type)));
  for await (const event of await texts.stream('/x')) proven<Equal<typeof event, string>>();
  const opened = await texts.get('/x', { responseType: 'events' });
  proven<Equal<typeof opened.data, EventStream<string>>>();
  // The first stands furthest out, and has the last word.
  const first = held.use(mapEvents(() => 5)).use(validate(z.string()));
  for await (const event of await first.stream('/x')) proven<Equal<typeof event, { type: string }>>();
  const last = await first.use(validate(z.number())).get('/x');
  proven<Equal<typeof last.data, string>>();
  const several = client.use(mapEvents(async (event) => [event.type.length, true]));
  for await (const event of await several.stream('/x')) proven<Equal<typeof event, number | boolean>>();
  const same = client.use(
    mapEvents((event) => {
      event['seen'] = true;
    }),
  );
  for await (const event of await same.stream('/x')) proven<Equal<typeof event, MessageEvent>>();
  // Functions in place are still given their types.
  client.use(async (req, next) => {
    req.url satisfies string;
    return next();
  }) satisfies Client;
  client.use((req) => void req.url.length) satisfies Client;
}

/** What a call's own middlewares make of events, in every form that gives events, the outermost first. */
export async function eventsOfCalls(client: Client): Promise<void> {
  const five = { middlewares: [mapEvents(() => 5)] } as const;
  for await (const event of await client.stream('/x', {}, { middlewares: [mapEvents(() => 5)] }))
    proven<Equal<typeof event, number>>();
  for await (const event of await client.stream('/x', {}, five)) proven<Equal<typeof event, number>>();
  const held = validate(z.object({ type: z.string() }), { on: 'event' });
  const behind = await client.stream(
    '/x',
    {},
    { middlewares: [retry(), (req) => void req.url, held, mapEvents(() => 5)] },
  );
  for await (const event of behind) proven<Equal<typeof event, { type: string }>>();
  const posted = await client.post('/x', {}, { responseType: 'events', middlewares: [mapEvents(() => 5)] });
  proven<Equal<typeof posted.data, EventStream<number>>>();
  const asked = await client.request({ url: '/x', responseType: 'sse', ...five });
  proven<Equal<typeof asked.data, EventStream<number>>>();
  const further = await client.use(mapEvents(() => 'text')).stream('/x', {}, five);
  for await (const event of further) proven<Equal<typeof event, string>>();
  const plain = await client.stream('/x', {}, { timeout: 5 });
  proven<Equal<typeof plain, EventStream<MessageEvent>>>();
  const own = await client.stream<Completion>('/x', {}, { method: 'PUT' });
  proven<Equal<typeof own, EventStream<Completion>>>();
  const config: RequestConfig = {};
  const handed = await client.stream('/x', {}, config);
  proven<Equal<typeof handed, EventStream<MessageEvent>>>();
}

/** A call that passes by validate() may have any data, as bytes it has none but bytes. */
export async function unvalidated(client: Client): Promise<void> {
  const typed = client.use(validate(z.object({ n: z.number() })));
  const got = await typed.get('/x', { skipValidation: true });
  proven<Equal<typeof got.data, Anything>>();
  const posted = await typed.post('/x', {}, { skipValidation: true, timeout: 5 });
  proven<Equal<typeof posted.data, Anything>>();
  const asked = await typed.request({ url: '/x', skipValidation: true, responseType: 'text' });
  proven<Equal<typeof asked.data, string>>();
  const said = await typed.post<Completion>('/x', {}, { skipValidation: true });
  proven<Equal<typeof said.data, Completion>>();
  const held = client.use(validate(z.object({ type: z.string() }), { on: 'event' }));
  for await (const event of await held.stream('/x', {}, { skipValidation: true }))
    proven<Equal<typeof event, Anything>>();
  const not = await typed.get('/x', { skipValidation: false });
  proven<Equal<typeof not.data, { n: number }>>();
}

/** request() is typed as get() and post() are. */
export async function requests(client: Client): Promise<void> {
  const bytes = await client.request({ url: '/x', responseType: 'buffer' });
  proven<Equal<typeof bytes.data, Buffer>>();
  const text = await client.request({ method: 'PUT', url: '/x', data: {}, responseType: 'text' });
  proven<Equal<typeof text.data, string>>();
  const stream = await client.request({ url: '/x', responseType: 'stream' });
  proven<Equal<typeof stream.data, Readable>>();
  const json = await client.request<Completion>({ url: '/x' });
  proven<Equal<typeof json, TraeResponse<Completion>>>();
  const any = await client.post<Anything>('/x', {}, { responseType: 'json' });
  proven<Equal<typeof any, TraeResponse<Anything>>>();
  const schema = validate(z.object({ n: z.number() }));
  const held = await client.request({ url: '/x', middlewares: [retry(), schema] });
  proven<Equal<typeof held.data, { n: number }>>();
  // @ts-expect-error: where to?
  await client.request({ responseType: 'text' });
}

/** A middleware answers; an interceptor and a hook need not, but mere data is no answer. */
export function answers(client: Client): void {
  // @ts-expect-error: nothing comes out of it
  client.use(async (_req, next) => {
    await next();
  });
  // @ts-expect-error: data is no answer
  client.use(async (_req, next) => (await next()).status);
  client.use(async (_req, _next) => ({ data: 5 }), { name: 'made' });
  client.use((req) => {
    req.headers['x'] = '1';
  });
  client.use((req) => ({ ...req, url: '/y' }));
  client.use({ before: (req) => void req.url.length, after: (res) => void res.status }).use(retry());
  client.after((res) => void res.status).after();
  client.after(async (res) => {
    res.data = res.data.completion;
  });
  client.after((res) => (res.status === 204 ? { data: null } : undefined));
  client.after((res) => res);
  // @ts-expect-error: data is no answer
  client.after((res) => res.data);
  // @ts-expect-error: nor in a promise
  client.after(async (res) => res.data);
  // @ts-expect-error: nor is a number
  client.after((res) => res.status);
  client.after(null, (error) => {
    if (error.code === 'NOT_FOUND') return { status: 404, data: null };
    throw error;
  });
  // @ts-expect-error: heals with nothing
  client.after(null, () => {});
  auth({ provider: () => 'k', ttl: 5 });
  // @ts-expect-error: one or the other
  auth({ value: 'k', provider: () => 'k' });
}

/** What is looked at says what it is. */
export async function shapes(client: Client): Promise<void> {
  const failure: unknown = undefined;
  if (failure instanceof HttpError) proven<Equal<typeof failure.status, number>>();
  if (failure instanceof TraeError) {
    proven<Equal<typeof failure.status, number | undefined>>();
    failure.code satisfies string;
    // Later versions may have more.
    if (failure.code === 'RATE_LIMIT' || failure.code === 'NEWER' || failure.phase === 'firstByte') return;
  }
  for await (const event of await client.stream('/x', {})) {
    if (event.type === 'message_start') proven<Equal<typeof event.message.id, string>>();
    if (event.type === 'message_delta') proven<Equal<typeof event.delta.stop_reason, StopReason | null>>();
    if (event.type === 'content_block_delta') {
      proven<Equal<typeof event.index, number>>();
      proven<Equal<typeof event.delta.text, Anything>>();
      if (event.delta.type === 'text_delta') proven<Equal<typeof event.delta.text, string>>();
      if (event.delta.type === 'input_json_delta') proven<Equal<typeof event.delta.partial_json, string>>();
      if (event.delta.type === 'newer_delta') proven<Equal<typeof event.delta.newer, Anything>>();
    }
    // Kinds that nobody knows yet, and programs that look at nothing first.
    if (event.type === 'newer') proven<Equal<typeof event.newer, Anything>>();
    proven<Equal<typeof event.delta, Anything>>();
  }
}

/** Every public value exists in the facade, and the other way round. */
type Names<T> = keyof T;
export const names =
  proven<
    Equal<
      Exclude<Names<typeof import('trae-native')>, 'default' | 'module.exports'>,
      Exclude<Names<typeof facade>, 'default' | 'module.exports'>
    >
  >();
export const simulators =
  proven<
    Equal<
      Exclude<Names<typeof import('trae-native/simulator')>, 'module.exports'>,
      Exclude<Names<typeof simulator>, 'default' | 'module.exports'>
    >
  >();

export const testings =
  proven<
    Equal<
      Exclude<Names<typeof import('trae-native/testing')>, 'module.exports'>,
      Exclude<Names<typeof testing>, 'default' | 'module.exports'>
    >
  >();
export const adapters =
  proven<
    Equal<
      Exclude<Names<typeof import('trae-native/axios')>, 'module.exports'>,
      Exclude<Names<typeof axiosDoor>, 'default' | 'module.exports'>
    >
  >();

/** Each kind of transport is one for a client, and an adapter is one for axios. */
export const tested = [
  createClient({ transport: createScripted().transport }),
  createClient({ transport: record('calls.json').transport }).extend({ transport: replay('calls.json').transport }),
  createAdapter(createClient()) satisfies import('axios').AxiosAdapter,
];
// @ts-expect-error anything else is none
createClient({ transport: {} });
// @ts-expect-error a script knows no connection
createScripted().reply({ raw: 'HTTP' });

// The facade has every member that the contract names: each line fails to compile where one is missing.
type Missing<Contract, Facade> = Exclude<keyof Contract, keyof Facade>;
const none = <T extends never>(..._missing: T[]): void => {};
none<Missing<Contract.Client, ClientFacade>>();
none<Missing<Contract.EventStream, StreamFacade>>();
none<Missing<Contract.TraeResponse, ResponseFacade>>();
none<Missing<Contract.ResponseHeaders, HeadersFacade>>();
none<Missing<Contract.TraeError, ErrorFacade>>();

// What a tool is called with is what its schema makes of it, whichever library that is of.
const zodTool = tool({
  name: 'a',
  input: z.object({ city: z.string() }),
  run: ({ city }, { id, signal }) =>
    `${city satisfies string}${id satisfies string}${signal.aborted satisfies boolean}`,
});
const arkTool = tool({ name: 'b', input: ark({ n: 'number' }), run: async ({ n }) => n satisfies number });
// @ts-expect-error a city is no number
tool({ name: 'c', input: z.object({ city: z.string() }), run: ({ city }) => city.toFixed() });
export async function tools(client: Client): Promise<void> {
  const server = { type: 'web_search_20250305', name: 'web_search' };
  const run = client.runTools({ model: 'm', max_tokens: 9, messages: [], tools: [zodTool, arkTool, server] });
  for await (const stream of run) for await (const text of stream.text()) text satisfies string;
  (await run.finalMessage()).stop_reason satisfies StopReason | null;
  for await (const { custom_id, result } of await client.batches.results('id')) {
    custom_id satisfies string;
    if (result.type === 'succeeded') result.message.content satisfies unknown[];
    else if (result.type === 'errored') result.error.error.message satisfies string;
  }
  for await (const model of client.models.list({ prefetch: false })) model.display_name satisfies string;
  (await client.files.download('id', { to: 'x' })).data.bytes satisfies number;
  (await client.files.download('id')).data satisfies Readable;
  (await client.complete({ model: 'm', prompt: 'x', max_tokens_to_sample: 1 })).data.completion satisfies string;
  for await (const piece of await client.complete({ model: 'm', prompt: 'x', max_tokens_to_sample: 1, stream: true }))
    piece.completion satisfies string;
  const rows = await client.stream('/rows', undefined, { method: 'GET', responseType: 'jsonl' });
  for await (const row of rows) row.anything;
}

/** The body of a run is checked, its conversation can be given on, and what goes elsewhere does not compile. */
export async function runs(client: Client): Promise<void> {
  const said = { model: 'm', max_tokens: 9, messages: [{ role: 'user', content: 'x' }], tools: [zodTool] };
  const run = client.runTools({ ...said, newer_member: 1, tool_choice: { type: 'auto' }, config: { timeout: 5 } });
  await client.message({ model: 'm', max_tokens: 9, messages: run.messages });
  client.runTools({ ...said, messages: [...run.messages, { role: 'user', content: 'y' }] });
  await client.countTokens({ model: 'm', messages: run.messages });
  client.runTools({ ...said, tools: [{ type: 'mcp_toolset', mcp_server_name: 'x' }] });
  // @ts-expect-error: no number
  client.runTools({ ...said, max_tokens: 'many' });
  // @ts-expect-error: of which model?
  client.runTools({ max_tokens: 9, messages: [], tools: [zodTool] });
  // @ts-expect-error: a text is no conversation
  client.runTools({ ...said, messages: 'x' });
  // @ts-expect-error: it always streams
  client.runTools({ ...said, stream: true });
  // @ts-expect-error: an option of the calls, which goes to `config`
  client.runTools({ ...said, timeout: 5 });
  // @ts-expect-error: `execute` is `run` here
  client.runTools({ ...said, tools: [{ name: 'x', inputSchema: {}, execute: () => 'x' }] });
  // @ts-expect-error: of which model?
  await client.countTokens({ messages: [] });
}

/** A variable of the environment may not be there: that is no option, whatever a compiler makes of optional ones. */
const _fromEnvironment: Contract.ClaudeOptions = {
  apiKey: process.env['KEY'],
  baseURL: process.env['BASE'],
  signal: undefined,
  timeout: undefined,
};
