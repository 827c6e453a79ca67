// Runs every test: the Rust core without Node, then the package as Node sees it.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { requireRust, root, run, setup } from './setup.mjs';

requireRust();
setup();
run('cargo', ['test', '--no-default-features', '--features', 'server,redis', '--quiet']);
const specs = readdirSync(join(root, '__test__')).filter((name) => name.endsWith('.spec.mts'));
const only = process.argv.slice(2);
const chosen = specs.filter((name) => only.length === 0 || only.some((word) => name.includes(word)));
run(process.execPath, [
  '--expose-gc',
  '--import',
  'tsx',
  '--test',
  '--test-timeout=120000',
  ...chosen.map((name) => join('__test__', name)),
]);
