// A network that is played: who answers is somebody else's matter, that time is its own is the same for all.

import { inspect } from 'node:util';
import { Callback } from '../callback.js';
import { kindOf, TraeError, config as wrong } from '../errors.js';
import { engine } from '../native.js';
import { TestTransport } from '../transport.js';
import { Clock } from './clock.js';

/** A request as it crossed. */
export interface Crossed {
  method: string;
  url: string;
  headers: [string, string][];
  body: { text: string } | { base64: string };
  /** As a cassette has it. */
  shown: Shown;
}

/** A request without its secrets. */
export interface Shown {
  method: string;
  url: string;
  headers: Record<string, string | string[]>;
  body?: object;
}

export interface StageOptions {
  autoAdvance?: boolean;
}

export abstract class Stage {
  readonly transport: TestTransport;
  readonly #clock: Clock;
  /** Held, or the engine would ask nobody. */
  readonly #callback: Callback;

  constructor({ autoAdvance = true }: StageOptions) {
    this.#callback = new Callback((asked) => this.answer(JSON.parse(asked)), said);
    const native = engine.createScript(this.#callback.number);
    this.#clock = new Clock(native, autoAdvance);
    this.transport = new TestTransport({
      client: (config) => engine.createScriptedClient(config, native),
      now: () => this.now,
      began: () => this.#clock.began(),
    });
  }

  /** The reply to a request, as the engine takes it. */
  protected abstract answer(crossed: Crossed): Promise<object>;

  get now(): number {
    return this.#clock.now;
  }

  async advance(ms: number): Promise<void> {
    if (!Number.isFinite(ms) || ms < 0) throw wrong(`advance() takes milliseconds, got ${kindOf(ms)}`);
    await this.#clock.advance(ms);
  }
}

/** All of it: a test's own function has no secrets from that test. */
function said(thrown: unknown): string {
  if (thrown instanceof TraeError) return thrown.message;
  return thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : inspect(thrown);
}

/** Refuses what is none of these options, and an `autoAdvance` that is no boolean. */
export function optionsOf<T extends StageOptions>(whose: string, options: T, known: string[]): T {
  if (typeof options !== 'object' || options === null) throw wrong(`${whose}() takes options, got ${kindOf(options)}`);
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) throw wrong(`${whose}() has no option \`${name}\`: it has \`${known.join('`, `')}\``);
  }
  const { autoAdvance } = options;
  if (autoAdvance !== undefined && typeof autoAdvance !== 'boolean')
    throw wrong(`\`autoAdvance\` must be a boolean, got ${kindOf(autoAdvance)}`);
  return options;
}
