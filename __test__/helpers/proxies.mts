// Proxies as processes of their own, and a plain load balancer before them; all end with the test, by their process ids.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { ProxyOptions } from 'trae-native/proxy';

const bin = fileURLToPath(new URL('../../dist/bin/trae-native.js', import.meta.url));

export class ProxyProcess {
  readonly #child: ChildProcess;
  url = '';
  /** What it wrote on standard error. */
  told = '';

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.stderr?.on('data', (piece) => (this.told += piece));
  }

  static async start(t: TestContext, options: ProxyOptions): Promise<ProxyProcess> {
    const folder = mkdtempSync(join(tmpdir(), 'trae-proxy-'));
    const file = join(folder, 'proxy.json');
    writeFileSync(file, JSON.stringify({ listen: '127.0.0.1:0', logger: false, ...options }));
    const child = spawn(process.execPath, [bin, 'proxy', '--config', file], {
      env: { PATH: process.env['PATH'] },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const proxy = new ProxyProcess(child);
    t.after(async () => {
      await proxy.kill();
      rmSync(folder, { recursive: true, force: true });
    });
    let line = '';
    for await (const piece of child.stdout as AsyncIterable<Buffer>) {
      line += piece;
      if (line.includes('\n')) break;
    }
    if (!line) throw new Error(`the proxy did not start: ${proxy.told}`);
    proxy.url = JSON.parse(line).url;
    return proxy;
  }

  /** What it holds in memory, in MiB; on a system that does not tell, always the same. */
  get memory(): number {
    const file = `/proc/${this.#child.pid}/status`;
    const kib = existsSync(file) ? /^VmRSS:\s+(\d+)/m.exec(readFileSync(file, 'utf8'))?.[1] : undefined;
    return Number(kib ?? 0) / 1024;
  }

  get lives(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Ends it at once, as a crash would. */
  async kill(): Promise<void> {
    if (!this.lives) return;
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await ended;
  }
}

export const proxies = (t: TestContext, options: ProxyOptions, count = 3): Promise<ProxyProcess[]> =>
  Promise.all(Array.from({ length: count }, () => ProxyProcess.start(t, options)));

/** Each connection to the next of them that can be reached; what breaks there breaks here. */
export async function balancer(t: TestContext, all: ProxyProcess[]): Promise<string> {
  let turn = 0;
  const open = new Set<Socket>();
  const pass = (from: Socket, left: number): void => {
    const { hostname, port } = new URL((all[turn++ % all.length] as ProxyProcess).url);
    const to = connect(Number(port), hostname);
    const refused = (): void => (left > 1 ? pass(from, left - 1) : void from.destroy());
    to.once('error', refused);
    to.once('connect', () => {
      to.off('error', refused).on('error', () => from.resetAndDestroy());
      from.on('error', () => to.destroy()).on('close', () => to.destroy());
      to.on('close', () => from.destroy());
      from.pipe(to).pipe(from);
    });
  };
  const server = createServer((from) => {
    open.add(from.on('error', () => {}).on('close', () => open.delete(from)));
    pass(from, all.length);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    for (const socket of open) socket.destroy();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
