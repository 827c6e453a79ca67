// A proxy as one writes it in Node when it must be fast: node:http in front, an undici pool behind.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { firstLine } from '../../node/harness/server.mjs';
import { endChild, startChild } from '../harness/child.mjs';
import { family } from '../harness/proc.mjs';

const PROXY = fileURLToPath(new URL('undici_proxy.mjs', import.meta.url));
const PACKAGE = new URL('../node_modules/undici/package.json', import.meta.url);

export const missing = () => (existsSync(PACKAGE) ? undefined : 'node benches/proxy/run.mjs --install');

/** The variant is the number of processes, of node:cluster; one by default, as such a proxy is mostly run. */
export async function start({ upstream, options }) {
  const child = startChild(process.execPath, [PROXY, upstream, options.variant ?? '1'], { stdout: 'pipe' });
  const { url } = await firstLine(child, 'the undici proxy');
  const { version } = JSON.parse(readFileSync(PACKAGE, 'utf8'));
  return { url, headers: {}, pids: family(child.pid), version, end: () => endChild(child) };
}
