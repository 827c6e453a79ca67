// The Claude API besides messages: batches and their rows, files to and from disk, models, pages, tokens, completions.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import {
  AbortError,
  type BatchResult,
  ConfigError,
  IncompleteStreamError,
  LimitError,
  NotFoundError,
  ParseError,
} from 'trae-native';
import type { Simulator } from 'trae-native/simulator';
import { collect, message, pair, until } from './helpers/simulator.mts';

const row = (n: number): BatchResult => ({ custom_id: `r${n}`, result: { type: 'canceled' } });
const rows = (count: number): string => Array.from({ length: count }, (_, n) => `${JSON.stringify(row(n))}\n`).join('');
const batch = (more: object = {}): object => ({ id: 'b1', type: 'message_batch', processing_status: 'ended', ...more });
const asked = (simulator: Simulator): string[] => simulator.received.map(({ method, path }) => `${method} ${path}`);

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'trae-files-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

// ----- batches -----

test('a batch is handed in, looked at until it has ended, and its rows are read as they come', async (t) => {
  const { client, simulator } = await pair(t);
  simulator.reply([
    { match: { method: 'POST', path: '/v1/messages/batches' }, body: batch({ processing_status: 'in_progress' }) },
    { match: { path: '/v1/messages/batches/b1' }, body: batch({ processing_status: 'in_progress' }), times: 2 },
    { match: { path: '/v1/messages/batches/b1' }, body: batch({ results_url: `${simulator.url}/v1/elsewhere` }) },
    { match: { path: '/v1/elsewhere' }, body: `\n${rows(3)}\r\n\n`, headers: { 'content-type': 'application/binary' } },
  ]);
  const requests = [{ custom_id: 'r0', params: message() as never }];
  const { data } = await client.batches.create(requests);
  const seen: string[] = [];
  const ended = await client.batches.wait(data.id, { interval: 1, onPoll: (one) => seen.push(one.processing_status) });
  const results = await client.batches.results(ended.data);
  assert.deepEqual(await collect(results), [row(0), row(1), row(2)]);
  assert.deepEqual([results.offset, seen], [3, ['in_progress', 'in_progress']]);
  assert.deepEqual(simulator.received[0]?.json(), { requests });
});

test('results go on at any row, and a transfer that breaks says how far it came', async (t) => {
  const { client, simulator } = await pair(t);
  const whole = rows(5);
  const path = '/v1/messages/batches/b1/results';
  simulator.reply({ match: { path }, body: whole, cutAfterBytes: whole.indexOf('r3'), bytesPerWrite: 7 });
  const got: string[] = [];
  const first = await client.batches.results('b1');
  await assert.rejects(async () => {
    for await (const one of first) got.push(one.custom_id);
  }, IncompleteStreamError);
  assert.deepEqual([got, first.offset], [['r0', 'r1', 'r2'], 3]);
  simulator.reply({ match: { path }, body: whole, bytesPerWrite: 11 });
  const second = await client.batches.results('b1', { offset: first.offset });
  for await (const some of second.batches()) got.push(...some.map((one) => one.custom_id));
  assert.deepEqual([got, second.offset], [['r0', 'r1', 'r2', 'r3', 'r4'], 5]);
  assert.ok(second.requestId);
});

test('rows that look like events of a stream are rows, and one that is no JSON is told by its number', async (t) => {
  const { client, simulator } = await pair(t);
  const lines = ['{"type":"ping"}', '{"type":"message_stop"}', '{"type":"error","error":{}}', '"text"', '[1]', '7'];
  simulator.reply({ body: lines.join('\n') });
  const all = await client.get('/rows', { responseType: 'jsonl' });
  assert.deepEqual(
    await collect(all.data),
    lines.map((line) => JSON.parse(line)),
  );
  simulator.reply({ body: '{"n":1}\n{"n":2}\n{"n":' });
  const got: unknown[] = [];
  const stream = await client.stream('/rows', undefined, { method: 'GET', responseType: 'jsonl' });
  await assert.rejects(
    async () => {
      for await (const one of stream) got.push(one);
    },
    (error) => error instanceof ParseError && /row 3 of the stream is not JSON: .* byte 5/.test(error.message),
  );
  assert.deepEqual(got, [{ n: 1 }, { n: 2 }]);
});

