// A real redis-server for one test, with a folder and a free port of its own; it ends by its process id with the test.
// Where there is none on the PATH a test says that it is skipped; with `CI` set it fails.

import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { until } from './simulator.mts';

export interface Redis {
  readonly url: string;
  readonly port: number;
  /** What redis-cli says. */
  cli(...args: string[]): string;
  /** Ends it at once, as a crash would. */
  kill(): Promise<void>;
  /** Starts it again on the same port with what it has acknowledged. */
  restart(): Promise<void>;
}

/** Whether there is one; says so where there is none. */
function isInstalled(t: TestContext): boolean {
  if (spawnSync('redis-server', ['--version']).error === undefined) return true;
  if (process.env['CI']) throw new Error('redis-server is not on the PATH, and CI is set');
  t.skip('redis-server is not on the PATH');
  return false;
}

export async function redis(t: TestContext, ...options: string[]): Promise<Redis | undefined> {
  if (!isInstalled(t)) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'trae-redis-'));
  const port = await freePort();
  let child: ChildProcess | undefined;
  const cli = (...args: string[]): string => {
    const all = ['-h', '127.0.0.1', '-p', String(port), ...args];
    return execFileSync('redis-cli', all, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  };
  const answers = (): boolean => {
    try {
      return !cli('ping').includes('LOADING');
    } catch {
      return false;
    }
  };
  const kill = async (): Promise<void> => {
    const running = child;
    child = undefined;
    if (running === undefined) return;
    const ended = new Promise((resolve) => running.once('close', resolve));
    running.kill('SIGKILL');
    await ended;
  };
  const restart = async (): Promise<void> => {
    await kill();
    const kept = ['--save', '', '--appendonly', 'yes', '--appendfsync', 'always'];
    const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, ...kept, ...options];
    child = spawn('redis-server', args, { stdio: 'ignore' });
    await until(answers, 'redis-server answers', 20_000);
  };
  t.after(async () => {
    await kill();
    rmSync(folder, { recursive: true, force: true });
  });
  await restart();
  return { url: `redis://127.0.0.1:${port}`, port, cli, kill, restart };
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
