// Replies on their way to Rust: nothing in them is lost, and what is wrong is said to whoever wrote it.

import type { Reply } from '../simulator.js';
import { piece } from './body.js';
import { kindOf, TraeError, config as wrong } from './errors.js';

/** Whatever Rust refuses here is an option, a reply or an address: something that its author wrote. */
export function judged<T>(attempt: () => T): T {
  try {
    return attempt();
  } catch (cause) {
    // Its place in our JSON says nothing to somebody who has written no JSON.
    const message = (cause as Error).message.replace(/ at line \d+ column \d+$/, '');
    throw cause instanceof TraeError ? cause : wrong(message, cause);
  }
}

/** JSON in which nothing that JSON does not have is left out without a word. */
export function json(value: object, what: string): string {
  if (typeof value !== 'object' || value === null) throw wrong(`${what}: must be an object, got ${kindOf(value)}`);
  return JSON.stringify(value, (name, item: unknown) => {
    if (['function', 'symbol', 'bigint'].includes(typeof item) || (typeof item === 'number' && !Number.isFinite(item)))
      throw wrong(`${what}: \`${name}\` can't be ${kindOf(item)}`);
    return item;
  });
}

/** Bytes travel as base64. */
export function portable(reply: Reply): object {
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
