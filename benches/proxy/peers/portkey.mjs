// Portkey's gateway, as its package starts it, without the page that shows its log.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { endChild, freePort, listening, startChild } from '../harness/child.mjs';
import { family } from '../harness/proc.mjs';

const FOLDER = new URL('../node_modules/@portkey-ai/gateway/', import.meta.url);

export const missing = () => (existsSync(FOLDER) ? undefined : 'node benches/proxy/run.mjs --install');

export async function start({ upstream }) {
  const port = await freePort();
  const args = [fileURLToPath(new URL('build/start-server.js', FOLDER)), `--port=${port}`, '--headless'];
  const child = startChild(process.execPath, args, { env: { NODE_ENV: 'production' } });
  await listening(child, port, 20_000);
  const headers = { 'x-portkey-provider': 'anthropic', 'x-portkey-custom-host': `${upstream}/v1` };
  const { version } = JSON.parse(readFileSync(new URL('package.json', FOLDER), 'utf8'));
  return { url: `http://127.0.0.1:${port}`, headers, pids: family(child.pid), version, end: () => endChild(child) };
}
