// What answers in place of the network, as far as a client has to know of it. It is made in testing/scripted.ts.

import { kindOf, config as wrong } from './errors.js';
import type { NativeScript } from './native.js';

export interface Script {
  native: NativeScript;
  /** A call has begun. */
  began(): void;
  /** Milliseconds, in the time of the script. */
  now(): number;
}

/** What stands behind the option `transport`. */
export const scripts = new WeakMap<object, Script>();

export function scriptOf(transport: unknown): Script | undefined {
  if (transport === undefined || transport === null) return undefined;
  const script = typeof transport === 'object' ? scripts.get(transport) : undefined;
  if (script) return script;
  throw wrong(`\`transport\` must be that of createScripted() of trae-native/testing, got ${kindOf(transport)}`);
}
