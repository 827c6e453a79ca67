// An object of the caller's that keeps values, as Keyv's do: how it is asked by one function.

import type { Ask } from '../callback.js';
import { config as wrong } from '../errors.js';

/** The part of Keyv's interface that is used. A Map is one too. */
interface KeyValue {
  get(key: string): unknown;
  set(key: string, value: string, ttl?: number): unknown;
  delete(key: string): unknown;
  clear?(): unknown;
}

type Question =
  | { op: 'get' | 'delete'; key: string }
  | { op: 'set'; key: string; value: string; ttl: number }
  | { op: 'clear'; prefix: string };

const NAMES = ['get', 'set', 'delete'];

/** Options whose `store` is an object have a function there instead. */
export function keyValue(options: unknown): unknown {
  const given = (options as { store?: unknown } | null | undefined)?.store;
  const kept = (given ?? {}) as Record<string, unknown>;
  // Otherwise it says how Redis is reached.
  if (!NAMES.some((name) => typeof kept[name] === 'function')) return options;
  const missing = NAMES.find((name) => typeof kept[name] !== 'function');
  if (missing !== undefined)
    throw wrong(`\`cache.store\` keeps values with get(), set() and delete(), as Keyv does, but has no ${missing}()`);
  return { ...(options as object), store: (question: Question) => answer(given as KeyValue, question) };
}

/** Asks it. */
export const store =
  (given: (question: Question) => unknown): Ask =>
  (question) =>
    given(JSON.parse(question));

async function answer(kept: KeyValue, question: Question): Promise<unknown> {
  switch (question.op) {
    case 'get': {
      const value = await kept.get(question.key);
      // Stores have been seen to give back bytes.
      if (value instanceof Uint8Array) return Buffer.from(value).toString();
      return typeof value === 'string' ? value : null;
    }
    case 'set':
      await kept.set(question.key, question.value, question.ttl);
      return null;
    case 'delete':
      return (await kept.delete(question.key)) === true;
    case 'clear':
      if (typeof kept.clear !== 'function') throw wrong('`cache.store` has no clear()');
      await kept.clear();
      return null;
  }
}