test('a page of HTML is no rows, a row beyond the limit is told, and leaving ends the transfer', async (t) => {
  const { client, simulator } = await pair(t);
  simulator.reply({ body: '<html>', headers: { 'content-type': 'text/html' } });
  await assert.rejects(client.batches.results('b1'), /expected rows of JSON, got one answer of type text\/html/);
  simulator.reply({ body: `1\n"${'x'.repeat(100)}"\n` });
  const limited = await client.batches.results('b1', { maxEventBytes: 50 });
  await assert.rejects(
    collect(limited),
    (error) => error instanceof LimitError && /a row is larger/.test(error.message),
  );
  simulator.reply({ body: rows(50_000) });
  for await (const _ of await client.batches.results('b1')) break;
  await until(() => client.stats().inFlight === 0, 'the transfer has ended');
});

test('waiting for a batch ends with its signal at once, and with what onPoll throws', async (t) => {
  const { client, simulator } = await pair(t);
  simulator.always({ body: batch({ processing_status: 'in_progress' }) });
  const controller = new AbortController();
  const waiting = client.batches.wait('b1', { signal: controller.signal, onPoll: () => controller.abort() });
  await assert.rejects(waiting, AbortError);
  const own = new Error('enough');
  const thrown = client.batches.wait('b1', {
    interval: 1,
    onPoll: () => {
      throw own;
    },
  });
  await assert.rejects(thrown, (error) => error === own);
});

test('what can not be a batch is refused before anything is sent', async (t) => {
  const { client, simulator } = await pair(t);
  const { batches } = client;
  const params = message() as never;
  const wrong: [() => Promise<unknown>, RegExp][] = [
    [() => batches.create([]), /a batch is a list of requests, got an empty one/],
    [() => batches.create([{ custom_id: 'a' } as never]), /request 0 of the batch must be \{ custom_id, params \}/],
    [() => batches.create([1, 2].map(() => ({ custom_id: 'a', params }))), /two requests .* the `custom_id` "a"/],
    [() => batches.get(''), /a batch needs an id, got an empty string/],
    [() => batches.cancel(undefined as never), /a batch needs an id, got undefined/],
    [() => batches.results(batch({ results_url: null }) as never), /batch b1 has no results yet/],
    [() => batches.results('b1', { offset: -1 }), /`offset` of results\(\)/],
    [() => batches.wait('b1', { interval: 0 }), /`interval` of wait\(\)/],
    [() => batches.wait('b1', { interval: 2 ** 31 }), /at most 2147483647, got 2147483648/],
    [() => batches.wait('b1', { interval: Number.POSITIVE_INFINITY }), /got Infinity/],
    // A URL would take them for the list of all, or for what is above it.
    [() => batches.get('.'), /a batch needs an id, got "\."/],
    [() => batches.delete('..'), /a batch needs an id, got "\.\."/],
    [() => batches.get('\ud800'), /a batch needs an id, got "\\ud800"/],
  ];
  for (const [call, told] of wrong)
    await assert.rejects(call, (error) => error instanceof ConfigError && told.test(error.message));
  assert.equal(simulator.counters.requests, 0);
});

test('ids are one step of a path, whatever is in them', async (t) => {
  const { client, simulator } = await pair(t);
  simulator.always({ body: batch() });
  await client.batches.cancel('../files?x#y');
  await client.batches.delete('b1');
  const { pathname } = new URL(simulator.received[0]?.path ?? '', 'http://x');
  assert.equal(pathname, '/v1/messages/batches/..%2Ffiles%3Fx%23y/cancel');
  assert.equal(asked(simulator)[1], 'DELETE /v1/messages/batches/b1');
});

// ----- pages -----

function paged(simulator: Simulator, pages: number, size: number): void {
  for (let page = 0; page < pages; page++) {
    const data = Array.from({ length: size }, (_, n) => ({ id: `m${page * size + n}` }));
    const ends = { first_id: data[0]?.id, last_id: data.at(-1)?.id };
    simulator.reply({ body: { data, has_more: page + 1 < pages, ...ends } });
  }
}

test('a list is read item by item over its pages, each asked for after the last id of the one before', async (t) => {
  const { client, simulator } = await pair(t);
  paged(simulator, 3, 2);
  const items = await collect(client.models.list({ params: { limit: 2 } }));
  assert.deepEqual(
    items.map(({ id }) => id),
    ['m0', 'm1', 'm2', 'm3', 'm4', 'm5'],
  );
  assert.deepEqual(asked(simulator), [
    'GET /v1/models?limit=2',
    'GET /v1/models?limit=2&after_id=m1',
    'GET /v1/models?limit=2&after_id=m3',
  ]);
});

