// metrics(): the article's histogram to the letter, and what else is counted, told as text and on a page of prom-client.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import promClient from 'prom-client';
import { ConfigError, createClient, metrics, type Next, registerMetrics, retry, type TraeRequest } from 'trae-native';
import { measure } from './article/service.mts';
import { answering, collect, message, pair, until } from './helpers/simulator.mts';

const KEY = 'sk-ant-metrics-0123456789';

/** Figures by name and labels, these in the order of the alphabet. */
function figures(text: string): Map<string, number> {
  const all = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [, name, labels = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (name !== undefined) all.set(`${name}{${labels.split(',').sort().join()}}`, Number(value));
  }
  return all;
}

const only = (all: Map<string, number>, part: string) =>
  Object.fromEntries([...all].filter(([name]) => name.includes(part)).sort());

test('the article’s histogram has the same buckets and counts as prom-client observes of the same calls', async (t) => {
  const { client } = await pair(t);
  const registry = new promClient.Registry();
  client.use(metrics());
  measure(client, registry);
  // Each far from the bounds of its bucket.
  const delays = [110, 120, 130, 550, 560, 1200];
  await Promise.all([
    ...delays.map((delayMs) => client.post('/v1/messages', message(), answering({ delayMs }))),
    client.get('/v1/models', answering({ delayMs: 140 })),
    client.get('/v1/models', { validateStatus: null, ...answering({ status: 404, delayMs: 600 }) }),
  ]);
  const expected = figures(await registry.metrics());
  const counted = figures(client.metrics());
  for (const part of ['_bucket', '_count'])
    assert.deepEqual(only(counted, `request_duration_seconds${part}`), only(expected, part));
  assert.match(client.metrics(), /^# HELP claude_request_duration_seconds Duration of Claude API requests$/m);
  for (const [name, sum] of expected) {
    if (name.includes('_sum')) assert.ok(Math.abs((counted.get(name) as number) - sum) < 0.5, name);
  }
});

test('failures are observed too, by their status or as error, and counted by their code', async (t) => {
  const { client } = await pair(t);
  client.use(metrics());
  const abort = new AbortController();
  const hanging = client.post('/v1/messages', message(), { signal: abort.signal, ...answering({ hang: 'headers' }) });
  await until(() => figures(client.metrics()).get('claude_requests_in_flight{}') === 1, 'it is under way');
  abort.abort();
  const failing = [
    hanging,
    client.post('/v1/messages', message(), answering({ status: 529 })),
    client.post('/v1/messages', message(), answering({ status: 400 })),
    client.post('/v1/messages', message(), { timeout: 30, ...answering({ hang: 'headers' }) }),
    client.post('/v1/messages', message(), { timeout: { firstByte: 30 }, ...answering({ hang: 'headers' }) }),
    client.post('/v1/messages', message(), answering({ cutAfterBytes: 20 })),
    createClient({ baseURL: 'http://127.0.0.1:1', proxy: false }).use(metrics()).get('/x'),
  ];
  for (const { status } of await Promise.allSettled(failing)) assert.equal(status, 'rejected');
  await until(() => figures(client.metrics()).get('claude_requests_in_flight{}') === 0, 'all are over');
  const counted = figures(client.metrics());
  assert.deepEqual(only(counted, 'errors_total'), {
    'claude_request_errors_total{code="ABORTED",method="POST"}': 1,
    'claude_request_errors_total{code="BAD_REQUEST",method="POST"}': 1,
    'claude_request_errors_total{code="INCOMPLETE",method="POST"}': 1,
    'claude_request_errors_total{code="OVERLOADED",method="POST"}': 1,
    'claude_request_errors_total{code="TIMEOUT",method="POST"}': 2,
  });
  assert.deepEqual(only(counted, 'request_duration_seconds_count'), {
    'claude_request_duration_seconds_count{method="POST",status_code="400"}': 1,
    'claude_request_duration_seconds_count{method="POST",status_code="529"}': 1,
    'claude_request_duration_seconds_count{method="POST",status_code="error"}': 4,
  });
});

test('a stream counts when it begins, at its first event, at its gaps and at its end, however that comes', async (t) => {
  const { client } = await pair(t);
  client.use(metrics());
  const open = (reply: object) => client.stream('/v1/messages', { stream: true }, answering(reply));
  await collect(await open({ events: 5, paceMs: 5 }));
  for await (const _ of await open({ events: 500, paceMs: 5 })) break;
  await assert.rejects(collect(await open({ events: 5, cutAfterEvents: 3, cut: 'end' })));
  await assert.rejects(collect(await open({ events: 5, errorAt: { index: 3, type: 'overloaded_error' } })));
  (await open({ events: 500, paceMs: 5 })).abort('enough');
  await until(() => figures(client.metrics()).get('claude_requests_in_flight{}') === 0, 'all are over');
  const counted = figures(client.metrics());
  assert.deepEqual(only(counted, 'stream_duration_seconds_count'), {
    'claude_stream_duration_seconds_count{end="INCOMPLETE_STREAM",method="POST"}': 1,
    'claude_stream_duration_seconds_count{end="OVERLOADED",method="POST"}': 1,
    'claude_stream_duration_seconds_count{end="complete",method="POST"}': 1,
    'claude_stream_duration_seconds_count{end="dropped",method="POST"}': 2,
  });
  assert.deepEqual(only(counted, 'errors_total'), {
    'claude_request_errors_total{code="INCOMPLETE_STREAM",method="POST"}': 1,
    'claude_request_errors_total{code="OVERLOADED",method="POST"}': 1,
  });
  assert.equal(counted.get('claude_request_duration_seconds_count{method="POST",status_code="200"}'), 5);
  assert.ok((counted.get('claude_event_gap_seconds_count{}') as number) >= 5);
  assert.ok((counted.get('claude_time_to_first_event_seconds_count{}') as number) >= 4);
});

test('tokens are counted as the API tells them, of answers and of streams, once for all attempts', async (t) => {
  const { client, simulator } = await pair(t);
  client.use(metrics()).use(retry({ base: 1 }));
  const usage = { input_tokens: 10, output_tokens: 3, cache_read_input_tokens: 100, cache_creation_input_tokens: 5 };
  simulator.reply([{ status: 529 }, { body: { type: 'message', content: [], usage } }]);
  await client.post('/v1/messages', message());
  const start = { type: 'message_start', message: { id: 'm', usage: { ...usage, output_tokens: 1 } } };
  const delta = (output_tokens: number) => ({ type: 'message_delta', delta: {}, usage: { output_tokens } });
  simulator.reply({ transcript: [start, delta(4), delta(9), { type: 'message_stop' }] });
  await collect(await client.stream('/v1/messages', { stream: true }));
  const counted = figures(client.metrics());
  assert.deepEqual(only(counted, 'tokens_total'), {
    'claude_tokens_total{type="cache_creation"}': 10,
    'claude_tokens_total{type="cache_read"}': 200,
    'claude_tokens_total{type="input"}': 20,
    'claude_tokens_total{type="output"}': 12,
  });
  assert.equal(counted.get('claude_attempts_total{}'), 3);
});

test('outside of retry() it sees calls, inside attempts, and two in one client need two prefixes', async (t) => {
  const { client, simulator } = await pair(t);
  client
    .use(metrics())
    .use(retry({ base: 1 }))
    .use(metrics({ prefix: 'attempt_' }));
  simulator.reply([{ status: 529 }, {}]);
  await client.post('/v1/messages', message());
  const counted = figures(client.metrics());
  assert.deepEqual(only(counted, 'request_duration_seconds_count'), {
    'attempt_request_duration_seconds_count{method="POST",status_code="200"}': 1,
    'attempt_request_duration_seconds_count{method="POST",status_code="529"}': 1,
    'claude_request_duration_seconds_count{method="POST",status_code="200"}': 1,
  });
  assert.throws(() => client.use(metrics()).metrics(), /two metrics\(\) of the client have the same `metrics.prefix`/);
});

test('one metrics() counts for all clients that use it, and the pool is told for the client that is asked', async (t) => {
  const { client, simulator } = await pair(t);
  const shared = metrics();
  client.use(shared);
  const other = createClient({ baseURL: simulator.url, proxy: false }).use(shared);
  await client.get('/v1/models');
  await other.get('/v1/models');
  for (const one of [client, client.extend(), other]) {
    const counted = figures(one.metrics());
    assert.equal(counted.get('claude_attempts_total{}'), 2);
    assert.equal(counted.get('claude_pool_requests_total{}'), 1);
    assert.equal(counted.get('claude_pool_connections_opened_total{}'), 1);
  }
  await other.close();
  assert.equal(figures(other.metrics()).get('claude_attempts_total{}'), 2, 'the last page of a service is a full one');
});

test('OpenMetrics text is well formed: each sample belongs to the family before it, and the end is marked', async (t) => {
  const { client } = await pair(t);
  client.use(metrics({ labels: ['model'] }));
  await collect(await client.stream('/v1/messages', { model: 'a"b\\c', stream: true }));
  await client.post('/v1/messages', message());
  const text = client.metrics('openmetrics');
  assert.ok(text.endsWith('\n# EOF\n'));
  const suffixes: Record<string, string> = { counter: '_total', gauge: '', histogram: '_(?:bucket|sum|count)' };
  let family = '';
  let type = '';
  const seen = new Set<string>();
  for (const line of text.slice(0, -'# EOF\n'.length).trimEnd().split('\n')) {
    const [, word, name, rest] = /^# (HELP|TYPE) (\w+) (.+)$/.exec(line) ?? [];
    if (word === 'HELP') {
      assert.ok(!seen.has(name as string), `${name} comes twice`);
      seen.add(name as string);
      family = name as string;
    } else if (word === 'TYPE') {
      assert.equal(name, family);
      type = rest as string;
    } else {
      const labels = '(?:\\{\\w+="(?:[^"\\\\\\n]|\\\\[\\\\"n])*"(?:,\\w+="(?:[^"\\\\\\n]|\\\\[\\\\"n])*")*\\})?';
      assert.match(line, new RegExp(`^${family}${suffixes[type]}${labels} [\\d.e+-]+$`));
      if (type === 'histogram' && line.includes('_bucket')) assert.match(line, /\{le="(\d+\.\d+|\+Inf)"/);
    }
  }
  assert.ok(seen.size >= 16);
  assert.throws(() => client.metrics('xml' as never), ConfigError);
});

test('labels are bounded and hold no secret, wherever a caller puts one', async (t) => {
  const { client } = await pair(t, { headers: { 'x-api-key': KEY }, params: { key: KEY } });
  client.use(metrics({ labels: ['model', 'host'], maxValues: 3 }));
  const models = [KEY, 'two words', 'm-1', 'm-2', 'm-3', 'm-4', 'm-5'];
  for (const model of models) await assert.rejects(client.post(`/v1/${KEY}`, { model, [KEY]: KEY }));
  await client.request({ method: 'BREW', url: '/v1/models' }).catch(() => {});
  const text = client.metrics();
  assert.ok(!text.includes(KEY) && !text.includes('BREW'));
  const values = (label: string) => [
    ...new Set([...text.matchAll(new RegExp(`${label}="([^"]*)"`, 'g'))].map((m) => m[1])),
  ];
  assert.deepEqual(values('model').sort(), ['', 'm-1', 'm-2', 'm-3', 'other']);
  assert.deepEqual(values('host'), ['127.0.0.1']);
  assert.deepEqual(values('method').sort(), ['POST', 'other']);
});

test('a client without metrics() says so, and a call’s own counts for itself', async (t) => {
  const { client } = await pair(t);
  assert.throws(
    () => client.metrics(),
    (error: Error) => {
      assert.ok(error instanceof ConfigError);
      return /use\(metrics\(\)\)/.test(error.message);
    },
  );
  const own = metrics();
  await client.get('/v1/models', { middlewares: [own] });
  assert.equal(figures(client.extend().use(own).metrics()).get('claude_attempts_total{}'), 1);
});

test('an answer that a middleware makes up costs no attempt, and overhead is told of calls that were sent', async (t) => {
  const { client } = await pair(t);
  client.use(metrics()).use(async (req: TraeRequest, next: Next) => (req.config.made ? { data: { made: 1 } } : next()));
  assert.deepEqual((await client.get('/v1/models', { made: true })).data, { made: 1 });
  await client.get('/v1/models');
  const counted = figures(client.metrics());
  assert.equal(counted.get('claude_request_duration_seconds_count{method="GET",status_code="200"}'), 2);
  assert.equal(counted.get('claude_attempts_total{}'), 1);
  assert.equal(counted.get('claude_overhead_seconds_count{}'), 1);
  assert.ok((counted.get('claude_overhead_seconds_sum{}') as number) > 0);
});

test('on a page of prom-client all figures are those of the client, beside its own, in both formats', async (t) => {
  const { client, simulator } = await pair(t);
  client.use(metrics());
  const registry = new promClient.Registry();
  new promClient.Counter({ name: 'own_total', help: 'own', registers: [registry] }).inc(3);
  const remove = registerMetrics(client, registry);
  simulator.reply([{}, { status: 529 }]);
  await client.post('/v1/messages', message());
  await assert.rejects(client.post('/v1/messages', message()));
  await collect(await client.stream('/v1/messages', { stream: true }));
  const page = figures(await registry.metrics());
  assert.equal(page.get('own_total{}'), 3);
  assert.deepEqual(only(page, 'claude_'), only(figures(client.metrics()), 'claude_'));

  registry.setContentType(promClient.Registry.OPENMETRICS_CONTENT_TYPE as never);
  const open = await registry.metrics();
  assert.match(open, /^# TYPE claude_request_errors counter$/m);
  assert.match(open, /^claude_request_errors_total\{method="POST",code="OVERLOADED"\} 1$/m);
  assert.ok(open.endsWith('# EOF\n'));

  registry.resetMetrics();
  const json = await registry.getMetricsAsJSON();
  assert.ok(json.some(({ name, type }) => name === 'claude_request_duration_seconds' && `${type}` === 'histogram'));
  remove();
  assert.deepEqual(
    registry.getMetricsAsArray().map(({ name }) => name),
    ['own'],
  );
});

test('a name that the page has already is refused, and nothing is left there by halves', async (t) => {
  const { client } = await pair(t);
  client.use(metrics());
  const registry = new promClient.Registry();
  new promClient.Gauge({ name: 'claude_pool_queued', help: 'mine', registers: [registry] });
  assert.throws(() => registerMetrics(client, registry), /already been registered/);
  assert.equal(registry.getMetricsAsArray().length, 1);
  assert.throws(() => registerMetrics(client, {} as never), ConfigError);
  assert.throws(() => registerMetrics({} as never, registry), ConfigError);
  assert.throws(() => registerMetrics(createClient(), registry), /use\(metrics\(\)\)/);
});
