// The asynchronous context of whoever makes a call: what answers it comes from the engine, which knows none. An
// AsyncLocalStorage has in a middleware what it had where the call was made.

type AsyncResource = import('node:async_hooks').AsyncResource;

/** Runs something as if it were here, now. */
export type Here = <T>(run: () => T) => T;

export function here(): Here {
  // Loaded here because a bare call has no use for it.
  const { AsyncResource } = require('node:async_hooks') as typeof import('node:async_hooks');
  // Nobody has to be told of its end: no hook is registered for it.
  const resource: AsyncResource = new AsyncResource('trae-native', { requireManualDestroy: true });
  return (run) => resource.runInAsyncScope(run);
}

/** The function as if it were called here, now; what is none stays as it is. */
export function bound<F>(given: F): F {
  if (typeof given !== 'function') return given;
  const run = here();
  const call = (...args: unknown[]): unknown =>
    run(() => (given as unknown as (...args: unknown[]) => unknown)(...args));
  return call as unknown as F;
}
