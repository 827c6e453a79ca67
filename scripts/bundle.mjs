// Makes dist/ out of js/: one file with all of the facade, and the doors that lead into it.

import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
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
for (const door of ['api', 'simulator', 'testing', 'axios']) {
  const name = door === 'api' ? 'index' : door;
  // Its default said in so many words: tools that read the file, and don't run it, find it then.
  const said = door === 'api' ? 'module.exports.default = module.exports.trae;\n' : '';
  writeFileSync(join(root, `dist/${name}.js`), `module.exports = require('./bundle.js').${door}();\n${said}`);
}
await build({
  ...common,
  entryPoints: ['js/index.mts', 'js/simulator.mts', 'js/testing.mts', 'js/axios.mts'],
  outdir: 'dist',
  outExtension: { '.js': '.mjs' },
});
await build({ ...common, entryPoints: ['js/bin/simulator.ts'], outdir: 'dist/bin', format: 'cjs' });
