// Native middlewares as JavaScript holds them: a name and a handle; what they do is in Rust.

import { type Ask, Callback } from '../callback.js';
import { plainStore } from '../config.js';
import { fromFailure, config as wrong } from '../errors.js';
import { engine, type NativeMiddleware } from '../native.js';
import { neverShow, type RedactOptions } from '../secrets.js';
import { told } from '../told.js';
import { key, onRetry, provider, shouldRetry, sink } from './callbacks.js';
import { keyValue, store } from './key-value.js';
import { type LoggerOptions, lineTaker } from './logger.js';

/** The functions that options of a middleware may name, by how Rust asks them. */
type Asks = Record<string, (given: never) => Ask>;

export class Native {
  readonly kind: string;
  readonly handle: NativeMiddleware;
  /** Rust knows them by their numbers: they live as long as the middleware does. */
  readonly callbacks: Readonly<Record<string, Callback>>;
  /** How many of its answers were given again without asking it. */
  reused = 0;

  constructor(kind: string, options: unknown, asks: Asks = {}) {
    this.callbacks = callbacksOf(kind, options, asks);
    const numbers = Object.entries(this.callbacks).map(([name, { number }]) => [name, number]);
    const made = engine.createMiddleware(kind, json(kind, withStore(options)), Object.fromEntries(numbers));
    if (typeof made === 'string') throw fromFailure(made);
    this.kind = kind;
    this.handle = made;
  }

  /** Throws where options that come with its questions can't be used. */
  check(options: object): void {
    const failure = this.handle.check(json(this.kind, options));
    if (failure) throw fromFailure(failure);
  }

  /** What it says to a question that is no call. */
  ask(question: string, about?: unknown): Promise<unknown> {
    return told((id) => engine.ask(this.handle, id, question, json(this.kind, about)));
  }
}

/** One that keeps a credential. */
export class Credential extends Native {
  /** Throws away what it keeps: the next call gets another. */
  invalidate(): void {
    this.handle.invalidate();
  }
}

/** One that makes calls wait. */
export class Limiter extends Native {
  /** What it has decided so far, for all clients that it serves. */
  stats(): Promise<unknown> {
    return this.ask('stats');
  }
}

/** One that has several keys. */
export class KeyPool extends Native {
  /** How each key does. */
  stats(): Promise<unknown> {
    return this.ask('stats');
  }
}

/** Sends calls with a key, to the client's own origin and nowhere else. */
export const auth = (options?: unknown): Credential => new Credential('auth', options, { provider });

/** Sends calls with a token that is signed here, or got for something signed. */
export const jwt = (options?: unknown): Credential => new Credential('jwt', options);

/** Makes failed calls again, with growing random pauses, as the server asks, within a budget. */
export const retry = (options?: unknown): Native => new Native('retry', options, { shouldRetry, onRetry });

/** Gives an answer again that was given to the same question, for a while. */
export const cache = (options?: unknown): Native => new Native('cache', withStore(keyValue(options)), { key, store });

/** Leaves a server alone that fails too often. */
export const circuitBreaker = (options?: unknown): Native => new Native('circuitBreaker', options, { key });

/** Sends each call with the key that has least to carry. */
export const keyPool = (options?: unknown): KeyPool => new KeyPool('keyPool', options);

/** Sends a call that fails at one target to the next. */
export const fallback = (options?: unknown): Native => new Native('fallback', options);

/** Makes a call a second time whose answer is late, and takes the first answer that comes. */
export const hedge = (options?: unknown): Native => new Native('hedge', options, { key });

/** Holds requests and tokens to a rate, in one process or over all that share a store. */
export const rateLimit = (options?: unknown): Limiter => new Limiter('rateLimit', options, { key });

/** Lets only so many calls be under way. */
export const concurrency = (options?: unknown): Limiter => new Limiter('concurrency', options, { key });

/** Gives up on what stands inside of it after a time. */
export const timeout = (options?: unknown): Native => new Native('timeout', options);

/** Counts what passes: outermost calls, inside of `retry()` attempts. */
export const metrics = (options?: unknown): Native => new Native('metrics', options);

/** Gives each call a name for the server, the same over its attempts. */
export const idempotencyKey = (options?: unknown): Native => new Native('idempotencyKey', options);

/** Writes a line for each request, answer and failure. */
export const logger = (options?: LoggerOptions): Native => new Native('logger', lineTaker(options), { sink });

/** Says what is never shown, besides what never is; calls pass it as they are. */
export const redact = (options?: RedactOptions): Native => {
  const native = new Native('redact', withExpressions(options));
  neverShow(options ?? {}, (text) => native.handle.shown(text));
  return native;
};

/** An expression has no JSON of its own. */
function withExpressions(options: RedactOptions | undefined): unknown {
  if (options?.patterns === undefined) return options;
  const given = Array.isArray(options.patterns) ? options.patterns : [options.patterns];
  const patterns = given.map((pattern) =>
    pattern instanceof RegExp ? { source: pattern.source, flags: pattern.flags } : pattern,
  );
  return { ...options, patterns };
}

/** Where its state stands may be written with objects that JSON spoils. */
function withStore(options: unknown): unknown {
  const { store } = (options ?? {}) as { store?: unknown };
  return typeof store === 'object' ? { ...(options as object), store: plainStore(store) } : options;
}

function callbacksOf(kind: string, options: unknown, asks: Asks): Record<string, Callback> {
  const callbacks: Record<string, Callback> = {};
  for (const [name, ask] of Object.entries(asks)) {
    const given = (options as Record<string, unknown> | null | undefined)?.[name];
    if (typeof given === 'function') callbacks[name] = new Callback(ask(given as never));
    else if (given === FUNCTION) throw wrong(`\`${kind}.${name}\` must be a function, got a string`);
  }
  return callbacks;
}

/** How a function looks to Rust. */
const FUNCTION = '[function]';

function json(kind: string, options: unknown): string {
  try {
    return JSON.stringify(options ?? null, (_name, value) => {
      if (typeof value === 'function') return FUNCTION;
      return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
    });
  } catch (cause) {
    throw wrong(`the options of \`${kind}\` can't be written as JSON: ${(cause as Error).message}`, cause);
  }
}
