// tracing(): a span for each call in the words of OpenTelemetry, and the header that carries it on.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { ConfigError, type Next, OverloadedError, retry, type TraeRequest, tracing } from 'trae-native';
import { answering, collect, message, pair, until } from './helpers/simulator.mts';

const KEY = 'sk-ant-tracing-0123456789';
const PROMPT = 'What nobody else may read';

const exporter = new InMemorySpanExporter();
trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
propagation.setGlobalPropagator(new W3CTraceContextPropagator());
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());

/** The spans that have ended since the last time. */
function spans(): ReadableSpan[] {
  const all = exporter.getFinishedSpans();
  exporter.reset();
  return all;
}

const only = (): ReadableSpan => {
  const [span, ...more] = spans();
  assert.equal(more.length, 0);
  return span as ReadableSpan;
};

const USAGE = { input_tokens: 10, output_tokens: 3, cache_read_input_tokens: 100, cache_creation_input_tokens: 5 };

test('a call is a client span with the names of the conventions, and nothing of what was said', async (t) => {
  const { client, simulator } = await pair(t, { headers: { 'x-api-key': KEY }, params: { key: KEY } });
  client.use(tracing());
  const body = { type: 'message', id: 'msg_1', model: 'm-1-20250101', stop_reason: 'end_turn', content: [PROMPT] };
  simulator.reply({ body: { ...body, usage: USAGE } });
  await client.post('/v1/messages', { ...message(PROMPT), model: 'm-1', temperature: 0.5, system: PROMPT });
  const span = only();
  assert.equal(span.name, 'chat m-1');
  assert.equal(span.kind, SpanKind.CLIENT);
  assert.equal(span.status.code, SpanStatusCode.UNSET);
  assert.deepEqual(span.attributes, {
    'gen_ai.operation.name': 'chat',
    'gen_ai.provider.name': 'anthropic',
    'gen_ai.request.model': 'm-1',
    'gen_ai.request.max_tokens': 64,
    'gen_ai.request.temperature': 0.5,
    'gen_ai.response.id': 'msg_1',
    'gen_ai.response.model': 'm-1-20250101',
    'gen_ai.response.finish_reasons': ['end_turn'],
    'gen_ai.usage.input_tokens': 115,
    'gen_ai.usage.output_tokens': 3,
    'gen_ai.usage.cache_read.input_tokens': 100,
    'gen_ai.usage.cache_creation.input_tokens': 5,
    'http.request.method': 'POST',
    'http.response.status_code': 200,
    'server.address': '127.0.0.1',
    'server.port': Number(new URL(simulator.url).port),
  });
  const { traceId, spanId } = span.spanContext();
  assert.equal(simulator.received[0]?.header('traceparent'), `00-${traceId}-${spanId}-01`);
});

test('the span of a stream ends with the stream and has its tokens, read in whatever way', async (t) => {
  const { client, simulator } = await pair(t);
  client.use(tracing());
  const start = {
    type: 'message_start',
    message: { id: 'msg_2', model: 'm-2', usage: { ...USAGE, output_tokens: 1 } },
  };
  const delta = { type: 'message_delta', delta: { stop_reason: 'max_tokens' }, usage: { output_tokens: 9 } };
  const text = { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: PROMPT } };
  simulator.always({ transcript: [start, text, delta, { type: 'message_stop' }] });
  const open = () => client.stream('/v1/messages', { model: 'm-2', stream: true });
  const ways: (() => Promise<unknown>)[] = [
    async () => collect(await open()),
    async () => collect((await open()).batches()),
    async () => {
      const [one, two] = (await open()).tee();
      await Promise.all([collect(one), collect(two)]);
    },
    async () => collect((await open()).toNodeReadable()),
    // Not read at all: what has come is told all the same.
    async () => {
      const stream = await open();
      await until(() => exporter.getFinishedSpans().length > 0, 'the stream has ended');
      stream.abort();
    },
  ];
  for (const way of ways) {
    await way();
    const { attributes, name } = only();
    assert.equal(name, 'chat m-2');
    assert.equal(attributes['gen_ai.response.id'], 'msg_2');
    assert.deepEqual(attributes['gen_ai.response.finish_reasons'], ['max_tokens']);
    assert.equal(attributes['gen_ai.usage.input_tokens'], 115);
    assert.equal(attributes['gen_ai.usage.output_tokens'], 9);
    assert.ok(!JSON.stringify(attributes).includes(PROMPT));
  }
});

test('a stream that is left ends its span, one that fails with its error', async (t) => {
  const { client } = await pair(t);
  client.use(tracing());
  const open = (reply: object) => client.stream('/v1/messages', { stream: true }, answering(reply));
  const left = await open({ events: 500, paceMs: 5 });
  assert.equal(spans().length, 0);
  for await (const _ of left) break;
  assert.equal(only().status.code, SpanStatusCode.UNSET);
  await assert.rejects(collect(await open({ events: 5, errorAt: { index: 2, type: 'overloaded_error' } })));
  const { status, attributes } = only();
  assert.equal(status.code, SpanStatusCode.ERROR);
  assert.equal(attributes['error.type'], 'OVERLOADED');
});

test('a stream that is dropped ends its span, once it is collected', async (t) => {
  const { client } = await pair(t);
  client.use(tracing());
  await (async () => void (await client.stream('/v1/messages', {}, answering({ events: 10_000, paceMs: 1 }))))();
  await until(() => {
    globalThis.gc?.();
    return exporter.getFinishedSpans().length === 1;
  }, 'its span has ended');
  only();
});

