// A proxy before a simulator for one test, and callers of all kinds; closed when the test is over.

import { execFile, spawn } from 'node:child_process';
import { connect, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createProxy, type ProxyOptions, type ProxyServer } from 'trae-native/proxy';
import { createSimulator, type Simulator, type SimulatorOptions } from 'trae-native/simulator';

export const UPSTREAM_KEY = 'sk-ant-api03-the-key-that-stays-in-the-proxy';

export interface Proxied {
  proxy: ProxyServer;
  simulator: Simulator;
}

/** What stands before this simulator: silent, on a free port, with a key of its own. */
export function before({ url }: { url: string }, { upstream, ...options }: ProxyOptions = {}): ProxyOptions {
  const own = { url, key: UPSTREAM_KEY, proxy: false };
  return { listen: '127.0.0.1:0', logger: false, upstream: { ...own, ...(upstream as object) }, ...options };
}

export async function proxied(
  t: TestContext,
  options: ProxyOptions = {},
  simulated: SimulatorOptions = {},
): Promise<Proxied> {
  const simulator = await createSimulator(simulated);
  t.after(() => simulator.close());
  const proxy = await createProxy(before(simulator, options));
  t.after(() => proxy.close());
  return { proxy, simulator };
}

export const question = (content = 'Hello', more: object = {}): object => ({
  model: 'claude-sonnet-5',
  max_tokens: 64,
  messages: [{ role: 'user', content }],
  ...more,
});

/** Asks as any client of HTTP would. */
export function ask({ url }: { url: string }, body: object = question(), init: RequestInit = {}): Promise<Response> {
  const headers = { 'content-type': 'application/json', 'anthropic-version': '2023-06-01', ...init.headers };
  return fetch(`${url}/v1/messages`, { method: 'POST', ...init, headers, body: JSON.stringify(body) });
}

/** How many messages the API was sent last. */
export function turns({ received }: Simulator): number {
  return ((received.at(-1)?.json() ?? { messages: [] }) as { messages: object[] }).messages.length;
}

/** What curl says: the head and the body. */
export function curl(...args: string[]): Promise<{ head: string; body: string }> {
  return new Promise((resolve, reject) => {
    execFile(
      'curl',
      ['-sS', '-i', '--noproxy', '*', ...args],
      { encoding: 'utf8', maxBuffer: 1 << 26 },
      (error, out) => {
        if (error) return reject(error);
        const all = out.replace(/^HTTP\/1\.1 100 Continue\r\n\r\n/, '');
        const end = all.indexOf('\r\n\r\n');
        resolve({ head: all.slice(0, end).toLowerCase(), body: all.slice(end + 4) });
      },
    );
  });
}

/** A connection on which anything may be written. */
export class Raw {
  readonly socket: Socket;
  text = '';
  readonly #ended: Promise<void>;
  closed = false;

  constructor({ url }: { url: string }) {
    const { hostname, port } = new URL(url);
    this.socket = connect(Number(port), hostname);
    this.socket.setEncoding('latin1').on('data', (piece: string) => {
      this.text += piece;
    });
    this.socket.on('error', () => {});
    this.#ended = new Promise((resolve) =>
      this.socket.on('close', () => {
        this.closed = true;
        resolve();
      }),
    );
  }

  write(text: string): this {
    this.socket.write(text, 'latin1');
    return this;
  }

  /** All that was answered until the other side has closed. */
  async end(): Promise<string> {
    await this.#ended;
    return this.text;
  }
}

/** The arguments of the command that put it before this simulator, with these options. */
export function flags({ url }: { url: string }, options: Record<string, string> = {}): string[] {
  const sets = Object.entries({ 'upstream.proxy': 'false', ...options });
  return [
    '--listen',
    '127.0.0.1:0',
    '--upstream',
    url,
    ...sets.flatMap(([name, value]) => ['--set', `${name}=${value}`]),
  ];
}

/** The command as a process of its own, once it listens. */
export async function command(
  t: TestContext,
  args: string[],
  env: Record<string, string> = {},
): Promise<{ url: string; pid: number; said: () => string; ended: Promise<number | null> }> {
  const program = fileURLToPath(new URL('../../dist/bin/trae-native.js', import.meta.url));
  const inherited = Object.entries(process.env).filter(([name]) => !/^(ANTHROPIC|TRAE_PROXY)_/.test(name));
  const child = spawn(process.execPath, [program, 'proxy', ...args], {
    env: { ...Object.fromEntries(inherited), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  let [out, err] = ['', ''];
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  await new Promise<void>((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
      if (out.includes('\n')) resolve();
    });
    child.on('close', () => reject(new Error(err)));
  });
  const { url, pid } = JSON.parse(out) as { url: string; pid: number };
  return { url, pid, said: () => err, ended };
}
