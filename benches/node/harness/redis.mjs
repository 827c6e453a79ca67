// Starts a redis-server of its own for cases that need one, and ends it by its process id.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const START_MS = 5_000;

export function createRedis() {
  let running;
  return {
    /** Its address; it is started when it is first asked for. */
    url: async () => {
      running ??= start();
      return (await running).url;
    },
    close: async () => {
      const started = await running?.catch(() => undefined);
      await started?.end();
    },
  };
}

async function start() {
  const folder = mkdtempSync(join(tmpdir(), 'trae-bench-redis-'));
  const port = await freePort();
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder];
  const child = spawn('redis-server', args, { stdio: 'ignore' });
  const failed = new Promise((_, reject) => {
    child.once('error', () => reject(new Error('redis-server is not on PATH')));
    child.once('exit', (code) => reject(new Error(`redis-server ended at start (${code})`)));
  });
  await Promise.race([failed, listening(port)]);
  failed.catch(() => {});
  const end = () =>
    new Promise((resolve) => {
      child.once('exit', () => {
        rmSync(folder, { recursive: true, force: true });
        resolve();
      });
      child.kill();
    });
  return { url: `redis://127.0.0.1:${port}`, end };
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

async function listening(port) {
  const until = Date.now() + START_MS;
  while (Date.now() < until) {
    if (await answers(port)) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error('redis-server did not start in time');
}

function answers(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const say = (answer) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => say(true));
    socket.once('error', () => say(false));
  });
}
