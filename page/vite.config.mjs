// Makes dist/page/: what the proxy serves at `/`. Nothing is inlined, as the page's policy lets no inline code run.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));

/** The licence of what is bundled must go with it. */
const licences = {
  name: 'licences',
  generateBundle() {
    const source = `uPlot\n\n${readFileSync(at('../node_modules/uplot/LICENSE'), 'utf8')}`;
    this.emitFile({ type: 'asset', fileName: 'licences.txt', source });
  },
};

export default defineConfig({
  root: at('.'),
  // The page may stand below a path, behind another server.
  base: './',
  logLevel: 'warn',
  plugins: [licences],
  build: {
    outDir: at('../dist/page'),
    // Not in vite's root, so it must be said that old files may go; the rest of dist/ is not its business.
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: false,
    reportCompressedSize: false,
  },
});
