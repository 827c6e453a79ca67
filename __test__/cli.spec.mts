// The command: chat, simulate and doctor, as a shell runs them.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createSimulator } from 'trae-native/simulator';

const bin = fileURLToPath(new URL('../dist/bin/trae-native.js', import.meta.url));
const SECRET = 'sk-ant-secret-0123456789';
const KEYS = ['CLAUDE_API_KEY', 'ANTHROPIC_API_KEY', 'ANTHROPIC_AUTH_TOKEN', 'ANTHROPIC_BASE_URL', 'CLAUDE_BASE_URL'];

interface Ran {
  code: number | null;
  out: string;
  err: string;
}

async function run(args: string[], { input = '', env = {} }: { input?: string; env?: object } = {}): Promise<Ran> {
  const clean = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !KEYS.includes(name) && !/proxy/i.test(name)),
  );
  const child = spawn(process.execPath, [bin, ...args], { env: { ...clean, ...env } });
  child.stdin.end(input);
  let [out, err] = ['', ''];
  child.stdout.on('data', (piece) => (out += piece));
  child.stderr.on('data', (piece) => (err += piece));
  const [code] = await once(child, 'close');
  return { code, out, err };
}

async function simulated(t: TestContext, options = {}): Promise<Awaited<ReturnType<typeof createSimulator>>> {
  const simulator = await createSimulator(options);
  t.after(() => simulator.close());
  return simulator;
}

test('every help fits a screen, and a wrong command or flag is told with exit code 2', async () => {
  for (const args of [['--help'], ['chat', '--help'], ['simulate', '--help'], ['doctor', '--help']]) {
    const { code, out, err } = await run(args);
    assert.deepEqual([code, err], [0, '']);
    const lines = out.split('\n');
    assert.ok(lines.length <= 24 && lines.every((line) => line.length <= 80), `${args}: ${lines.length} lines`);
  }
  assert.match((await run(['--version'])).out, /^\d+\.\d+\.\d+\n$/);
  for (const [args, told] of [
    [[], /^Usage: trae-native <command>/],
    [['dcotor'], /there is no command "dcotor"/],
    [['chat', '--modle', 'x'], /Unknown option '--modle'/],
    [['chat', '--max-tokens', '0'], /--max-tokens must be a whole number from 1/],
    [['simulate', '--port', '70000'], /--port must be a whole number from 0 to 65535/],
    [['simulate', '--script', '/nowhere.json'], /--script \/nowhere\.json: ENOENT/],
  ] as [string[], RegExp][]) {
    const { code, out, err } = await run(args);
    assert.deepEqual([code, out], [2, ''], err);
    assert.match(err, told);
    assert.doesNotMatch(err, /\n {4}at /, 'a stack is of no use to who types');
  }
});

test('doctor goes from the addon to one tiny call, and says no key', async (t) => {
  const simulator = await simulated(t, { requireKey: true });
  const args = ['doctor', '--base-url', simulator.url];
  const { code, out } = await run(args, { env: { ANTHROPIC_API_KEY: SECRET } });
  assert.equal(code, 0, out);
  const steps = out.split('\n').filter((line) => /^(ok|no) /.test(line));
  assert.deepEqual(
    steps.map((line) => line.split(/ +/).slice(0, 2).join(' ')),
    ['ok addon', 'ok config', 'ok key', 'ok dns', 'ok connect', 'ok head', 'ok call', 'ok limits'].slice(
      0,
      steps.length,
    ),
  );
  assert.match(out, /call {7}claude-haiku-4-5 answered, \d+ tokens in, \d+ out, req_\w+ \(.* ms\)/);
  const json = await run([...args, '--json'], { env: { ANTHROPIC_API_KEY: SECRET } });
  assert.equal(JSON.parse(json.out).ok, true);
  assert.doesNotMatch(out + json.out, /secret/);
  assert.ok(!out.includes('\u001b'), 'no colours, since this is no terminal');
  const without = await run([...args, '--no-call']);
  assert.equal(without.code, 0, without.out);
  assert.deepEqual(simulator.received.map(({ method }) => method).filter((method) => method === 'POST').length, 2);
});

