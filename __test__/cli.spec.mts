// The command: chat, simulate and doctor, as a shell runs them.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createSimulator } from 'trae-native/simulator';
import { until } from './helpers/simulator.mts';

const bin = fileURLToPath(new URL('../dist/bin/trae-native.js', import.meta.url));
const SECRET = 'sk-ant-secret-0123456789';
const KEYS = ['CLAUDE_API_KEY', 'ANTHROPIC_API_KEY', 'ANTHROPIC_AUTH_TOKEN', 'ANTHROPIC_BASE_URL', 'CLAUDE_BASE_URL'];

const PAIR = [
  { role: 'user', content: 'Hi' },
  { role: 'assistant', content: [{ type: 'text', text: 'Hello' }] },
];

interface Ran {
  code: number | null;
  out: string;
  err: string;
}

/** An environment in which nothing is said of the API but this. */
function environment(own: object): NodeJS.ProcessEnv {
  const clean = Object.entries(process.env).filter(([name]) => !KEYS.includes(name) && !/proxy/i.test(name));
  return { ...Object.fromEntries(clean), ...own };
}

async function run(args: string[], { input = '', env = {} }: { input?: string; env?: object } = {}): Promise<Ran> {
  const child = spawn(process.execPath, [bin, ...args], { env: environment(env) });
  child.stdin.end(input);
  let [out, err] = ['', ''];
  child.stdout.on('data', (piece) => (out += piece));
  child.stderr.on('data', (piece) => (err += piece));
  const [code] = await once(child, 'close');
  return { code, out, err };
}

/** What a process has said so far. */
function collected(from: Readable): { text: string; has(part: string): Promise<void> } {
  const said = {
    text: '',
    has: (part: string) => until(() => said.text.includes(part), part),
  };
  from.on('data', (piece) => (said.text += piece));
  return said;
}

/** Waits until so many messages are in the file: it is written after the answer was printed. */
function kept(session: string, messages: number): Promise<void> {
  const there = () => existsSync(session) && JSON.parse(readFileSync(session, 'utf8')).messages.length === messages;
  return until(there, `${messages} messages in ${session}`);
}

async function simulated(t: TestContext, options = {}): Promise<Awaited<ReturnType<typeof createSimulator>>> {
  const simulator = await createSimulator(options);
  t.after(() => simulator.close());
  return simulator;
}

