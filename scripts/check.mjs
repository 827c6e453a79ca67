// Formatter, linter, types and generated files, for both languages: what must hold before anything is committed.

import { join } from 'node:path';
import { requireRust, root, run, setup } from './setup.mjs';

const tool = (path, ...args) => run(process.execPath, [join(root, 'node_modules', path), ...args]);

requireRust();
setup();
run('cargo', ['fmt', '--check']);
run('cargo', ['clippy', '--all-targets', '--', '-D', 'warnings']);
run('cargo', ['clippy', '--no-default-features', '--all-targets', '--', '-D', 'warnings']);
tool('@biomejs/biome/bin/biome', 'check');
tool('typescript/bin/tsc', '-p', '.', '--noEmit');
tool('typescript/bin/tsc', '-p', '__test__', '--noEmit');
tool('typescript/bin/tsc', '-p', 'page', '--noEmit');
// The public pages themselves, which a program with `skipLibCheck` would believe unread.
tool(
  'typescript/bin/tsc',
  ...'--ignoreConfig --noEmit --strict --module nodenext --target es2022 --types node'.split(' '),
  ...['index', 'simulator', 'proxy', 'testing', 'axios'].flatMap((door) => [`${door}.d.ts`, `${door}.d.mts`]),
);
// The packed tarball, as import, require and every resolution of TypeScript see it.
tool('@arethetypeswrong/cli/dist/index.js', '--pack', '.', '--quiet');
// The generated loader is committed; a change in it must be committed too.
run('git', ['diff', '--exit-code', '--', 'native']);
