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

export interface Cluster {
  readonly urls: string[];
  /** Moves each slot that has keys from its node to the next, as a resharding does; says how many. */
  moveAll(): number;
}

const SLOTS = ['0-5460', '5461-10922', '10923-16383'].map((range) => range.split('-') as [string, string]);

/** Three masters that share all slots. */
export async function cluster(t: TestContext): Promise<Cluster | undefined> {
  const nodes: Redis[] = [];
  const buses: number[] = [];
  for (const [from, to] of SLOTS) {
    const bus = await freePort();
    const options = ['--cluster-enabled', 'yes', '--cluster-port', `${bus}`, '--cluster-node-timeout', '2000'];
    const node = await redis(t, ...options);
    if (!node) return undefined;
    node.cli('cluster', 'addslotsrange', from, to);
    node.cli('cluster', 'set-config-epoch', `${nodes.length + 1}`);
    nodes.push(node);
    buses.push(bus);
  }
  for (const node of nodes.slice(1)) node.cli('cluster', 'meet', '127.0.0.1', `${nodes[0]?.port}`, `${buses[0]}`);
  const whole = (node: Redis) => /cluster_state:ok[\s\S]*cluster_known_nodes:3/.test(node.cli('cluster', 'info'));
  await until(() => nodes.every(whole), 'the cluster is whole', 20_000);
  const ids = nodes.map((node) => node.cli('cluster', 'myid'));
  return { urls: nodes.map(({ url }) => url), moveAll: () => moveAll(nodes, ids) };
}

function moveAll(nodes: Redis[], ids: string[]): number {
  const owned = nodes.map((node) => slotsWithKeys(node));
  owned.forEach((slots, at) => {
    const [from, to] = [nodes[at] as Redis, nodes[(at + 1) % nodes.length] as Redis];
    const [source, target] = [ids[at] as string, ids[(at + 1) % nodes.length] as string];
    for (const slot of slots) {
      to.cli('cluster', 'setslot', slot, 'importing', source);
      from.cli('cluster', 'setslot', slot, 'migrating', target);
      for (const key of from.cli('cluster', 'getkeysinslot', slot, '1000').split('\n').filter(Boolean))
        from.cli('migrate', '127.0.0.1', `${to.port}`, key, '0', '5000');
      for (const node of [to, from]) node.cli('cluster', 'setslot', slot, 'node', target);
    }
  });
  return owned.flat().length;
}

function slotsWithKeys(node: Redis): string[] {
  const keys = node.cli('keys', '*').split('\n').filter(Boolean).slice(0, 8);
  return [...new Set(keys.map((key) => node.cli('cluster', 'keyslot', key)))];
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