test('a failure has its code and its status, and what others throw only its name', async (t) => {
  const { client } = await pair(t);
  client.use(tracing()).before((req) => {
    if (req.config.throws) throw new RangeError(`mine, with ${KEY}`);
  });
  await assert.rejects(client.post('/v1/messages', message(), answering({ status: 529 })), OverloadedError);
  const overloaded = only();
  assert.equal(overloaded.attributes['error.type'], 'OVERLOADED');
  assert.equal(overloaded.attributes['http.response.status_code'], 529);
  assert.match(overloaded.status.message ?? '', /^529 overloaded_error/);
  await assert.rejects(client.post('/v1/messages', message(), { throws: true }), RangeError);
  const thrown = only();
  assert.equal(thrown.attributes['error.type'], 'RangeError');
  assert.ok(!JSON.stringify([thrown.attributes, thrown.status, thrown.events]).includes(KEY));
});

test('what is no call of a model is a span of HTTP, and the last word on the provider is the caller’s', async (t) => {
  const { client } = await pair(t);
  const other = client.extend().use(tracing({ provider: 'aws.bedrock' }));
  client.use(tracing());
  await client.get(`/v1/models?key=${KEY}`);
  const { name, attributes } = only();
  assert.equal(name, 'GET');
  assert.ok(Object.keys(attributes).every((key) => !key.startsWith('gen_ai.')));
  assert.ok(!JSON.stringify(attributes).includes(KEY));
  await other.post('/v1/messages', message());
  assert.equal(only().attributes['gen_ai.provider.name'], 'aws.bedrock');
});

test('spans nest: a call within a span is its child, and one in a middleware further in a child of the call', async (t) => {
  const { client, simulator } = await pair(t);
  const tracer = trace.getTracer('test');
  client.use(tracing()).use(retry({ base: 1 }));
  client.use(async (_req: TraeRequest, next: Next) => {
    const span = tracer.startSpan('attempt');
    try {
      return await next();
    } finally {
      span.end();
    }
  });
  simulator.reply([{ status: 529 }, {}]);
  const outer = tracer.startSpan('service');
  await context.with(trace.setSpan(context.active(), outer), () => client.post('/v1/messages', message()));
  outer.end();
  const all = spans();
  const call = all.find(({ name }) => name.startsWith('chat')) as ReadableSpan;
  assert.equal(call.parentSpanContext?.spanId, outer.spanContext().spanId);
  const parents = new Set(simulator.received.map((received) => received.header('traceparent')));
  assert.equal(parents.size, 1, 'all attempts of a call carry its span');
  assert.equal(call.spanContext().traceId, outer.spanContext().traceId);
});

test('whatever a tracer, a span or a propagator throws costs a call neither its answer nor its error', async (t) => {
  const { client, simulator } = await pair(t);
  const breaks = (): never => {
    throw new RangeError('telemetry is broken');
  };
  const names = ['setAttribute', 'setAttributes', 'setStatus', 'isRecording', 'end', 'spanContext'] as const;
  const span = (broken: readonly string[]) =>
    Object.fromEntries(names.map((name) => [name, broken.includes(name) ? breaks : () => true]));
  const tracers = [
    ...[...names.map((name) => [name]), names].map((broken) => ({ startSpan: () => span(broken) })),
    { startSpan: breaks },
    { startSpan: () => undefined },
    undefined,
  ];
  const propagators = [new W3CTraceContextPropagator(), { inject: breaks }, { inject: spoil }];
  function spoil(_context: unknown, carrier: unknown, setter: { set(...given: unknown[]): void }): void {
    setter.set(carrier, 'two\nlines', 'x');
    setter.set(carrier, 'x-spoiled', 'two\nlines');
    setter.set(carrier, 'x-kept', 'kept');
  }
  t.after(() => {
    propagation.disable();
    propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  });
  for (const propagator of propagators) {
    propagation.disable();
    propagation.setGlobalPropagator({ extract: (given) => given, fields: () => [], ...{ inject: propagator.inject } });
    for (const tracer of tracers) {
      const traced = client.extend().use(tracing({ tracerProvider: { getTracer: () => tracer } }));
      assert.equal((await traced.post('/v1/messages', message())).status, 200);
      const events = await collect(await traced.stream('/v1/messages', { stream: true }, answering({ events: 3 })));
      assert.ok(events.length > 0);
      await assert.rejects(traced.post('/v1/messages', message(), answering({ status: 529 })), OverloadedError);
    }
  }
  assert.ok(simulator.received.some((received) => received.header('x-kept') === 'kept'));
});

test('options are checked, and a tracer of one’s own is used', async (t) => {
  const { client } = await pair(t);
  for (const wrong of [{ tracer: 1 }, { provider: 5 }, { tracerProvider: {} }, null, 'x'])
    assert.throws(() => tracing(wrong as never), ConfigError);
  const own = new InMemorySpanExporter();
  const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(own)] });
  await client.use(tracing({ tracerProvider })).get('/v1/models');
  assert.equal(own.getFinishedSpans().length, 1);
  assert.equal(spans().length, 0);
  assert.match(client.inspect(), /1\. tracing/);
});

test('without @opentelemetry/api everything works but tracing(), which says what is missing', (t) => {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const folder = mkdtempSync(join(tmpdir(), 'untraced-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const part of ['dist', 'native', 'package.json'])
    cpSync(join(root, part), join(folder, part), { recursive: true });
  const program = join(folder, 'program.cjs');
  writeFileSync(
    program,
    `const { createClient, tracing } = require('./dist/index.js');
     createClient();
     try { tracing(); } catch (error) { console.log(error.code, error.message); }`,
  );
  const out = execFileSync(process.execPath, [program], { encoding: 'utf8' });
  assert.equal(out, 'CONFIG tracing() needs the package @opentelemetry/api: install it beside trae-native\n');
});
