// The simulated Claude API, in this process: for tests, demos and benchmarks.

import type { Received as Facts, Reply, SimulatorOptions } from '../simulator.js';
import { native } from './native.js';

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
}

export class Simulator {
  readonly #native: NativeSimulator;
  readonly url: string;
  readonly ca: string | undefined;
  readonly clientIdentity: { cert: string; key: string } | undefined;

  constructor(options: SimulatorOptions) {
    const made = new native.NativeSimulator(JSON.stringify(options)) as unknown as NativeSimulator;
    this.#native = made;
    this.url = made.url();
    this.ca = made.ca() ?? undefined;
    const identity = made.clientIdentity();
    this.clientIdentity = identity ? { cert: identity[0], key: identity[1] } : undefined;
  }

  reply(replies: Reply | Reply[]): this {
    this.#native.script(JSON.stringify([replies].flat().map(portable)));
    return this;
  }

  always(reply: Reply): this {
    this.#native.setDefault(JSON.stringify(portable(reply)));
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
    this.#native.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#native.close();
  }
}

/** Bytes travel as base64. */
function portable(reply: Reply): object {
  const { body, raw, ...rest } = reply as Record<string, unknown>;
  const text = (value: unknown): string => Buffer.from(value as Uint8Array).toString('base64');
  return {
    ...rest,
    ...(ArrayBuffer.isView(body) ? { bodyBase64: text(body) } : { body }),
    ...(ArrayBuffer.isView(raw) ? { rawBase64: text(raw) } : { raw }),
  };
}

/** Starts a simulator on a free port of 127.0.0.1 unless the options say otherwise. */
export async function createSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  return new Simulator(options);
}
