// Every program on the front page and in docs runs, against the simulator. The guide to middlewares: guide.spec.mts.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { createSimulator } from 'trae-native/simulator';
import { page, programs, run } from './helpers/pages.mts';
import { redis } from './helpers/redis.mts';

test('the tour runs as it is written', async (t) => {
  const simulator = await createSimulator({ requireKey: true });
  t.after(() => simulator.close());
  const [tour, onion, native, testing] = programs(page('README.md')) as [string, string, string, string];
  const first = await run('tour', tour.replace('https://api.anthropic.com', simulator.url));
  assert.equal(first.code, 0, first.out);
  assert.match(first.out, /req_.*You said: Hello/s);
  const ask = `
    const body = { model: 'm', max_tokens: 9, messages: [{ role: 'user', content: 'Hi' }] };
    await client.post('/messages', body);`;
  const second = await run('onion', onion.replace('https://api.anthropic.com', simulator.url) + ask);
  assert.match(
    second.out,
    /^1\. before .*2\. log .*3\. finally .*4\. transport\nPOST \/messages 200 \d+ ms\n$/s,
    second.out,
  );
  simulator.reply([{ status: 529 }, {}]);
  const attempts = await run('native', native.replace('https://api.anthropic.com', simulator.url) + keyed(ask));
  assert.deepEqual(attempts, { code: 0, out: 'attempt 1\nattempt 2\n' });
  const third = await run('testing', testing);
  assert.match(third.out, /^OVERLOADED\nHello there\n2 \{/, third.out);
});

const keyed = (program: string) => program.replace('body);', "body, { headers: { 'x-api-key': 'k' } });");

test('every program of the pages on middlewares runs', async (t) => {
  const simulator = await createSimulator();
  t.after(() => simulator.close());
  const folder = new URL('../docs/', import.meta.url);
  const pages = [
    'claude.md',
    'proxy.md',
    'sessions.md',
    'store.md',
    'streams.md',
    'tools.md',
    ...readdirSync(new URL('middlewares/', folder)).map((name) => `middlewares/${name}`),
  ];
  let count = 0;
  for (const name of pages)
    for (const program of programs(page(`docs/${name}`))) {
      const source = program.replaceAll('https://api.anthropic.com', simulator.url);
      const { code, out } = await run(`page-${count++}`, source);
      assert.equal(code, 0, `${name}: ${out}`);
      if (/\bclaude\(/.test(source)) assert.match(out, /You said: Hello|"text":"Hello"/, name);
    }
  assert.ok(count >= 3, `${count} programs`);
});

test('every program of the page on the rest of the Claude API runs', async (t) => {
  const simulator = await createSimulator({ requireKey: true });
  t.after(() => simulator.close());
  const [batch, list, file, ...more] = programs(page('docs/api.md')).map((program) =>
    program.replaceAll('https://api.anthropic.com', simulator.url),
  ) as [string, string, string];
  assert.equal(more.length, 0);
  const state = { id: 'b1', type: 'message_batch', processing_status: 'ended', request_counts: {} };
  const message = { content: [{ type: 'text', text: 'Hi' }] };
  const rows = [
    { custom_id: 'a', result: { type: 'succeeded', message } },
    { custom_id: 'b', result: { type: 'expired' } },
  ];
  simulator.reply([
    { body: { ...state, processing_status: 'in_progress' } },
    { body: { ...state, results_url: `${simulator.url}/v1/results` } },
    { body: rows.map((row) => JSON.stringify(row)).join('\n') },
  ]);
  assert.deepEqual(await run('api-batch', batch), { code: 0, out: 'a Hi\nb expired\n' });
  assert.match((await run('api-list', list)).out, /^claude-/);
  simulator.reply([{ body: { id: 'f1' } }, { body: 'content' }]);
  const sent = await run('api-file', file.replace("'copy.txt'", `'${tmpdir()}/trae-copy-${process.pid}.txt'`));
  assert.match(sent.out, /copy-\d+\.txt 7\n$/);
});

test('every program of the recipes runs, with a Redis where it shares state, and goes on without one', async (t) => {
  const simulator = await createSimulator({ requireKey: true });
  t.after(() => simulator.close());
  const server = await redis(t);
  if (!server) return;
  // The environment of a recipe, as a service has it.
  const given = (url: string) =>
    `Object.assign(process.env, { ANTHROPIC_API_KEY: 'k', ANTHROPIC_BASE_URL: '${simulator.url}', REDIS_URL: '${url}' });\n`;
  const recipe = async (name: string, url: string) => {
    const [program] = programs(page(`docs/recipes/${name}.md`)) as [string];
    const imports = program.slice(0, program.indexOf('\n\n'));
    const { code, out } = await run(`recipe-${name}`, `${imports}\n${given(url)}${program.slice(imports.length)}`);
    return { code, lines: out.trim().split('\n') };
  };
  const one = await recipe('one-process', '');
  assert.equal(one.code, 0, one.lines.join('\n'));
  assert.equal(one.lines[0], 'miss hit');
  const replicas = await recipe('replicas', server.url);
  assert.deepEqual([replicas.code, ...replicas.lines], [0, 'miss', '2']);
  const serverless = await recipe('serverless', server.url);
  assert.deepEqual([serverless.code, serverless.lines[0]], [0, 'miss'], serverless.lines.join('\n'));
  const again = await recipe('serverless', server.url);
  assert.equal(again.lines[0], 'hit', 'another instance has what one was answered');
  await server.kill();
  const without = await recipe('serverless', server.url);
  assert.deepEqual(
    [without.code, without.lines.find((line) => line === 'miss')],
    [0, 'miss'],
    without.lines.join('\n'),
  );
});

test('every program of the page on other clients runs, with what it says', async (t) => {
  const simulator = await createSimulator({ requireKey: true });
  t.after(() => simulator.close());
  const all = programs(page('docs/migrate.md')).map((program) =>
    program.replaceAll('https://api.anthropic.com', simulator.url),
  );
  const outs = await Promise.all(all.map((program, number) => run(`migrate-${number}`, program)));
  const said = outs.map(({ out }) => out.replaceAll(/req_\w+/g, 'req'));
  assert.deepEqual(said, ['200 greeting\nYou said: Hello\n', 'the end of /models well\n', 'You said: Helloreq\n']);
});

/** Failures that nobody but the facade knows. */
const FACADE = ['VALIDATION ValidationError'];

test('the function of the page on warm-ups initializes with connections that its handler uses', async (t) => {
  const simulator = await createSimulator({ requireKey: true });
  t.after(() => simulator.close());
  const [program, ...more] = programs(page('docs/warmup.md'));
  assert.equal(more.length, 0);
  const ask = `console.log(await handler({ question: 'Hello' }));`;
  const lambda = (program as string).replace('https://api.anthropic.com', simulator.url) + ask;
  const { code, out } = await run('lambda', lambda);
  assert.equal(code, 0, out);
  assert.match(out, /^warm after [\d.]+ ms \[[\s\S]*connectMs[\s\S]*\]\nYou said: Hello\n$/);
  assert.equal(simulator.counters.connectionsTotal, 2);
});
test('every program of the pages on tests and on axios runs', async () => {
  const outs = await Promise.all(
    ['testing', 'axios'].flatMap((name) =>
      programs(page(`docs/${name}.md`)).map((program, number) => run(`${name}-${number}`, program)),
    ),
  );
  assert.deepEqual(
    outs.map(({ code, out }) => (code === 0 ? 'runs' : out)),
    ['runs', 'runs', 'runs', 'runs', 'runs'],
  );
  assert.match(outs.at(-1)?.out ?? '', /greeting: 'Hello'[\s\S]*ERR_BAD_REQUEST NotFoundError/);
});

test('every program of the page on tracing runs', async () => {
  const all = programs(page('docs/tracing.md'));
  assert.equal(all.length, 2);
  for (const [number, program] of all.entries()) {
    const { code, out } = await run(`tracing-${number}`, program);
    assert.equal(code, 0, out);
  }
});

test('the table of errors has every code of the engine and its class', async () => {
  const table = page('docs/errors.md');
  const documented = [...table.matchAll(/^\| `([A-Z_]+)` \| `(\w+)` \|/gm)].map(([, code, name]) => `${code} ${name}`);
  const facade = page('js/errors.ts');
  const classes = [...facade.matchAll(/^ {2}([A-Z_]+): (\w+),$/gm)].map(([, code, name]) => `${code} ${name}`);
  const engine = page('src/error.rs');
  const codes = [...engine.matchAll(/=> "([A-Z_]+)",/g)].map(([, code]) => code);
  assert.deepEqual(documented.sort(), [...classes, ...FACADE].sort());
  assert.deepEqual(classes.map((line) => line.split(' ')[0]).sort(), codes.sort());
});

test('every program of the page on fetch runs, with the clients that it names', async (t) => {
  const simulator = await createSimulator({ requireKey: true });
  t.after(() => simulator.close());
  const all = programs(page('docs/fetch.md')).map((program) =>
    program.replaceAll('https://api.anthropic.com', simulator.url),
  );
  const outs = await Promise.all(
    all.map((program, number) => run(`fetch-${number}`, claudeAt(program, simulator.url))),
  );
  assert.deepEqual(
    outs.map(({ code }) => code),
    [0, 0, 0],
    outs.map(({ out }) => out).join('\n'),
  );
  assert.match(outs[0]?.out ?? '', /You said: Hello true/);
  assert.match(outs[1]?.out ?? '', /You said: Hello\n404\n\{[\s\S]*true 200/);
  assert.match(outs[2]?.out ?? '', /POST 200 true\nYou said: Hello/);
});

const claudeAt = (program: string, url: string) =>
  program.replace('claude()', `claude({ baseURL: '${url}/v1', proxy: false, logger: false })`);
