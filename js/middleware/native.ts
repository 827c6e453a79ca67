// Native middlewares as JavaScript holds them: a name and a handle; what they do is in Rust.

import { fromFailure, config as wrong } from '../errors.js';
import { engine, type NativeMiddleware } from '../native.js';

export class Native {
  readonly kind: string;
  readonly handle: NativeMiddleware;

  constructor(kind: string, options: unknown) {
    const made = engine.createMiddleware(kind, json(kind, options));
    if (typeof made === 'string') throw fromFailure(made);
    this.kind = kind;
    this.handle = made;
  }
}

/** Sends calls with a key, to the client's own origin and nowhere else. */
export const auth = (options?: unknown): Native => new Native('auth', options);

/** Sends calls with a token that is signed here, or got for something signed. */
export const jwt = (options?: unknown): Native => new Native('jwt', options);

/** Makes failed calls again, with growing random pauses, as the server asks, within a budget. */
export const retry = (options?: unknown): Native => new Native('retry', options);

/** Gives up on what stands inside of it after a time. */
export const timeout = (options?: unknown): Native => new Native('timeout', options);

/** Counts what passes: outermost calls, inside of `retry()` attempts. */
export const metrics = (options?: unknown): Native => new Native('metrics', options);

/** Gives each call a name for the server, the same over its attempts. */
export const idempotencyKey = (options?: unknown): Native => new Native('idempotencyKey', options);

function json(kind: string, options: unknown): string {
  return JSON.stringify(options ?? null, (name, value) => {
    if (typeof value === 'function') throw wrong(`\`${kind}.${name}\` can't be a function yet`);
    return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
  });
}
