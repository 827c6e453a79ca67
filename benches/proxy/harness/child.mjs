// Starts a server, waits until it takes connections, and ends it by its process id.
import { spawn } from 'node:child_process';
import { connect, createServer } from 'node:net';

const END_MS = 5_000;

/** No proxy of the environment between, no colours, and nothing that asks the network. */
export function environment(more = {}) {
  const kept = Object.entries(process.env).filter(([name]) => !/^((https?|all|no)_proxy|node_options)$/i.test(name));
  return { ...Object.fromEntries(kept), NO_COLOR: '1', ...more };
}

const running = new Set();
let isOver = false;

/** Ends whatever this benchmark has started, and starts nothing more: for a run that is given up. */
export function endAllChildren() {
  isOver = true;
  return Promise.all([...running].map(endChild));
}

/** From here on the child is one of those that `endAllChildren` ends. */
export function keep(child) {
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

/** A child whose last words on stderr are kept for the message of a failure. */
export function startChild(command, args, { env, stdout = 'ignore', cwd } = {}) {
  if (isOver) throw new Error('the run was given up');
  const child = spawn(command, args, { env: environment(env), cwd, stdio: ['ignore', stdout, 'pipe'] });
  child.lastWords = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (child.lastWords = (child.lastWords + text).slice(-400)));
  child.on('error', () => {});
  return keep(child);
}

export function endChild(child) {
  return new Promise((resolve) => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return resolve();
    const force = setTimeout(() => child.kill('SIGKILL'), END_MS);
    child.once('exit', () => {
      clearTimeout(force);
      resolve();
    });
    child.kill('SIGTERM');
  });
}

export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Resolves when the port takes connections; rejects with the child's last words when it ends before. */
export async function listening(child, port, limitMs) {
  const until = Date.now() + limitMs;
  while (Date.now() < until) {
    if (child.exitCode !== null || child.pid === undefined)
      throw new Error(`ended at start: ${child.lastWords.trim()}`);
    if (await answers(port)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`did not listen in time: ${child.lastWords.trim()}`);
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
