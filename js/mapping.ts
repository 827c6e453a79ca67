// Streams whose events are made of those of another: read on demand, a batch at a time.

import { Channel } from './channel.js';
import { AbortError, TimeoutError } from './errors.js';
import { pack } from './unpack.js';

/** What becomes of a stream's events. */
export interface Mapping {
  /** Makes something of an event; promises are awaited together with the others of their batch. */
  each(event: unknown): unknown;
  /** Puts what was made among the events; without it that is an event. */
  put?(made: unknown, events: unknown[]): void;
  /** Judges a stream that has come to its end. */
  end?(): void;
}

/** What a batch has become; a fault ends the stream after these events. */
interface Made {
  events: unknown[];
  fault: { thrown: unknown } | undefined;
}

/**
 * Reads a channel for another one, which from now on decides how long it lasts. Nothing in here may know a stream:
 * what the other one holds is held until it ends, and a stream that is held is never taken for dropped.
 */
export function mapped<F>(source: Channel<unknown>, mapping: Mapping): Channel<F> {
  const reader = {};
  const step = async (): Promise<void> => {
    try {
      const { value, done } = await (source.next(reader) as Promise<IteratorResult<unknown[], undefined>>);
      if (done) {
        // One that somebody has left without a reason is over, and not at its end.
        const { left } = source.result;
        if (!left) mapping.end?.();
        channel.end(undefined, left ? { left } : undefined);
        return;
      }
      const making = make(mapping, value);
      const { events, fault } = making instanceof Promise ? await making : making;
      if (events.length > 0) channel.take({ packed: pack(events), size: 0 });
      if (fault) channel.fail(fault.thrown);
    } catch (error) {
      channel.fail(error);
    }
  };
  const channel: Channel<F> = new Channel<F>(
    0,
    (error) => source.leave(error),
    pump(step, () => channel.starved),
  );
  source.unit = 'events';
  source.unwatch();
  // Whoever waits must not wait for a promise of the mapping's when the call is given up.
  source.ending.add((error) => {
    const givenUp = error instanceof AbortError || error instanceof TimeoutError;
    if (givenUp && channel.starved) channel.end(error);
  });
  return channel;
}

/** Runs one step after another while somebody waits, and never two at once. */
export function pump(step: () => Promise<void>, starved: () => boolean): () => void {
  let running = false;
  return async () => {
    if (running) return;
    running = true;
    do await step();
    while (starved());
    running = false;
  };
}

/** Without a promise where the mapping makes none. */
function make(mapping: Mapping, batch: readonly unknown[]): Made | Promise<Made> {
  const results: unknown[] = [];
  let fault: Made['fault'];
  let waits = false;
  try {
    for (const event of batch) {
      const result = mapping.each(event);
      waits ||= typeof (result as PromiseLike<unknown> | null | undefined)?.then === 'function';
      results.push(result);
    }
  } catch (thrown) {
    fault = { thrown };
  }
  if (!waits) return place(mapping, results, fault);
  return Promise.allSettled(results).then((settled) => {
    const failed = settled.findIndex(({ status }) => status === 'rejected');
    const good = failed < 0 ? settled : settled.slice(0, failed);
    const made = good.map((one) => (one as PromiseFulfilledResult<unknown>).value);
    return place(mapping, made, failed < 0 ? fault : { thrown: (settled[failed] as PromiseRejectedResult).reason });
  });
}

function place({ put }: Mapping, results: unknown[], fault: Made['fault']): Made {
  if (!put) return { events: results, fault };
  const events: unknown[] = [];
  for (const result of results) put(result, events);
  return { events, fault };
}
