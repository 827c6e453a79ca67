// Signals and the calls that listen to them: one listener for all calls of a signal, so that a signal which a
// service shares among hundreds is not taken for a leak.

/** Whatever can be given up. */
export interface Abortable {
  abort(reason?: unknown): void;
}

interface Listening {
  calls: Set<Abortable>;
  listener: () => void;
}

const listening = new WeakMap<AbortSignal, Listening>();

/** From now on the signal ends this call; the result ends that. */
export function listenTo(signal: AbortSignal, call: Abortable): () => void {
  let entry = listening.get(signal);
  if (entry === undefined) {
    const calls = new Set<Abortable>();
    const listener = (): void => {
      listening.delete(signal);
      // Not every library's signal knows `once`.
      signal.removeEventListener('abort', listener);
      for (const listed of [...calls]) listed.abort(signal.reason);
    };
    entry = { calls, listener };
    listening.set(signal, entry);
    signal.addEventListener('abort', listener, { once: true });
  }
  const { calls, listener } = entry;
  calls.add(call);
  return () => {
    calls.delete(call);
    if (calls.size > 0 || listening.get(signal)?.calls !== calls) return;
    // A long-lived signal must not remember calls that are over.
    listening.delete(signal);
    signal.removeEventListener('abort', listener);
  };
}

/** The same, of a signal that may have been given already: then at once. */
export function heed(signal: AbortSignal, call: Abortable): () => void {
  if (!signal.aborted) return listenTo(signal, call);
  call.abort(signal.reason);
  return () => {};
}
