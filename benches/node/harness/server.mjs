// Starts the product's simulator as a process of its own and ends it: plain HTTP and TLS are two processes.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createRedis } from './redis.mjs';

const SIMULATOR = fileURLToPath(new URL('../../../dist/bin/trae-native.js', import.meta.url));
const START_MS = 10_000;

/** Servers made at first use; `close` ends them by closing their stdin and removes the CA file. */
export function createServers() {
  const folder = mkdtempSync(join(tmpdir(), 'trae-bench-'));
  const running = new Map();
  const server = (tls) => {
    if (!running.has(tls)) running.set(tls, start(tls, folder));
    return running.get(tls);
  };
  const redis = createRedis();
  const close = async () => {
    await redis.close();
    for (const started of running.values())
      await started.then(
        ({ end }) => end(),
        () => {},
      );
    rmSync(folder, { recursive: true, force: true });
  };
  return { server, redis: redis.url, close };
}

async function start(tls, folder) {
  const args = ['simulate', '--port', '0', '--keep', '0', '--until-stdin-closes', ...(tls ? ['--tls'] : [])];
  const child = spawn(process.execPath, [SIMULATOR, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  const { url, ca, pid } = await firstLine(child);
  const caFile = ca && join(folder, 'ca.pem');
  if (caFile) writeFileSync(caFile, ca);
  return { url, caFile, pid: pid ?? child.pid, end: () => end(child) };
}

/** What a server of the product's prints when it listens: one line of JSON. `name` is for the message of a failure. */
export function firstLine(child, name = 'the simulator') {
  return new Promise((resolve, reject) => {
    const giveUp = setTimeout(() => reject(new Error(`${name} did not start in time`)), START_MS);
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`${name} ended at start (${code}); was dist/ built?`)));
    createInterface({ input: child.stdout }).once('line', (line) => {
      clearTimeout(giveUp);
      try {
        resolve(JSON.parse(line));
      } catch {
        reject(new Error(`${name}: the first line is no JSON: ${line.slice(0, 80)}`));
      }
    });
  }).catch((error) => {
    child.kill();
    throw error;
  });
}

function end(child) {
  return new Promise((resolve) => {
    const force = setTimeout(() => child.kill('SIGKILL'), 2_000);
    const over = () => {
      clearTimeout(force);
      resolve();
    };
    child.once('exit', over);
    if (child.exitCode !== null || child.signalCode !== null) return over();
    child.stdin.end();
  });
}
