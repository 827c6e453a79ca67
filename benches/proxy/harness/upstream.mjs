// What all proxies stand in front of: the product's simulator, a process for each script, since not every proxy passes
// a header on by which one could choose.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { firstLine } from '../../node/harness/server.mjs';
import { endChild, environment, keep } from './child.mjs';

const CLI = fileURLToPath(new URL('../../../dist/bin/trae-native.js', import.meta.url));

export function createUpstreams() {
  const folder = mkdtempSync(join(tmpdir(), 'trae-proxy-bench-'));
  const running = new Map();
  return {
    folder,
    /** The simulator that follows this script; it is started when it is first asked for. */
    of: (script) => {
      const key = JSON.stringify(script);
      if (!running.has(key)) running.set(key, start(key, join(folder, `script-${running.size}.json`)));
      return running.get(key);
    },
    close: async () => {
      for (const started of running.values()) {
        const upstream = await started.catch(() => undefined);
        if (upstream) await endChild(upstream.child);
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function start(script, file) {
  writeFileSync(file, script);
  const args = [CLI, 'simulate', '--port', '0', '--keep', '0', '--until-stdin-closes', '--script', file];
  // Its stdin closes when this process dies, however it dies.
  const child = keep(spawn(process.execPath, args, { env: environment(), stdio: ['pipe', 'pipe', 'inherit'] }));
  const { url, pid } = await firstLine(child);
  return { url, pid: pid ?? child.pid, child };
}
