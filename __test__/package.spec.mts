// The package as a stranger gets it: packed, installed, type-checked under every module setting, and run.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const tsc = join(root, 'node_modules/typescript/bin/tsc');
const consumer = mkdtempSync(join(tmpdir(), 'trae-consumer-'));
const installed = join(consumer, 'node_modules');

before(() => {
  mkdirSync(join(installed, '@types'), { recursive: true });
  const tarball = run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', consumer], root).trim();
  run('tar', ['-xzf', tarball], consumer);
  cpSync(join(consumer, 'package'), join(installed, 'trae-native'), { recursive: true });
  installBinary();
  for (const name of ['@types/node', 'axios'])
    symlinkSync(join(root, 'node_modules', name), join(installed, name), 'junction');
});

after(() => rmSync(consumer, { recursive: true, force: true }));

/** The binary comes in a package of its own for each platform, made at release. */
function installBinary(): void {
  const binary = readdirSync(join(root, 'native')).find((name) => name.endsWith('.node')) ?? '';
  const name = binary.replace(/\.node$/, '').replace('.', '-');
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  cpSync(join(root, 'native', binary), join(installed, name, binary));
  writeFileSync(join(installed, name, 'package.json'), JSON.stringify({ name, version, main: binary }));
}

function run(command: string, args: string[], cwd = consumer): string {
  try {
    return execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], env: env() });
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`${command} ${args.join(' ')}\n${stdout}${stderr}`);
  }
}

/** Nothing of this test's own process: its loader would resolve what the package must. */
function env(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _, ...rest } = process.env;
  return rest;
}

const PROGRAM = `
import trae, { createClient, OverloadedError, TraeError } from 'trae-native';
import type { Client, ClientConfig, EventStream, TraeResponse } from 'trae-native';
import { createAdapter } from 'trae-native/axios';
import { createSimulator } from 'trae-native/simulator';
import { createScripted } from 'trae-native/testing';

interface Message { type: 'message'; content: { text: string }[] }

async function main(): Promise<void> {
  const simulator = await createSimulator();
  const config: ClientConfig = { baseURL: simulator.url, proxy: false, timeout: { connect: 5000 } };
  const client: Client = createClient(config);
  const prompt = { model: 'm', max_tokens: 9, messages: [{ role: 'user', content: 'Hi' }] };

  const answer: TraeResponse<Message> = await client.post<Message>('/v1/messages', prompt);
  const type: 'message' = answer.data.type;

  const stream: EventStream = await client.stream('/v1/messages', { ...prompt, stream: true });
  let last: string | undefined;
  for await (const event of stream) last = event.type;

  const text: string = (await client.get('/v1/models', { responseType: 'text' })).data;
  simulator.reply({ status: 529 });
  const code: string = await client.get('/x').then(
    () => 'answered',
    (error: unknown) => (error instanceof OverloadedError && error instanceof TraeError ? error.code : 'strange'),
  );

  const scripted: Client = createClient({ baseURL: 'http://scripted', transport: createScripted().always({ body: { n: 1 } }).transport });
  const played: number = (await scripted.get<{ n: number }>('/x')).data.n;
  // @ts-expect-error a transport has nothing of its own
  void createScripted().transport.nosuch;
  void [played, createAdapter(client)];

  // @ts-expect-error there is no such option
  const typo: ClientConfig = { baseUrll: '' };
  // @ts-expect-error text is no number
  const wrong: number = text;
  void [typo, wrong];

  console.log([type, last, text[0], code, typeof trae.create].join(' '));
  await client.close();
  await simulator.close();
}

void main();
`;

const SAYS = 'message message_stop { OVERLOADED function\n';

const SETTINGS: [string, Record<string, unknown>, string[]][] = [
  ['commonjs', { module: 'commonjs' }, ['ts', 'cts']],
  ['node16', { module: 'node16' }, ['ts', 'mts', 'cts']],
  ['nodenext', { module: 'nodenext' }, ['ts', 'mts', 'cts']],
  ['bundler', { module: 'esnext', moduleResolution: 'bundler' }, ['ts', 'mts']],
];