test('the next page is under way while one is read, and no further one', async (t) => {
  const { client, simulator } = await pair(t);
  paged(simulator, 3, 2);
  const pages = client.files.list().pages();
  await pages.next();
  await until(() => simulator.counters.requests === 2, 'the second is asked for');
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(simulator.counters.requests, 2);
  await pages.return();
  simulator.clear();
  paged(simulator, 2, 1);
  const lazy = client.files.list({ prefetch: false }).pages();
  await lazy.next();
  assert.equal(simulator.received.length, 1);
  assert.equal((await lazy.next()).value?.has_more, false);
});

test('leaving a list ends the call for its next page, and nothing is rejected without anybody to hear', async (t) => {
  const { client, simulator } = await pair(t);
  const rejected: unknown[] = [];
  const hear = (reason: unknown) => rejected.push(reason);
  process.on('unhandledRejection', hear);
  t.after(() => process.off('unhandledRejection', hear));
  simulator.reply([{ body: { data: [{ id: 'a' }], has_more: true, last_id: 'a' } }, { hang: 'headers' }]);
  for await (const { id } of client.batches.list()) {
    assert.equal(id, 'a');
    await until(() => simulator.counters.requests === 2, 'the second is asked for');
    break;
  }
  await until(() => client.stats().pending === 0, 'the call has ended');
  simulator.reply([{ body: { data: [{ id: 'a' }], has_more: true, last_id: 'a' } }, { status: 404 }]);
  const got: string[] = [];
  await assert.rejects(async () => {
    for await (const { id } of client.batches.list()) {
      got.push(id);
      await until(() => client.stats().pending === 0, 'the next page has failed already');
    }
  }, NotFoundError);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([got, rejected], [['a'], []]);
});

// ----- files -----

test('a file is sent from disk and written to it, whole and under its name', async (t) => {
  const { client, simulator } = await pair(t);
  const place = await folder(t);
  const content = randomBytes(700_000);
  const path = join(place, 'a "b".PDF');
  await writeFile(path, content);
  simulator.always({ echo: true });
  for (const source of [path, pathToFileURL(path)]) {
    const echoed = (await client.files.upload(source)).data as unknown as { headers: unknown; bodyLength?: number };
    assert.ok(echoed);
    const sent = simulator.received.at(-1);
    assert.match(sent?.header('content-type') ?? '', /^multipart\/form-data; boundary=/);
    assert.equal(Number(sent?.header('content-length')), sent?.bodyLength);
    const text = sent?.body.toString('latin1') ?? '';
    assert.match(text, /name="file"; filename="a %22b%22\.PDF"\r\nContent-Type: application\/pdf\r\n\r\n/);
    assert.ok(sent?.body.includes(content));
  }
  simulator.clear();
  simulator.always({ body: content, headers: { 'content-type': 'application/pdf' } });
  const to = join(place, 'copy.pdf');
  const { data } = await client.files.download('f1', { to });
  assert.deepEqual(data, { path: to, bytes: content.length });
  assert.deepEqual(await readFile(to), content);
  const parts: Buffer[] = [];
  for await (const part of (await client.files.download('f1')).data) parts.push(part as Buffer);
  assert.deepEqual(Buffer.concat(parts), content);
  assert.equal(asked(simulator)[0], 'GET /v1/files/f1/content');
});

test('a download that breaks leaves nothing behind, and what was there stays', async (t) => {
  const { client, simulator } = await pair(t);
  const place = await folder(t);
  const to = join(place, 'kept.txt');
  await writeFile(to, 'before');
  simulator.reply({ body: Buffer.alloc(100_000), cutAfterBytes: 5000 });
  await assert.rejects(client.files.download('f1', { to }), /ended its answer before it was complete/);
  simulator.reply({ status: 404 });
  await assert.rejects(client.files.download('f1', { to }), NotFoundError);
  assert.deepEqual([await readdir(place), await readFile(to, 'utf8')], [['kept.txt'], 'before']);
});

