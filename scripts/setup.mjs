// Brings a checkout to where it can run: packages, the addon in release, the facade. Does only what is stale.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));
const windows = process.platform === 'win32';

/** Ends the process with one sentence: what is missing and what to do. */
export function stop(sentence) {
  console.error(`trae-native: ${sentence}`);
  process.exit(1);
}

/** Runs a command in the checkout; a failing one ends the process with its own exit code. */
export function run(command, args, options = {}) {
  const shell = windows && /^(npm|npx)$/.test(command);
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', shell, ...options });
  if (error) stop(`could not run ${command}: ${error.message}`);
  if (status !== 0) process.exit(status ?? 1);
}

export function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19))
    stop(`Node.js 20.19 or newer is needed, this is ${process.versions.node}.`);
}

export function requireRust() {
  const { status, stdout } = spawnSync('cargo', ['--version'], { encoding: 'utf8' });
  if (status !== 0)
    stop('building needs Rust 1.88 or newer, and no cargo was found: install it from https://rustup.rs and try again.');
  const [, major, minor] = /(\d+)\.(\d+)/.exec(stdout) ?? [];
  if (Number(major) === 1 && Number(minor) < 88)
    stop(`building needs Rust 1.88 or newer, this is ${stdout.trim()}: run "rustup update".`);
}

/** When the newest of these files or folders changed. */
function newest(...names) {
  let latest = 0;
  for (const name of names) {
    const path = join(root, name);
    if (!existsSync(path)) continue;
    const stat = statSync(path);
    if (stat.isDirectory()) for (const inner of readdirSync(path)) latest = Math.max(latest, newest(join(name, inner)));
    else latest = Math.max(latest, stat.mtimeMs);
  }
  return latest;
}

/** Runs `make` when nothing is made yet or a source is newer than the mark that the last run left. */
function fresh(mark, sources, made, make) {
  const path = join(root, 'node_modules', '.cache', 'trae-native', mark);
  if (made && existsSync(path) && statSync(path).mtimeMs >= newest(...sources)) return;
  make();
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, '');
}

/** Exactly what the lock says, and the lock itself is left alone. */
function packages() {
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
}

export function setup() {
  requireNode();
  fresh('packages', ['package.json', 'package-lock.json'], existsSync(join(root, 'node_modules')), () => packages());
  const rust = ['Cargo.toml', 'Cargo.lock', 'build.rs', 'src'];
  const addon =
    existsSync(join(root, 'native')) && readdirSync(join(root, 'native')).some((name) => name.endsWith('.node'));
  fresh('addon', rust, addon, () => {
    requireRust();
    console.error('trae-native: building the addon in release, once; this takes some minutes.');
    run(process.execPath, [join(root, 'node_modules/@napi-rs/cli/dist/cli.js'), ...NAPI_BUILD]);
  });
  fresh('facade', ['js', 'page', 'scripts/bundle.mjs'], existsSync(join(root, 'dist/bundle.js')), () =>
    run(process.execPath, [join(root, 'scripts/bundle.mjs')]),
  );
}

const NAPI_BUILD = [
  'build',
  '--platform',
  '--release',
  '--output-dir',
  'native',
  '--js',
  'index.js',
  '--dts',
  'index.d.ts',
];

if (process.argv[1] === fileURLToPath(import.meta.url)) setup();
