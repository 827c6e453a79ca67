// A simulator and a client for one test file, closed when the test is over.

import { createRequire } from 'node:module';
import type { TestContext } from 'node:test';
import { type Client, type ClientConfig, createClient } from 'trae-native';
import { createSimulator, type Reply, type Simulator, type SimulatorOptions } from 'trae-native/simulator';

export interface Pair {
  client: Client;
  simulator: Simulator;
}

/** Both ends of a call; the client trusts the simulator's certificate. */
export async function pair(t: TestContext, config: ClientConfig = {}, options: SimulatorOptions = {}): Promise<Pair> {
  const simulator = await createSimulator(options);
  const tls = simulator.ca ? { tls: { ca: simulator.ca } } : {};
  const client = createClient({ baseURL: simulator.url, proxy: false, ...tls, ...config });
  t.after(async () => {
    await client.close();
    await simulator.close();
  });
  return { client, simulator };
}

/** A request option that makes the simulator answer this one call in this way. */
export function answering(reply: Reply): { headers: Record<string, string> } {
  const json = JSON.stringify(reply).replace(/[^ -~]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return { headers: { 'x-simulator': json } };
}

export async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of source) all.push(item);
  return all;
}

/** Waits until something holds; tests use it where only the operating system knows when. */
export async function until(holds: () => boolean | Promise<boolean>, what: string, ms = 5000): Promise<void> {
  const end = Date.now() + ms;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`still not so after ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export const message = (text = 'Hello'): object => ({
  model: 'claude-sonnet-5',
  max_tokens: 64,
  messages: [{ role: 'user', content: text }],
});

const engine = createRequire(import.meta.url)('../../dist/bundle.js').native().engine as {
  counters(): [number, number, number];
};

/** `[wake-ups, calls running, tasks alive]` of this environment. */
export const counters = (): [number, number, number] => engine.counters();
