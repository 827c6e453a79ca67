// When a stream is over, for whoever has to know without reading it.

import { bound } from './context.js';
import { surface } from './words.js';

export const onEnd = Symbol('onEnd');

export const onEvents = Symbol('onEvents');

/** Shows the events of a stream of ours as they come, mere pieces of content left out; they must not be changed. */
export function seen(data: unknown, look: (events: readonly unknown[]) => void): void {
  const stream = data as { [onEvents]?: (look: (events: readonly unknown[]) => void) => void } | null | undefined;
  if (typeof stream === 'object' && stream !== null) stream[onEvents]?.(look);
}

/** Calls back once, when the stream has ended or has ended already; `false` where this is no stream of ours. */
export function ended(data: unknown, told: (error: unknown) => unknown): boolean {
  const stream = data as { [onEnd]?: (told: (error: unknown) => unknown) => void } | null | undefined;
  if (typeof stream !== 'object' || stream === null || !(onEnd in stream)) return false;
  stream[onEnd]?.(bound(told));
  return true;
}

/** Those who wait for one end. What one of them throws is its own and reaches nobody else. */
export class Ending {
  #told: ((error: unknown) => unknown)[] = [];
  #over: { error: unknown } | undefined;

  /** What it ended with. */
  get error(): unknown {
    return this.#over?.error;
  }

  add(told: (error: unknown) => unknown): void {
    if (this.#over) tell(told, this.#over.error);
    else this.#told.push(told);
  }

  come(error: unknown): void {
    if (this.#over) return;
    this.#over = { error };
    for (const told of this.#told.splice(0)) tell(told, error);
  }
}

function tell(told: (error: unknown) => unknown, error: unknown): void {
  new Promise((resolve) => resolve(told(error))).catch(surface);
}
