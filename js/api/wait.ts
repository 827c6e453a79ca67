// Waiting for a batch: a look, a pause, and again. Whoever ends it, a signal or the client, ends it at once.

import { type Options, requireObject } from '../config.js';
import { aborted, kindOf, config as wrong } from '../errors.js';
import { requireSpelt } from '../names.js';
import type { TraeResponse } from '../response.js';
import { type Abortable, heed } from '../signals.js';
import type { Caller } from './caller.js';

/** Milliseconds from one look to the next: soon at first, since small batches are done in a minute. */
const FIRST = 5000;
const LONGEST = 60_000;
/** A timer of Node that is set for longer, 24.8 days, strikes at once. */
const LONGEST_TIMER = 2 ** 31 - 1;
const GROWS = 1.5;

interface Wish {
  interval: number | undefined;
  onPoll: ((batch: unknown) => unknown) | undefined;
  signal: AbortSignal | undefined;
  config: Options;
}

export function wishOf(options: Options, caller: Caller): Wish {
  requireObject(options, 'the options of wait()');
  requireSpelt(options, ['interval', 'onPoll']);
  const { interval, onPoll, ...config } = options;
  if (interval !== undefined && !(typeof interval === 'number' && interval > 0 && interval <= LONGEST_TIMER))
    throw wrong(
      `\`interval\` of wait() is a number of milliseconds above 0 and at most ${LONGEST_TIMER}, got ${typeof interval === 'number' ? interval : kindOf(interval)}`,
    );
  if (onPoll !== undefined && typeof onPoll !== 'function')
    throw wrong(`\`onPoll\` of wait() must be a function, got ${kindOf(onPoll)}`);
  return { interval, onPoll, signal: caller.signal(config['signal']), config };
}

/** Looks with `look` until that says so. */
export async function waitFor(
  look: (config: Options) => Promise<TraeResponse>,
  { interval, onPoll, signal, config }: Wish,
  under: Set<Abortable>,
): Promise<TraeResponse> {
  const wait = new Wait();
  const unlisten = signal && heed(signal, wait);
  under.add(wait);
  try {
    for (let pause = interval ?? FIRST; ; pause = interval ?? Math.min(pause * GROWS, LONGEST)) {
      const res = await wait.or(look(config));
      if ((res.data as { processing_status: unknown }).processing_status === 'ended') return res;
      await wait.or(Promise.resolve(onPoll?.(res.data)));
      await wait.pause(pause);
    }
  } finally {
    under.delete(wait);
    unlisten?.();
    wait.over();
  }
}

/** What is waited for, until somebody gives it up. */
class Wait implements Abortable {
  readonly #given: Promise<never>;
  #give: (error: unknown) => void = () => {};
  #timer: NodeJS.Timeout | undefined;

  constructor() {
    this.#given = new Promise((_resolve, reject) => {
      this.#give = reject;
    });
    // Told by whatever waits at that moment.
    this.#given.catch(() => {});
  }

  abort(reason?: unknown): void {
    this.#give(aborted('prepare', reason));
  }

  or<T>(coming: Promise<T>): Promise<T> {
    return Promise.race([this.#given, coming]);
  }

  pause(ms: number): Promise<void> {
    return this.or(
      new Promise((resolve) => {
        this.#timer = setTimeout(resolve, ms);
      }),
    );
  }

  over(): void {
    clearTimeout(this.#timer);
  }
}
