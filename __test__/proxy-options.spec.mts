// How the proxy is told what to do, from where, and what it says of a mistake; how it starts, reloads and stops.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createProxy } from 'trae-native/proxy';
import { ask, before, command, flags, proxied, question, Raw } from './helpers/proxy.mts';
import { until } from './helpers/simulator.mts';

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'trae-proxy-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Signals, and sockets of the file system. */
const POSIX = { skip: process.platform === 'win32' && 'there is no such thing on Windows' };

const program = fileURLToPath(new URL('../dist/bin/trae-native.js', import.meta.url));

test('a file in TOML and one in JSON say the same, and flags stand over the environment, and that over the file', async (t) => {
  const { simulator } = await proxied(t);
  const path = folder(t);
  const toml = `listen = "127.0.0.1:0"\nlogger = false\n[upstream]\nurl = "${simulator.url}"\nkey = "k"\nproxy = false\n[cache]\nttl = 1000\n`;
  const json = {
    listen: '127.0.0.1:0',
    logger: false,
    upstream: { url: simulator.url, key: 'k', proxy: false },
    cache: { ttl: 1000 },
  };
  writeFileSync(join(path, 'p.toml'), toml);
  writeFileSync(join(path, 'p.json'), JSON.stringify(json, null, 2));
  const ttl = async (file: string, environment = {}, flags = {}, options = {}) => {
    const proxy = await createProxy(options, { file: join(path, file), environment, flags });
    const about = (await (await fetch(`${proxy.url}/-/about`)).json()) as { cache: { ttlMs: number } };
    await proxy.close();
    return about.cache.ttlMs;
  };
  assert.deepEqual([await ttl('p.toml'), await ttl('p.json')], [1000, 1000]);
  assert.equal(await ttl('p.toml', { TRAE_PROXY_CACHE_TTL: '2000' }), 2000);
  assert.equal(await ttl('p.toml', { TRAE_PROXY_CACHE_TTL: '2000' }, {}, { cache: { ttl: 3000 } }), 3000);
  assert.equal(
    await ttl('p.toml', { TRAE_PROXY_CACHE_TTL: '2000' }, { 'cache.ttl': '4000' }, { cache: { ttl: 3000 } }),
    4000,
  );
});

