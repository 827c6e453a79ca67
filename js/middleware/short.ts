// The short form of a client's options: `retry: { … }` installs `retry({ … })` at the place that suits most.

import { kindOf, config as wrong } from '../errors.js';
import {
  auth,
  cache,
  circuitBreaker,
  concurrency,
  fallback,
  hedge,
  idempotencyKey,
  jwt,
  keyPool,
  logger,
  metrics,
  type Native,
  rateLimit,
  redact,
  retry,
} from './native.js';
import type { Stack } from './stack.js';

/**
 * The outermost first: what looks on sees whole calls, what is kept needs no attempt, a key is the same over attempts,
 * each target is retried before the next is tried, each attempt may have its second and counts for the circuit and the
 * limits, none has a place among those under way while it waits for its rate, and each has the credential of its time.
 */
const ORDER: Record<string, (options?: never) => Native> = {
  redact,
  logger,
  metrics,
  cache,
  idempotencyKey,
  fallback,
  retry,
  hedge,
  circuitBreaker,
  rateLimit,
  concurrency,
  keyPool,
  auth,
  jwt,
};
export const SHORT_FORMS = Object.keys(ORDER);

/** Those whose state may be shared: without a store of their own they take the client's. */
const SHARED: readonly string[] = ['cache', 'rateLimit'];

/**
 * Takes the short forms out of the options; what is left are those of the client itself. `store` is where the client
 * keeps what replicas share.
 */
export function shortForms(
  options: Record<string, unknown>,
  store: unknown,
): {
  rest: Record<string, unknown>;
  install: (stack: Stack) => void;
} {
  const rest = { ...options };
  const given = SHORT_FORMS.filter((name) => rest[name] !== undefined).map((name) => [name, rest[name]] as const);
  for (const name of SHORT_FORMS) delete rest[name];
  const made = given.map(([name, value]) => [name, make(name, stored(name, value, store))] as const);
  return {
    rest,
    install: (stack) => {
      for (const [name, native] of made) stack.install(name, native, SHORT_FORMS);
    },
  };
}

function stored(name: string, value: unknown, store: unknown): unknown {
  if (store === undefined || store === null || !SHARED.includes(name)) return value;
  if (value === true) return { store };
  return typeof value === 'object' && value !== null ? { store, ...value } : value;
}

/** `true` is all defaults, `false` none at all: in a client that is extended it takes out what the other had. */
function make(name: string, value: unknown): Native | undefined {
  if (value === false || value === null) return undefined;
  const options = value === true ? undefined : value;
  if (typeof options === 'function') throw wrong(`\`${name}\` must be options of ${name}(), got ${kindOf(value)}`);
  return ORDER[name]?.(options as never);
}

/** Refuses what was put into a client's options when that was made already. */
export function requireNoShortForms(options: Record<string, unknown>): void {
  const late = SHORT_FORMS.find((name) => options[name] !== undefined);
  if (late !== undefined) throw wrong(`\`${late}\` is set when a client is made: use extend({ ${late}: … })`);
}
