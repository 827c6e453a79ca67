// The simulated Claude API, in this process: for tests, demos and benchmarks.

import { inspect } from 'node:util';
import type { Received as Facts, Reply, SimulatorOptions } from '../simulator.js';
import { native } from './native.js';
import { json, judged, portable } from './reply.js';
import { isSecret } from './secrets.js';

interface NativeSimulator {
  url(): string;
  ca(): string | null;
  clientIdentity(): [string, string] | null;
  script(replies: string): void;
  setDefault(reply: string): void;
  received(): string;
  counters(): string;
  clear(): void;
  close(): void;
}

/** One request as it arrived. */
class Received {
  declare readonly headers: [string, string][];
  readonly body: Buffer;

  constructor(facts: Record<string, unknown>) {
    Object.assign(this, facts);
    this.body = Buffer.from(facts['body'] as string, 'base64');
  }

  header(name: string): string | undefined {
    const lower = name.toLowerCase();
    return this.headers.find(([key]) => key === lower)?.[1];
  }

  json(): unknown {
    return JSON.parse(this.body.toString());
  }

  /** Printed in a log of tests, it shows no key that a service was configured with. */
  [inspect.custom](): object {
    const headers = this.headers.map(([name, value]) => [name, isSecret(name) ? '[redacted]' : value]);
    return { ...this, headers, body: `[${this.body.length} bytes]` };
  }
}

/** Simulators that listen: one that a test knows only by its URL must not be collected. */
const listening = new Set<Simulator>();

export class Simulator {
  readonly #native: NativeSimulator;
  readonly url: string;
  readonly ca: string | undefined;
  readonly clientIdentity: { cert: string; key: string } | undefined;

  constructor(options: SimulatorOptions) {
    const made = judged(() => {
      return new native.NativeSimulator(json(options, 'simulator options')) as unknown as NativeSimulator;
    });
    this.#native = made;
    listening.add(this);
    this.url = made.url();
    this.ca = made.ca() ?? undefined;
    const identity = made.clientIdentity();
    this.clientIdentity = identity ? { cert: identity[0], key: identity[1] } : undefined;
  }

  reply(replies: Reply | Reply[]): this {
    judged(() => this.#native.script(json([replies].flat().map(portable), 'replies')));
    return this;
  }

  always(reply: Reply): this {
    judged(() => this.#native.setDefault(json(portable(reply), 'reply')));
    return this;
  }

  get received(): Facts[] {
    const all = JSON.parse(this.#native.received()) as Record<string, unknown>[];
    return all.map((facts) => new Received(facts)) as unknown as Facts[];
  }

  get counters(): { connectionsOpen: number; connectionsTotal: number; requests: number; aborted: number } {
    return JSON.parse(this.#native.counters());
  }

  clear(): void {
    this.#native.clear();
  }

  async close(): Promise<void> {
    listening.delete(this);
    this.#native.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Starts a simulator on a free port of 127.0.0.1 unless the options say otherwise. */
export async function createSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  return new Simulator(options);
}