test('bytes, Blobs and streams are sent under the name that they have or are given', async (t) => {
  const { client, simulator } = await pair(t);
  const place = await folder(t);
  await writeFile(join(place, 'x'), 'streamed');
  simulator.always({ echo: true });
  const bytes = new TextEncoder().encode('..bytes..').subarray(2, 7);
  const cases: [never, object, RegExp][] = [
    [bytes as never, { filename: 'a.md' }, /filename="a\.md"\r\nContent-Type: text\/markdown\r\n\r\nbytes\r\n/],
    [new File(['file'], 'b.txt') as never, {}, /filename="b\.txt"\r\nContent-Type: text\/plain\r\n\r\nfile\r\n/],
    [
      new Blob(['blob'], { type: 'image/png' }) as never,
      { filename: 'c' },
      /filename="c"\r\nContent-Type: image\/png\r\n\r\nblob\r\n/,
    ],
    [
      createReadStream(join(place, 'x')) as never,
      { filename: 'd.bin', mediaType: 'text/x' },
      /filename="d\.bin"\r\nContent-Type: text\/x\r\n\r\nstreamed\r\n--/,
    ],
  ];
  for (const [source, options, expected] of cases) {
    await client.files.upload(source, options);
    const sent = simulator.received.at(-1);
    assert.match(sent?.body.toString() ?? '', expected);
    const [, boundary] = /boundary=(.*)/.exec(sent?.header('content-type') ?? '') ?? [];
    assert.ok(sent?.body.toString().endsWith(`--${boundary}--\r\n`));
  }
});

test('a file that is not there, or has no name, is told before anything is sent', async (t) => {
  const { client, simulator } = await pair(t);
  const place = await folder(t);
  const wrong: [() => Promise<unknown>, RegExp][] = [
    [() => client.files.upload(join(place, 'none')), /none" can't be read: ENOENT/],
    [() => client.files.upload(place), /is no file/],
    [() => client.files.upload(''), /takes a path, .* got an empty string/],
    [() => client.files.upload(7 as never), /takes a path, .* got 7/],
    [() => client.files.upload(new Uint8Array(1)), /needs a `filename`/],
    [() => client.files.upload((async function* () {})()), /needs a `filename`/],
    [() => client.files.upload('x', { filename: '' }), /`filename` of upload\(\) must be a string, got an empty one/],
    [() => client.files.upload(new Blob(['x']), { filename: 'x', mediaType: 'a/b\r\nx: y' }), /may not be sent/],
    [() => client.files.download('f1', { to: '' }), /`to` of download\(\) must be a path/],
    [() => client.files.get(''), /a file needs an id/],
  ];
  for (const [call, told] of wrong)
    await assert.rejects(call, (error) => error instanceof ConfigError && told.test(error.message), String(told));
  assert.equal(simulator.counters.requests, 0);
});

// ----- tokens, models, completions -----

test('tokens are counted and models named, with the version of the API in the path once', async (t) => {
  const { client, simulator } = await pair(t);
  for (const one of [client, client.extend({ baseURL: `${simulator.url}/v1/` })]) {
    const { data } = await one.countTokens({ model: 'claude-sonnet-5', messages: [{ role: 'user', content: 'Hi' }] });
    assert.ok(data.input_tokens > 0);
    const [model] = await one.models.list().all();
    assert.equal((await one.models.get(model?.id as string)).data.id, model?.id);
    assert.equal((await one.message(message() as never)).data.type, 'message');
  }
  const paths = asked(simulator);
  assert.deepEqual(paths.slice(0, 4), paths.slice(4));
  assert.deepEqual([paths[0], paths[3]], ['POST /v1/messages/count_tokens', 'POST /v1/messages']);
});

test('a text completion is one answer, a stream of pieces, its text, and the whole that they add up to', async (t) => {
  const { client, simulator } = await pair(t);
  const body = { model: 'claude-2', prompt: '\n\nHuman: Hi\n\nAssistant:', max_tokens_to_sample: 5 };
  const whole = (await client.complete(body)).data;
  assert.equal(whole.type, 'completion');
  const pieces = await collect(await client.complete({ ...body, stream: true }));
  const text = pieces.map((piece) => piece.completion).join('');
  assert.equal(text.trim(), whole.completion.trim());
  const read = await client.complete({ ...body, stream: true });
  assert.equal((await collect(read.text())).join(''), text);
  const final = (await (await client.complete({ ...body, stream: true })).finalMessage()) as unknown as typeof whole;
  assert.deepEqual([final.completion, final.stop_reason], [text, pieces.at(-1)?.stop_reason]);
  simulator.reply({ sse: 'data: {"type":"completion","completion":"a","stop_reason":null}\n\n' });
  const cut = await client.complete({ ...body, stream: true });
  await assert.rejects(
    collect(cut),
    (error) =>
      error instanceof IncompleteStreamError &&
      /before its stop_reason/.test(error.message) &&
      (error.partial as { completion?: string } | undefined)?.completion === 'a',
  );
});
