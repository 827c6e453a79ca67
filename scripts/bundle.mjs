// Makes dist/ out of js/: one file with all of the facade, and the doors that lead into it.

import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { build as buildPage } from 'vite';
import { root } from './setup.mjs';

const common = { absWorkingDir: root, platform: 'node', target: 'node20.19', logLevel: 'warning' };

rmSync(join(root, 'dist'), { recursive: true, force: true });
// Names and lines stay as they are: a service's stack traces lead through this file.
await build({
  ...common,
  entryPoints: ['js/bundle.ts'],
  outfile: 'dist/bundle.js',
  bundle: true,
  // A class that names itself is given another name otherwise, and errors show it.
  keepNames: true,
  format: 'cjs',
  external: ['@opentelemetry/api', 'axios'],
});
namesWhereModulesBegin(join(root, 'dist/bundle.js'));
builtinsOfTheProcess(join(root, 'dist/bundle.js'));
for (const door of ['api', 'simulator', 'proxy', 'testing', 'axios']) {
  const name = door === 'api' ? 'index' : door;
  // Its default said in so many words: tools that read the file, and don't run it, find it then.
  // It is there already, and can't be set: where a test runner makes this file strict, that would be an error.
  const said = door === 'api' ? '0 && (module.exports.default = module.exports.trae);\n' : '';
  writeFileSync(join(root, `dist/${name}.js`), `module.exports = require('./bundle.js').${door}();\n${said}`);
}
await build({
  ...common,
  entryPoints: ['js/index.mts', 'js/simulator.mts', 'js/proxy.mts', 'js/testing.mts', 'js/axios.mts'],
  outdir: 'dist',
  outExtension: { '.js': '.mjs' },
});
// The command uses the package by its name, as any service does.
await build({
  ...common,
  entryPoints: ['js/cli/index.ts'],
  outfile: 'dist/bin/trae-native.js',
  bundle: true,
  format: 'cjs',
  packages: 'external',
  banner: { js: '#!/usr/bin/env node' },
});
chmodSync(join(root, 'dist/bin/trae-native.js'), 0o755);
// What the proxy serves to browsers.
await buildPage({ configFile: join(root, 'page/vite.config.mjs') });

/** Node's own modules are asked of the process: in a bundle that is an ES module there is no `require` for them. */
function builtinsOfTheProcess(file) {
  const text = readFileSync(file, 'utf8');
  writeFileSync(file, text.replaceAll(/\brequire\(("node:[\w/]+")\)/g, 'process.getBuiltinModule($1)'));
}

/**
 * Names are written where a module begins, and for what is a class. esbuild would write that of each function that a
 * call makes, too, each time: for a middleware in JavaScript that cost five microseconds a call.
 */
function namesWhereModulesBegin(file) {
  let text = readFileSync(file, 'utf8');
  const replace = (from, to) => {
    if (!text.includes(from)) throw new Error(`esbuild writes its helpers otherwise by now: ${from}`);
    text = text.replace(from, to);
  };
  replace(
    /var __name = (\((\w+), value\)) => (.*);/.exec(text)?.[0] ?? 'var __name',
    'var __beginning = 0;\nvar __name = (target, value) => (__beginning > 0 ? __defProp(target, "name", { value, configurable: true }) : target);',
  );
  replace(
    'return fn && (res = (0, fn[__getOwnPropNames(fn)[0]])(fn = 0)), res;',
    'if (!fn) return res;\n    __beginning++;\n    try {\n      return fn && (res = (0, fn[__getOwnPropNames(fn)[0]])(fn = 0)), res;\n    } finally {\n      __beginning--;\n    }',
  );
  writeFileSync(file, text);
}
