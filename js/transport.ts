// What stands in place of the network, or listens to it, as far as a client has to know of it. It is made in testing/.

import { kindOf, config as wrong } from './errors.js';
import type { NativeClient } from './native.js';

export interface Transport {
  /** A client whose calls go this way, or why its options are wrong. */
  client(config: string): NativeClient | string;
  /** A call has begun. */
  began?(): void;
  /** Milliseconds, where calls have a time of their own. */
  now?(): number;
}

/** What stands behind the option `transport`. */
export const transports = new WeakMap<object, Transport>();

/** A name for the option, and nothing else. */
export class TestTransport {
  readonly testing = true;
  /** Options are compared by content. */
  readonly number = ++last;

  constructor(transport: Transport) {
    transports.set(this, transport);
  }
}

let last = 0;

export function transportOf(transport: unknown): Transport | undefined {
  if (transport === undefined || transport === null) return undefined;
  const known = typeof transport === 'object' ? transports.get(transport) : undefined;
  if (known) return known;
  throw wrong(`\`transport\` must be one that trae-native/testing has made, got ${kindOf(transport)}`);
}
