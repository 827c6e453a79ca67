// docs/write-a-middleware.md holds what it promises: its programs run, its package builds and passes its own test.
// Its Rust is compiled and run as documentation: src/lib.rs.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { files, page, programs, run } from './helpers/pages.mts';

const root = fileURLToPath(new URL('..', import.meta.url));
const guide = page('docs/write-a-middleware.md');
const written = files(guide);

/** A folder with these files of the guide. */
function folderOf(t: TestContext, names: string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'trae-guide-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const name of names) {
    const content = written.get(name);
    assert.ok(content !== undefined, `the guide has no ${name}`);
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}

function command(name: string, args: string[], cwd: string): string {
  // Nothing of this test's own process: its loader and its runner would answer for those of the package.
  const { NODE_OPTIONS: _options, NODE_TEST_CONTEXT: _context, ...env } = process.env;
  const shell = process.platform === 'win32' && name === 'npm';
  try {
    return execFileSync(name, args, { cwd, env, shell, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`${name} ${args.join(' ')}\n${stdout}${stderr}`);
  }
}

test('every program of the guide to middlewares runs', async () => {
  const all = programs(guide);
  assert.equal(all.length, 3);
  for (const [number, program] of all.entries()) {
    const { code, out } = await run(`guide-${number}`, program);
    assert.equal(code, 0, out);
  }
});

test('the package of the guide builds, passes its test, and is what its exports say', (t) => {
  const folder = folderOf(t, ['package.json', 'tsconfig.json', 'src/index.ts', 'test/index.test.mjs']);
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules/trae-native'), 'junction');
  for (const installed of ['typescript', '@types', '.bin'])
    symlinkSync(join(root, 'node_modules', installed), join(folder, 'node_modules', installed), 'junction');
  assert.match(command('npm', ['test', '--silent'], folder), /pass 2\n/);
  assert.match(readFileSync(join(folder, 'dist/index.d.ts'), 'utf8'), /capTokens\(.*CapTokensOptions\): Middleware;/);
  assert.doesNotMatch(readFileSync(join(folder, 'dist/index.js'), 'utf8'), /import/, 'at run time it imports nothing');
  const required = `console.log(typeof require('trae-cap-tokens').capTokens({ max: 1 }))`;
  assert.equal(command(process.execPath, ['-e', required], folder), 'function\n');
});

test('the package of the guide asks for this version of its peer', () => {
  const { peerDependencies, devDependencies } = JSON.parse(written.get('package.json') ?? '{}');
  const { version } = JSON.parse(page('package.json'));
  const range = `^${version.split('.').slice(0, 2).join('.')}.0`;
  assert.deepEqual([peerDependencies['trae-native'], devDependencies['trae-native']], [range, range]);
});

interface Dependency {
  name: string;
  req: string;
  features: string[];
  uses_default_features: boolean;
}

test('the crate of the guide asks for features that there are, and for the versions that we use', (t) => {
  const metadata = (folder: string) =>
    JSON.parse(command('cargo', ['metadata', '--no-deps', '--offline', '--format-version', '1'], folder)).packages[0];
  const ours = metadata(root);
  const { edition, dependencies } = metadata(folderOf(t, ['Cargo.toml', 'src/lib.rs']));
  assert.equal(edition, ours.edition);
  const versions = new Map(ours.dependencies.map(({ name, req }: Dependency) => [name, req]));
  for (const { name, req, features, uses_default_features } of dependencies as Dependency[]) {
    if (name !== 'trae-native') {
      assert.equal(req, versions.get(name), name);
      continue;
    }
    assert.equal(uses_default_features, false, 'without Node.js');
    for (const feature of features) assert.ok(feature in ours.features, feature);
  }
});

test('every file that the guide names for a room is there', () => {
  const table = guide.slice(guide.indexOf('### A room of this crate'));
  const named = [...table.matchAll(/^\| (`.*?`) \|/gm)].flatMap(([, cell]) => [
    ...(cell as string).matchAll(/`(.*?)`/g),
  ]);
  assert.ok(named.length >= 15, `${named.length} files`);
  for (const [, name] of named) assert.ok(existsSync(join(root, name as string)), name);
});
