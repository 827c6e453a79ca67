// The simulated Claude API, in this process: for tests, demos and benchmarks.

import { inspect } from 'node:util';
import type { Received as Facts, Reply, SimulatorOptions } from '../simulator.js';
import { piece } from './body.js';
import { kindOf, TraeError, config as wrong } from './errors.js';
import { native } from './native.js';
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

/** Whatever Rust refuses here is an option, a reply or an address: something that its author wrote. */
function judged<T>(attempt: () => T): T {
  try {
    return attempt();
  } catch (cause) {
    throw cause instanceof TraeError ? cause : wrong((cause as Error).message, cause);
  }
}

/** JSON in which nothing that JSON does not have is left out without a word. */
function json(value: object, what: string): string {
  if (typeof value !== 'object' || value === null) throw wrong(`${what}: must be an object, got ${kindOf(value)}`);
  return JSON.stringify(value, (name, item: unknown) => {
    if (typeof item === 'function' || typeof item === 'symbol' || (typeof item === 'number' && !Number.isFinite(item)))
      throw wrong(`${what}: \`${name}\` can't be ${kindOf(item)}`);
    return item;
  });
}

/** Bytes travel as base64. */
function portable(reply: Reply): object {
  if (typeof reply !== 'object' || reply === null) throw wrong(`reply: must be an object, got ${kindOf(reply)}`);
  const { body, raw, ...rest } = reply as Record<string, unknown>;
  const text = (value: unknown): string => Buffer.from(piece(value)).toString('base64');
  const isBytes = (value: unknown): boolean => ArrayBuffer.isView(value) || value instanceof ArrayBuffer;
  return {
    ...rest,
    ...(isBytes(body) ? { bodyBase64: text(body) } : { body }),
    ...(isBytes(raw) ? { rawBase64: text(raw) } : { raw }),
  };
}

/** Starts a simulator on a free port of 127.0.0.1 unless the options say otherwise. */
export async function createSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  return new Simulator(options);
}