/** A folder that is gone with its test. */
function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'trae-cli-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test('every help fits a screen, and a wrong command, flag or file is told with exit code 2', async (t) => {
  const place = folder(t);
  const [odd, bad] = [join(place, 'odd.json'), join(place, 'bad.json')];
  writeFileSync(odd, '5');
  writeFileSync(bad, '[{ "stauts": 200 }]');
  for (const args of [['--help'], ['chat', '--help'], ['simulate', '--help'], ['doctor', '--help']]) {
    const { code, out, err } = await run(args);
    const asked = await run(['help', ...args].filter((arg) => arg !== '--help'));
    assert.deepEqual(asked, { code, out, err });
    assert.deepEqual([code, err], [0, '']);
    const lines = out.split('\n');
    assert.ok(lines.length <= 24 && lines.every((line) => line.length <= 80), `${args}: ${lines.length} lines`);
  }
  assert.match((await run(['--version'])).out, /^\d+\.\d+\.\d+\n$/);
  for (const [args, told] of [
    [[], /^Usage: trae-native <command>/],
    [['dcotor'], /there is no command "dcotor"\. Did you mean doctor\?/],
    [['toString'], /there is no command "toString"/],
    [['help', 'nope'], /there is no command "nope"/],
    [['chat', '--modle', 'x'], /Unknown option '--modle': did you mean --model\?/],
    [['doctor', '--nocall=1'], /Unknown option '--nocall': did you mean --no-call\?/],
    [['chat', '--nope'], /Unknown option '--nope': there are --model, --system, .*--help\./],
    [['chat', '--model', '--json'], /^trae-native: Option '--model' argument is ambiguous\.\n$/],
    [['chat', 'Hello'], /Unexpected argument 'Hello'/],
    [['chat', '--base-url', `nonsense-${SECRET}`], /--base-url must be an URL such as/],
    [['chat', '--base-url', `ftp://${SECRET}@x`], /--base-url must be an URL such as/],
    [['chat', '--base-url', `https://user:${SECRET}@x`], /--base-url holds a user name or password/],
    [['chat', '--session', tmpdir()], /--session .*: it is a folder/],
    [
      ['chat', '--session', '/nowhere/talk.json'],
      /--session \/nowhere\/talk\.json: its folder is not there \(ENOENT\)/,
    ],
    [['chat', '--session', bin], /--session .*trae-native\.js: .*JSON/],
    [['chat', '--simulate', '--session', odd], /--session .*odd\.json: import\(\) takes what export\(\) gave/],
    [['chat', '--max-tokens', '0'], /--max-tokens must be a whole number from 1/],
    [['simulate', '--port', '70000'], /--port must be a whole number from 0 to 65535/],
    [['simulate', '--script', '/nowhere.json'], /--script \/nowhere\.json: ENOENT/],
    [['simulate', '--script', odd], /--script .*odd\.json: .*/],
    [['simulate', '--script', bad], /--script .*bad\.json: .*stauts/],
  ] as [string[], RegExp][]) {
    const { code, out, err } = await run(args);
    assert.deepEqual([code, out], [2, ''], err);
    assert.match(err, told);
    assert.doesNotMatch(err, /\n {4}at |secret/, 'a stack is of no use to who types');
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

test('doctor says that a server which answers as one that fails is there, and not well', async (t) => {
  const simulator = await simulated(t);
  const env = { ANTHROPIC_API_KEY: SECRET };
  const args = ['doctor', '--base-url', simulator.url, '--no-call'];
  for (const [status, told] of [
    [529, /^no {2}head {7}answered 529 .*not well.*\n.*overloaded/m],
    [500, /^no {2}head {7}answered 500 .*not well.*\n.*fails/m],
    [503, /^no {2}head {7}answered 503 .*not well.*\n.*fails/m],
  ] as const) {
    simulator.always({ status });
    const { code, out } = await run(args, { env });
    assert.equal(code, 1, out);
    assert.match(out, told);
  }
  for (const status of [401, 404, 405, 501]) {
    simulator.always({ status });
    const { code, out } = await run(args, { env });
    assert.equal(code, 0, out);
  }
});

test('doctor prints no key that stands in the base URL, and times as people write them', async (t) => {
  const simulator = await simulated(t);
  const { host } = new URL(simulator.url);
  const env = { ANTHROPIC_API_KEY: 'other' };
  const urls: [string, number, RegExp][] = [
    [`http://user:${SECRET}@${host}`, 1, /user name or password/],
    [`http://${host}/?key=${SECRET}`, 0, /a query that is not shown/],
    [`http://${host}/${SECRET}/v1`, 0, /\/\[redacted\]\/v1/],
    [`${SECRET}://${host}`, 1, /begins with \[redacted\]/],
    [`http://${SECRET}.invalid`, 1, /\[redacted\].*is not known/],
  ];
  for (const [url, expected, told] of urls) {
    for (const more of [[], ['--json']]) {
      const { code, out, err } = await run(['doctor', '--no-call', '--base-url', url, ...more], { env });
      assert.equal(code, expected, out + err);
      assert.match(out, told);
      assert.doesNotMatch(out + err, /secret/);
    }
  }
  const { out } = await run(['doctor', '--base-url', simulator.url, '--json'], { env });
  for (const { ms } of JSON.parse(out).steps) if (ms !== undefined) assert.match(String(ms), /^\d+(\.\d)?$/);
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
  const session = join(folder(t), 'talk.json');
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
  const { text, output, firstMs, totalMs } = JSON.parse(second.out);
  assert.deepEqual([text, typeof output], ['You said: More', 'number']);
  for (const ms of [firstMs, totalMs]) assert.match(String(ms), /^\d+(\.\d)?$/);
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
  const script = join(folder(t), 'script.json');
  writeFileSync(script, JSON.stringify([{ status: 529 }]));
  const child = spawn(process.execPath, [bin, 'simulate', '--script', script]);
  const [line] = await once(child.stdout, 'data');
  const { url, pid } = JSON.parse(line.toString());
  const statuses = [await fetch(`${url}/v1/models`), await fetch(`${url}/v1/models`)].map(({ status }) => status);
  assert.deepEqual([statuses, pid], [[529, 200], child.pid]);
  child.kill('SIGTERM');
  assert.deepEqual(await once(child, 'exit'), [0, null]);
});

test('a conversation that another process has gone on with is told, and neither of the two is lost', async (t) => {
  const simulator = await simulated(t);
  const session = join(folder(t), 'talk.json');
  const args = [bin, 'chat', '--base-url', simulator.url, '--session', session];
  for (const before of [0, 2]) {
    const env = environment({ ANTHROPIC_API_KEY: SECRET });
    const first = spawn(process.execPath, args, { env });
    const said = collected(first.stdout);
    const told = collected(first.stderr);
    first.stdin.write('One\n');
    await said.has('tokens in');
    await kept(session, before + 2);
    const second = await run(args.slice(1), { input: 'Two\n', env: { ANTHROPIC_API_KEY: SECRET } });
    assert.equal(second.code, 0, second.err);
    const theirs = readFileSync(session, 'utf8');
    first.stdin.end('Three\nFour\n');
    assert.deepEqual(await once(first, 'close'), [1, null]);
    const aside = `${session}.${first.pid}`;
    assert.ok(told.text.includes(`another process has changed --session ${session} meanwhile`), told.text);
    assert.ok(told.text.includes(`go on with this conversation by --session ${aside}`), told.text);
    assert.equal(readFileSync(session, 'utf8'), theirs);
    assert.match(theirs, /Two/);
    const ours = readFileSync(aside, 'utf8');
    assert.deepEqual(
      [/One/, /Two/, /Three/, /Four/].map((word) => word.test(ours)),
      [true, false, true, false],
    );
    rmSync(session);
    writeFileSync(session, JSON.stringify({ version: 1, id: 'x', messages: PAIR }));
  }
});

test('a file that can not be written any more is told, and the answer is there all the same', async (t) => {
  const simulator = await simulated(t);
  const place = join(folder(t), 'deep');
  mkdirSync(place);
  const session = join(place, 'talk.json');
  const env = environment({ ANTHROPIC_API_KEY: SECRET });
  const child = spawn(process.execPath, [bin, 'chat', '--base-url', simulator.url, '--session', session], { env });
  const said = collected(child.stdout);
  const told = collected(child.stderr);
  child.stdin.write('One\n');
  await said.has('tokens in');
  await kept(session, 2);
  rmSync(place, { recursive: true });
  child.stdin.end('Two\n');
  assert.deepEqual(await once(child, 'close'), [1, null]);
  assert.match(said.text, /You said: Two/);
  assert.match(told.text, /--session .*talk\.json could not be written: its folder is not there \(ENOENT\)/);
});

test('a command of chat that there is not is refused with those that there are, and nothing is sent', async (t) => {
  const simulator = await simulated(t);
  const args = ['chat', '--base-url', simulator.url];
  const env = { ANTHROPIC_API_KEY: SECRET };
  for (const input of ['/nope', '/Exit', '/', '/nope with words', '/new one']) {
    const { code, out, err } = await run(args, { input, env });
    assert.deepEqual([code, out], [2, ''], input);
    assert.match(err, /there is no command "\/[\w ]*": \/new forgets the conversation, \/exit leaves/);
  }
  const json = await run([...args, '--json'], { input: '/nope', env });
  assert.match(JSON.parse(json.out).error.message, /there is no command "\/nope": /);
  assert.equal(simulator.received.filter(({ method }) => method === 'POST').length, 0);
  const path = await run(args, { input: '/etc/hosts is what?\n', env });
  assert.match(path.out, /^You said: \/etc\/hosts is what\?/);
});

test('output that nobody takes is a sentence and no stack, and none at all where the reader has enough', async (t) => {
  if (process.platform !== 'linux') return t.skip('only Linux has a disk that is always full');
  const simulator = await simulated(t);
  const env = environment({ ANTHROPIC_API_KEY: SECRET });
  const doctor = ['doctor', '--no-call', '--base-url', simulator.url];
  for (const args of [['--help'], ['--version'], doctor, ['chat', '--base-url', simulator.url], ['simulate']]) {
    const full = openSync('/dev/full', 'w');
    const child = spawn(process.execPath, [bin, ...args], { env, stdio: ['pipe', full, 'pipe'] });
    closeSync(full);
    child.stdin?.end('Hello\n');
    const told = collected(child.stderr as Readable);
    assert.deepEqual(await once(child, 'close'), [1, null], String(args));
    assert.equal(told.text, "trae-native: the output can't be written: the disk is full (ENOSPC).\n");
  }
  const child = spawn(process.execPath, [bin, ...doctor], { env });
  child.stdout.destroy();
  const told = collected(child.stderr);
  const [code] = await once(child, 'close');
  assert.deepEqual([code, told.text], [0, '']);
});
