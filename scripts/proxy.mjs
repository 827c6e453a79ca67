// The proxy in a checkout; where no key is there, with the simulator behind it.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { root, setup } from './setup.mjs';

setup();
if (existsSync(join(root, '.env'))) process.loadEnvFile(join(root, '.env'));
const args = process.argv.slice(2);
const names = ['ANTHROPIC_API_KEY', 'TRAE_PROXY_UPSTREAM_KEY', 'TRAE_PROXY_UPSTREAM_URL'];
const given =
  names.some((name) => process.env[name]) || args.some((arg) => /^--(config|upstream|help|new-key)/.test(arg));
let simulator;
if (!given) {
  const { createSimulator } = await import('../dist/simulator.mjs');
  simulator = await createSimulator();
  simulator.always({ paceMs: 20 });
  console.error('No ANTHROPIC_API_KEY is set: the simulator answers behind the proxy.');
  args.push('--upstream', simulator.url, '--set', 'upstream.key=simulated', '--set', 'upstream.proxy=false');
}
// A process of its own, so that it has all the threads that it would have.
const proxy = spawn(process.execPath, [join(root, 'dist/bin/trae-native.js'), 'proxy', ...args], { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => proxy.kill(signal));
proxy.on('exit', async (code, signal) => {
  await simulator?.close();
  process.exit(code ?? (signal ? 1 : 0));
});
