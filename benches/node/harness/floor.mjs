// The floor without JavaScript: builds benches/floor (pure Rust reqwest) and runs it against the same server.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { serverCpuUs } from './counters.mjs';
import { run } from './process.mjs';

const MANIFEST = fileURLToPath(new URL('../../floor/Cargo.toml', import.meta.url));
const TARGET = fileURLToPath(new URL('../../../target/floor', import.meta.url));
const BINARY = `${TARGET}/release/floor`;

/** True when the floor can be run; `build` says whether cargo may be asked for it. */
export function prepareFloor(build) {
  if (build) {
    const args = ['build', '--release', '--locked', '--quiet', '--manifest-path', MANIFEST, '--target-dir', TARGET];
    try {
      execFileSync('cargo', args, { stdio: ['ignore', 'ignore', 'inherit'] });
    } catch (error) {
      process.stderr.write(`the Rust floor could not be built: ${error.message.split('\n')[0]}\n`);
    }
  }
  return existsSync(BINARY);
}

/** The server's share is taken over the whole run, warm-up included: the load is the same in both. */
export async function runFloor(job) {
  const { url, reads, concurrency, warmMs, windowMs, script, serverPid } = job;
  const args = [url, reads, concurrency, warmMs, windowMs, script ? JSON.stringify(script) : ''].map(String);
  const [start, used] = [performance.now(), serverCpuUs(serverPid)];
  const line = await run(BINARY, args, job);
  const serverCores = (serverCpuUs(serverPid) - used) / 1e3 / (performance.now() - start);
  return { ...line, serverCores };
}