for (const [name, options, kinds] of SETTINGS) {
  test(`a program type-checks strictly with module ${name} and runs as compiled`, () => {
    const folder = join(consumer, name);
    mkdirSync(folder);
    for (const kind of kinds) writeFileSync(join(folder, `main.${kind}`), PROGRAM);
    const compilerOptions = {
      ...options,
      target: 'es2022',
      lib: ['es2022'],
      types: ['node'],
      strict: true,
      skipLibCheck: false,
      outDir: 'out',
      rootDir: '.',
    };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*'] }));
    run(process.execPath, [tsc, '-p', folder]);
    for (const kind of kinds) {
      // A bundler's output is not for Node to resolve, but .mjs it can.
      const program = join(folder, 'out', `main.${kind.replace('ts', 'js')}`);
      if (name === 'bundler' && kind === 'ts') continue;
      assert.equal(run(process.execPath, [program]), SAYS, program);
    }
  });
}

test('the tarball holds what is needed and nothing else', () => {
  const files = readdirSync(join(installed, 'trae-native'), { recursive: true, encoding: 'utf8' });
  const code = ['dist/index.js', 'dist/index.mjs', 'dist/page/index.html', 'native/index.js'];
  for (const needed of ['index.d.ts', 'index.d.mts', ...code, 'README.md']) assert.ok(files.includes(needed), needed);
  const meant =
    /^(dist|native|docs|types)(\/|$)|^(index|simulator|proxy|testing|axios)\.d\.m?ts$|^(package\.json|README\.md|CHANGELOG\.md|LICENSE)$/;
  const strange = files.filter((name) => !meant.test(name) || /^dist\/.*\.m?ts$|\.map$|^docs\/images/.test(name));
  assert.deepEqual(strange, []);
  assert.equal(files.filter((name) => name.endsWith('.node')).length, 1, 'the addon of this machine, so that it runs');
});

/** One call to a simulator of its own; says what it got. */
const SERVICE = `
const { createClient } = require('trae-native');
const { createSimulator } = require('trae-native/simulator');
const ask = async (done) => {
  const simulator = await createSimulator();
  const client = createClient({ baseURL: simulator.url, proxy: false });
  const { data } = await client.post('/v1/messages', { model: 'm', max_tokens: 9, messages: [{ role: 'user', content: 'Hi' }] });
  await client.close();
  await simulator.close();
  done(data.type);
};
`;

/** The service as an ES module. */
const MODULE = SERVICE.replaceAll(/const (\{.*\}) = require\((.*)\);/g, 'import $1 from $2;');

for (const [source, program] of [
  ['service.cjs', SERVICE],
  ['service.mjs', MODULE],
] as const)
  for (const format of ['cjs', 'esm'] as const)
    test(`${source} bundled into one file of format ${format} finds the addon in the modules beside it`, () => {
      writeFileSync(join(consumer, source), `${program}ask(console.log);`);
      const outfile = `out/${source}.${format === 'esm' ? 'mjs' : 'cjs'}`;
      buildSync({
        absWorkingDir: consumer,
        entryPoints: [source],
        bundle: true,
        platform: 'node',
        format,
        logLevel: 'error',
        outfile,
      });
      assert.equal(run(process.execPath, [join(consumer, outfile)]), 'message\n');
    });

test('worker threads and processes of a cluster each have an engine', () => {
  const worker = `const { Worker, isMainThread, parentPort } = require('node:worker_threads');
    if (isMainThread) for (let i = 0; i < 3; i++) new Worker(__filename).on('message', console.log);
    else ask((type) => parentPort.postMessage(type));`;
  const cluster = `const cluster = require('node:cluster');
    if (cluster.isPrimary) for (let i = 0; i < 2; i++) cluster.fork().on('message', (type) => console.log(type));
    else ask((type) => process.send(type, () => process.exit()));`;
  for (const [name, program, says] of [
    ['worker.cjs', worker, 3],
    ['cluster.cjs', cluster, 2],
  ] as const) {
    writeFileSync(join(consumer, name), SERVICE + program);
    assert.equal(run(process.execPath, [join(consumer, name)]), 'message\n'.repeat(says), name);
  }
});