test('a mistake is told with its file, its line and the name that was meant', async (t) => {
  const path = folder(t);
  const cases: [string, RegExp][] = [
    ['listn = "127.0.0.1:0"', /p\.toml:1: unknown option `listn`: did you mean `listen`\?/],
    ['[cache]\nttl = 5\ntl = 6', /p\.toml:3: unknown option `cache\.tl`: did you mean `cache\.ttl`\?/],
    ['[cache]\nttl = "long"', /p\.toml:2: `cache\.ttl` must be a number of milliseconds, got a string/],
    [
      '[[callers]]\nname = "a"\nkey = "0123456789abcdef"\n[[callers]]\nname = "b"\nkeey = "x"',
      /p\.toml:4: `callers\[1\]\.key` is missing/,
    ],
    [
      '[[callers]]\nname = "a"\nkey = "0123456789abcdef"\nmodel = "x"',
      /p\.toml:4: unknown option `callers\[0\]\.model`: did you mean `callers\[0\]\.models`\?/,
    ],
    ['[[callers]]\nname = "a"\nkey = "short"', /p\.toml:3: `callers\[0\]\.key` has less than 16 characters/],
    [
      '[[callers]]\nname = "a"\nkey = "file:/nowhere/key"',
      /p\.toml:3: `callers\[0\]\.key` stands in \/nowhere\/key, which can't be read/,
    ],
    [
      '[upstream]\nkey = "env:NOT_SET_AT_ALL"',
      /p\.toml:2: `upstream\.key` stands in the environment as NOT_SET_AT_ALL, which is not set/,
    ],
    ['[upstream]\nmaxSocket = 3', /p\.toml:2: unknown option/],
    ['[limits]\nheaderBytes = 1', /p\.toml:2: `limits\.headerBytes` must be a whole number of at least 8192, got 1/],
    ['a = 1\nb = ', /p\.toml:2: this is no TOML/],
    ['listen = "0.0.0.0:1"', /p\.toml:1: `listen` is 0\.0\.0\.0:1, which others reach/],
    ['listen = "somewhere"', /p\.toml:1: `listen` must be host:port/],
    ['[tls]\ncert = "/nowhere.pem"\nkey = "/nowhere.key"', /p\.toml:2: `tls\.cert`: \/nowhere\.pem can't be used/],
  ];
  for (const [text, expected] of cases) {
    writeFileSync(join(path, 'p.toml'), text);
    await assert.rejects(createProxy({}, { file: join(path, 'p.toml') }), { code: 'CONFIG', message: expected }, text);
  }
  writeFileSync(join(path, 'p.json'), '{\n  "cache": {\n    "tll": 5\n  }\n}');
  await assert.rejects(createProxy({}, { file: join(path, 'p.json') }), {
    message: /p\.json:3: unknown option `cache\.tll`/,
  });
  await assert.rejects(createProxy({}, { file: join(path, 'none.toml') }), { message: /none\.toml can't be read/ });
  await assert.rejects(createProxy({}, { environment: { TRAE_PROXY_CACHE_TLL: '5' } }), {
    message: /TRAE_PROXY_CACHE_TLL .*did you mean TRAE_PROXY_CACHE_TTL\?/,
  });
  await assert.rejects(createProxy({}, { flags: { 'cache.tll': '5' } }), {
    message: /--set cache\.tll: unknown option `cache\.tll`: did you mean/,
  });
  await assert.rejects(createProxy({ cache: { ttl: -1 } }), { message: /`cache\.ttl`/ });
});

test('the command has a help that fits a screen, and makes a key of which the digest opens the door', async (t) => {
  const help = execFileSync(process.execPath, [program, 'proxy', '--help'], { encoding: 'utf8' });
  assert.ok(help.split('\n').length <= 24 && help.split('\n').every((line) => line.length <= 120), help);
  const out = execFileSync(process.execPath, [program, 'proxy', '--new-key'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const { key, digest } = JSON.parse(out) as { key: string; digest: string };
  const { proxy } = await proxied(t, { callers: [{ name: 'new', key: digest }] });
  assert.equal((await ask(proxy, question(), { headers: { 'x-api-key': key } })).status, 200);
});

test(
  'SIGHUP reads the options again: what changed holds, what did not keeps its state, and a mistake changes nothing',
  POSIX,
  async (t) => {
    const { simulator } = await proxied(t);
    const file = join(folder(t), 'p.json');
    const write = (more: object) => {
      const { listen, logger, upstream } = before(simulator);
      writeFileSync(file, JSON.stringify({ listen, logger, upstream, ...more }));
    };
    write({});
    const { url, pid, said } = await command(t, ['--config', file]);
    await ask({ url });
    write({ callers: [{ name: 'late', key: 'key-of-the-late-caller' }] });
    process.kill(pid, 'SIGHUP');
    await until(async () => (await ask({ url })).status === 401, 'the caller is known');
    const late = await ask({ url }, question(), { headers: { 'x-api-key': 'key-of-the-late-caller' } });
    assert.deepEqual([late.status, late.headers.get('x-cache')], [200, 'hit']);
    assert.match(said(), /the options were read again/);
    write({ cache: { tll: 1 } });
    process.kill(pid, 'SIGHUP');
    await until(
      () => /the options stay as they were: .*p\.json:1: unknown option `cache\.tll`/.test(said()),
      'it is told',
    );
    assert.equal((await ask({ url })).status, 401);
  },
);

test('it stops when its streams have ended, and tells those that do not end in time', async (t) => {
  const { simulator } = await proxied(t);
  for (const [events, limit, expected] of [
    [10, 10_000, /event: message_stop\n/],
    [100_000, 100, /event: error\ndata: .*"overloaded_error".*the proxy is stopping.*\n\n$/],
  ] as const) {
    simulator.always({ events, paceMs: 20 });
    const proxy = await createProxy(before(simulator));
    const kept = new Raw(proxy).write('GET /readyz HTTP/1.1\r\nhost: p\r\n\r\n');
    await until(() => kept.text.includes('ready\n'), 'it is ready');
    const answer = await ask(proxy, question(`${events}`, { stream: true }));
    const text = answer.text();
    const stopped = proxy.stop({ drainTimeout: limit });
    await assert.rejects(fetch(proxy.url), 'nobody is let in any more');
    assert.match(await text, expected);
    assert.equal(await stopped, events === 10 ? 0 : 1);
    assert.equal(await proxy.stop(), await stopped);
    await kept.end();
  }
});

test('SIGTERM lets the command end its streams, and a second one ends it at once', POSIX, async (t) => {
  const { simulator } = await proxied(t);
  simulator.always({ events: 30, paceMs: 10 });
  const start = () => command(t, flags(simulator, { logger: 'false' }));
  const first = await start();
  const answer = await ask(first, question('kindly', { stream: true }));
  process.kill(first.pid, 'SIGTERM');
  assert.match(await answer.text(), /message_stop/);
  assert.equal(await first.ended, 0);
  simulator.always({ events: 100_000, paceMs: 10 });
  const second = await start();
  await ask(second, question('at once', { stream: true }));
  process.kill(second.pid, 'SIGTERM');
  await until(
    () =>
      fetch(second.url).then(
        () => false,
        () => true,
      ),
    'it lets nobody in',
  );
  process.kill(second.pid, 'SIGTERM');
  assert.equal(await second.ended, 1);
});

test('a running proxy keeps its process, and a closed one does not', async () => {
  const { url } = await import('node:url').then(({ pathToFileURL }) => ({
    url: pathToFileURL(join(program, '../../proxy.mjs')).href,
  }));
  const source = `
    const { createProxy } = await import(${JSON.stringify(url)});
    const proxy = await createProxy({ listen: '127.0.0.1:0', logger: false });
    console.log('runs');
    process.stdin.once('data', async () => { await proxy.close(); await proxy.close(); process.stdin.destroy(); });`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => child.on('exit', resolve));
  await new Promise((resolve) => child.stdout.once('data', resolve));
  child.stdin.end('end\n');
  assert.equal(await ended, 0);
});

test(
  'it listens at a socket of the file system, at several places, and at what systemd has opened',
  POSIX,
  async (t) => {
    const { simulator } = await proxied(t);
    const path = join(folder(t), 'p.sock');
    const get = (options: object) =>
      new Promise<number | undefined>((resolve, reject) => {
        request({ ...options, path: '/healthz' }, (res) => resolve(res.resume().statusCode))
          .on('error', reject)
          .end();
      });
    const proxy = await createProxy(before(simulator, { listen: [`unix:${path}`, '127.0.0.1:0'] }));
    assert.deepEqual([await get({ socketPath: path }), proxy.urls.length], [200, 2]);
    await proxy.close();
    const again = await createProxy(before(simulator, { listen: `unix:${path}` }));
    assert.equal(await get({ socketPath: path }), 200, 'what a process has left behind is no obstacle');
    await assert.rejects(createProxy(before(simulator, { listen: `unix:${path}` })), {
      message: /somebody listens there/,
    });
    await again.close();
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    const fd = (server as unknown as { _handle: { fd: number } })._handle.fd;
    const args = ['proxy', '--listen', 'systemd', '--upstream', simulator.url];
    const child = spawn('sh', ['-c', 'LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" "$@"', process.execPath, program, ...args], {
      stdio: ['ignore', 'pipe', 'inherit', fd],
    });
    t.after(() => child.kill('SIGKILL'));
    await new Promise((resolve) => child.stdout?.once('data', resolve));
    server.close();
    assert.equal(await get({ port, host: '127.0.0.1' }), 200);
    await assert.rejects(createProxy(before(simulator, { listen: 'systemd' })), {
      message: /systemd has opened no socket/,
    });
  },
);

test('the service manager is told when it is ready, reloads and stops', POSIX, async (t) => {
  if (!existsSync('/usr/bin/python3')) return t.skip('there is no python3 to listen');
  const path = join(folder(t), 'notify.sock');
  const listener = spawn('python3', [
    '-c',
    `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('listens', flush=True)
while True: print(s.recv(4096).decode().split('\\n')[0], flush=True)`,
    path,
  ]);
  t.after(() => listener.kill('SIGKILL'));
  let told = '';
  listener.stdout.setEncoding('utf8').on('data', (text: string) => {
    told += text;
  });
  await until(() => told.includes('listens'), 'somebody listens');
  const { pid, ended } = await command(t, ['--listen', '127.0.0.1:0'], { NOTIFY_SOCKET: path });
  await until(() => told.includes('READY=1'), 'it is ready');
  process.kill(pid, 'SIGHUP');
  await until(() => /RELOADING=1\n(MONOTONIC_USEC=\d+\n)?READY=1/.test(told), 'it reloads');
  process.kill(pid, 'SIGTERM');
  await until(() => told.includes('STOPPING=1'), 'it stops');
  assert.equal(await ended, 0);
});

test('every default of the public page is the default of the proxy', () => {
  const { native } = createRequire(import.meta.url)('../dist/bundle.js') as {
    native(): { native: { NativeProxy: { defaults(): string } } };
  };
  const engine = JSON.parse(native().native.NativeProxy.defaults()) as Record<string, unknown>;
  const page = readFileSync(new URL('../proxy.d.ts', import.meta.url), 'utf8');
  const limits = page.slice(page.indexOf('export interface Limits'), page.indexOf('export interface ProxySources'));
  const told = (text: string) =>
    [...text.matchAll(/@default ([^\n]+)\n\s+\*\/\n\s+(\w+)\??:/g)].map(([, value, name]) => [name, value]);
  for (const [name, value] of told(limits)) assert.equal(String(engine[`limits.${name}`]), value, name);
  assert.equal(told(limits).length, Object.keys(engine).filter((name) => name.startsWith('limits.')).length);
  const others = Object.fromEntries(told(page));
  assert.deepEqual(
    [others['listen'], others['url'], others['allowAnonymous'], others['page']],
    [`'${engine['listen']}'`, `'${engine['upstream.url']}'`, 'false', 'true'],
  );
});

test('the example of the document is one', async (t) => {
  const document = readFileSync(new URL('../docs/proxy.md', import.meta.url), 'utf8');
  const [, example = ''] = /```toml\n([\s\S]*?)```/.exec(document) ?? [];
  const path = folder(t);
  writeFileSync(join(path, 'operator'), 'key-of-the-operator-0123');
  const text = example
    .replace('127.0.0.1:8787', '127.0.0.1:0')
    .replace('env:ANTHROPIC_API_KEY', 'any-key-at-all')
    .replace('sha256:…', `sha256:${'0'.repeat(64)}`)
    .replaceAll('/run/secrets', path);
  writeFileSync(join(path, 'p.toml'), text);
  const proxy = await createProxy({ logger: false }, { file: join(path, 'p.toml') });
  await proxy.close();
});
