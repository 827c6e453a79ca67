// Every program on the front page runs, against the simulator.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createSimulator } from 'trae-native/simulator';

const page = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const programs = [...page.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, program]) => program as string);

function runProgram(name: string, source: string): Promise<{ code: number | null; out: string }> {
  // Within the package, so that it can import itself, but in no folder that is published.
  const folder = new URL('../target/readme/', import.meta.url);
  mkdirSync(folder, { recursive: true });
  const file = fileURLToPath(new URL(`${name}.mts`, folder));
  writeFileSync(file, source);
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--import', 'tsx', file], {
      env: { ...process.env, ANTHROPIC_API_KEY: 'k' },
    });
    let out = '';
    child.stdout.on('data', (chunk) => (out += chunk));
    child.stderr.on('data', (chunk) => (out += chunk));
    const timer = setTimeout(() => child.kill('SIGKILL'), 30_000);
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code, out });
    });
  });
}

test('the tour runs as it is written', async (t) => {
  const simulator = await createSimulator({ requireKey: true });
  t.after(() => simulator.close());
  const [tour, onion, native, testing] = programs as [string, string, string, string];
  const first = await runProgram('tour', tour.replace('https://api.anthropic.com', simulator.url));
  assert.equal(first.code, 0, first.out);
  assert.match(first.out, /req_.*You said: Hello/s);
  const ask = `
    const body = { model: 'm', max_tokens: 9, messages: [{ role: 'user', content: 'Hi' }] };
    await client.post('/messages', body);`;
  const second = await runProgram('onion', onion.replace('https://api.anthropic.com', simulator.url) + ask);
  assert.match(
    second.out,
    /^1\. before .*2\. log .*3\. finally .*4\. transport\nPOST \/messages 200 \d+ ms\n$/s,
    second.out,
  );
  simulator.reply([{ status: 529 }, {}]);
  const attempts = await runProgram('native', native.replace('https://api.anthropic.com', simulator.url) + keyed(ask));
  assert.deepEqual(attempts, { code: 0, out: 'attempt 1\nattempt 2\n' });
  const third = await runProgram('testing', testing);
  assert.match(third.out, /^OVERLOADED\nHello there\n2 \{/, third.out);
});

const keyed = (program: string) => program.replace('body);', "body, { headers: { 'x-api-key': 'k' } });");

test('every program of the guide to middlewares runs', async () => {
  const guide = readFileSync(new URL('../docs/write-a-middleware.md', import.meta.url), 'utf8');
  const all = [...guide.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, program]) => program as string);
  assert.equal(all.length, 3);
  for (const [number, program] of all.entries()) {
    const { code, out } = await runProgram(`guide-${number}`, program);
    assert.equal(code, 0, out);
  }
});

test('every program of the pages on middlewares runs', async (t) => {
  const simulator = await createSimulator();
  t.after(() => simulator.close());
  const folder = new URL('../docs/', import.meta.url);
  const pages = ['claude.md', ...readdirSync(new URL('middlewares/', folder)).map((name) => `middlewares/${name}`)];
  let count = 0;
  for (const name of pages)
    for (const [, program] of readFileSync(new URL(name, folder), 'utf8').matchAll(/```ts\n([\s\S]*?)```/g)) {
      const source = (program as string).replaceAll('https://api.anthropic.com', simulator.url);
      const { code, out } = await runProgram(`page-${count++}`, source);
      assert.equal(code, 0, `${name}: ${out}`);
      if (source.includes('claude')) assert.match(out, /You said: Hello/, name);
    }
  assert.ok(count >= 3, `${count} programs`);
});

/** Failures that nobody but the facade knows. */
const FACADE = ['VALIDATION ValidationError'];

test('the function of the page on warm-ups initializes with connections that its handler uses', async (t) => {
  const simulator = await createSimulator({ requireKey: true });
  t.after(() => simulator.close());
  const page = readFileSync(new URL('../docs/warmup.md', import.meta.url), 'utf8');
  const [program, ...more] = [...page.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, program]) => program as string);
  assert.equal(more.length, 0);
  const ask = `console.log(await handler({ question: 'Hello' }));`;
  const lambda = (program as string).replace('https://api.anthropic.com', simulator.url) + ask;
  const { code, out } = await runProgram('lambda', lambda);
  assert.equal(code, 0, out);
  assert.match(out, /^warm after [\d.]+ ms \[[\s\S]*connectMs[\s\S]*\]\nYou said: Hello\n$/);
  assert.equal(simulator.counters.connectionsTotal, 2);
});
for (const [page, count] of [
  ['middlewares/metrics', 2],
  ['tracing', 2],
] as const) {
  test(`every program of docs/${page}.md runs`, async () => {
    const text = readFileSync(new URL(`../docs/${page}.md`, import.meta.url), 'utf8');
    const all = [...text.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, program]) => program as string);
    assert.equal(all.length, count);
    for (const [number, program] of all.entries()) {
      const { code, out } = await runProgram(`${page.replace('/', '-')}-${number}`, program);
      assert.equal(code, 0, out);
    }
  });
}

test('the table of errors has every code of the engine and its class', async () => {
  const table = readFileSync(new URL('../docs/errors.md', import.meta.url), 'utf8');
  const documented = [...table.matchAll(/^\| `([A-Z_]+)` \| `(\w+)` \|/gm)].map(([, code, name]) => `${code} ${name}`);
  const facade = readFileSync(new URL('../js/errors.ts', import.meta.url), 'utf8');
  const classes = [...facade.matchAll(/^ {2}([A-Z_]+): (\w+),$/gm)].map(([, code, name]) => `${code} ${name}`);
  const engine = readFileSync(new URL('../src/error.rs', import.meta.url), 'utf8');
  const codes = [...engine.matchAll(/=> "([A-Z_]+)",/g)].map(([, code]) => code);
  assert.deepEqual(documented.sort(), [...classes, ...FACADE].sort());
  assert.deepEqual(classes.map((line) => line.split(' ')[0]).sort(), codes.sort());
});
