// A real redis-server for one test. Without one on the PATH the test is skipped and says so; with CI set it fails.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { until } from './simulator.mts';

export interface RedisServer {
  url: string;
  /** Ends it at once, as a crash would. */
  kill(): void;
  /** Starts it again on the same port, with nothing in it. */
  restart(): Promise<void>;
}

/** A server that answers; `undefined` where the test is skipped. */
export async function redis(t: TestContext): Promise<RedisServer | undefined> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'trae-redis-'));
  let child: ChildProcess | undefined;
  const kill = (): void => void child?.kill('SIGKILL');
  const start = async (): Promise<boolean> => {
    const options = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no'];
    const started = spawn('redis-server', options, { stdio: 'ignore' });
    child = started;
    const missing = new Promise<boolean>((resolve) => started.once('error', () => resolve(false)));
    const answers = until(() => accepts(port), 'redis-server answers', 30_000).then(() => true);
    return Promise.race([missing, answers]);
  };
  t.after(() => {
    kill();
    rmSync(folder, { recursive: true, force: true });
  });
  if (await start()) {
    return {
      url: `redis://127.0.0.1:${port}`,
      kill,
      restart: async () => void (await start()),
    };
  }
  if (process.env['CI']) throw new Error('redis-server is not on the PATH, and CI is set');
  t.skip('redis-server is not on the PATH');
  return undefined;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