test('doctor says for each fault what to mend', async (t) => {
  const simulator = await simulated(t, { tls: true });
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as { port: number };
  taken.close();
  await once(taken, 'close');
  const key = { ANTHROPIC_API_KEY: SECRET };
  const plain = await simulated(t);
  plain.always({ status: 401 });
  const cases: [string[], object, RegExp][] = [
    [['--base-url', 'nonsense'], key, /^no {2}config .*\n.*set ANTHROPIC_BASE_URL/m],
    [['--base-url', 'http://none.invalid'], key, /^no {2}dns .*\n.*name server/m],
    [['--base-url', `http://127.0.0.1:${port}`], key, /^no {2}connect .*CONNECTION_REFUSED.*\n.*nobody listens/m],
    [['--base-url', simulator.url], key, /^no {2}connect .*TLS.*\n.*NODE_EXTRA_CA_CERTS/m],
    [['--base-url', plain.url], {}, /^no {2}key .*\n.*--no-call/m],
    [['--base-url', plain.url], { ANTHROPIC_API_KEY: `${SECRET}\n` }, /^no {2}key .*line break.*\n.*set .* anew/m],
    [['--base-url', plain.url], key, /^no {2}call .*AUTHENTICATION.*\n.*key is not accepted/m],
    [
      ['--base-url', plain.url],
      { ...key, HTTP_PROXY: `http://user:${SECRET}@127.0.0.1:${port}` },
      /^ok {2}proxy .*HTTP_PROXY names 127\.0\.0\.1:\d+\n[\s\S]*^no {2}connect/m,
    ],
  ];
  await Promise.all(
    cases.map(async ([args, env, told]) => {
      const { code, out, err } = await run(['doctor', ...args], { env });
      assert.equal(code, 1, out + err);
      assert.match(out, told);
      assert.doesNotMatch(out + err, /secret/);
    }),
  );
});

test('chat answers line by line, keeps the conversation in its file, and tells figures', async (t) => {
  const simulator = await simulated(t);
  const folder = mkdtempSync(join(tmpdir(), 'trae-chat-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const session = join(folder, 'talk.json');
  const env = { ANTHROPIC_API_KEY: SECRET };
  const args = ['chat', '--base-url', simulator.url, '--session', session];
  const first = await run(args, { input: 'Hello\n\nAgain\n/exit\nnever\n', env });
  assert.equal(first.code, 0, first.err);
  assert.match(
    first.out,
    /^You said: Hello\n\[first after .*, \d+ tokens\/s; 27 tokens in, 3 out\]\nYou said: Again\n\[/,
  );
  assert.equal(statSync(session).mode & 0o777, 0o600);
  const second = await run([...args, '--json', '--system', 'brief', '--max-tokens', '9'], { input: 'More', env });
  const { text, output, firstMs } = JSON.parse(second.out);
  assert.deepEqual([text, typeof output, typeof firstMs], ['You said: More', 'number', 'number']);
  const body = simulator.received.at(-1)?.json() as { messages: unknown[]; system: string; max_tokens: number };
  assert.deepEqual([body.messages.length, body.system, body.max_tokens], [5, 'brief', 9]);
  assert.equal(JSON.parse(readFileSync(session, 'utf8')).messages.length, 6);
  await run(args, { input: '/new\n', env });
  assert.equal(JSON.parse(readFileSync(session, 'utf8')).messages.length, 0);
  writeFileSync(session, '{');
  const broken = await run(args, { env });
  assert.deepEqual([broken.code, broken.out], [2, '']);
  assert.match(broken.err, /--session .*talk\.json: /);
});

test('chat tells what went wrong, what to mend, and goes on; without a key it says so at once', async (t) => {
  const simulator = await simulated(t);
  simulator.reply([{ status: 401 }, {}]);
  const failed = await run(['chat', '--base-url', simulator.url], {
    input: 'a\nb\n',
    env: { ANTHROPIC_API_KEY: SECRET },
  });
  assert.match(failed.err, /key is not accepted/);
  assert.deepEqual([failed.code, failed.out.startsWith('You said: b\n')], [0, true]);
  const last = await run(['chat', '--base-url', simulator.url, '--json'], {
    input: 'a',
    env: { ANTHROPIC_API_KEY: '' },
  });
  assert.equal(last.code, 1);
  assert.match(last.err, /claude\(\) needs a key/);
  assert.match((await run(['chat', '--simulate'], { input: 'Hi' })).out, /^You said: Hi\n/);
});

test('simulate prints where it is, answers by its script, and ends when it is told to', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'trae-script-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const script = join(folder, 'script.json');
  writeFileSync(script, JSON.stringify([{ status: 529 }]));
  const child = spawn(process.execPath, [bin, 'simulate', '--script', script]);
  const [line] = await once(child.stdout, 'data');
  const { url, pid } = JSON.parse(line.toString());
  const statuses = [await fetch(`${url}/v1/models`), await fetch(`${url}/v1/models`)].map(({ status }) => status);
  assert.deepEqual([statuses, pid], [[529, 200], child.pid]);
  child.kill('SIGTERM');
  assert.deepEqual(await once(child, 'exit'), [0, null]);
});
