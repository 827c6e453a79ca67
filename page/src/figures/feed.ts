// Follows the figures, and comes back by itself when their stream breaks.

import type { Sample } from '../contract.js';
import { asFailure, Failure, refused } from '../failure.js';
import { events } from '../sse.js';

const FIRST_WAIT = 1000;
const LONGEST_WAIT = 30_000;

/** A sample comes each second: after so long without one the connection is dead, whatever the browser thinks of it. */
const SILENCE = 10_000;

export interface Watcher {
  history(samples: Sample[]): void;
  sample(sample: Sample): void;
  /** How it stands, in words; empty while all is well. */
  told(words: string): void;
}

export async function follow(watcher: Watcher): Promise<never> {
  let wait = FIRST_WAIT;
  for (;;) {
    const broken = await followOnce(watcher, () => {
      wait = FIRST_WAIT;
    });
    const again = `Trying again in ${Math.round(wait / 1000)} s.`;
    watcher.told(`${broken} ${again}`);
    // Pages that were cut off together must not all come back at once.
    await new Promise((resolve) => setTimeout(resolve, wait * (0.75 + Math.random() / 2)));
    wait = Math.min(wait * 2, LONGEST_WAIT);
  }
}

/** Until it breaks; says why. */
async function followOnce(watcher: Watcher, came: () => void): Promise<string> {
  const silence = new AbortController();
  let alarm = setTimeout(() => silence.abort(), SILENCE);
  try {
    const response = await fetch('./-/figures', {
      headers: { accept: 'text/event-stream' },
      cache: 'no-store',
      signal: silence.signal,
    });
    if (!response.ok || !response.body) throw await refused(response);
    for await (const { event, data } of events(response.body)) {
      clearTimeout(alarm);
      alarm = setTimeout(() => silence.abort(), SILENCE);
      came();
      watcher.told('');
      if (event === 'history') watcher.history(JSON.parse(data) as Sample[]);
      else if (event === 'sample') watcher.sample(JSON.parse(data) as Sample);
    }
    throw new Failure('The figures broke off.');
  } catch (error) {
    return silence.signal.aborted ? 'No figures come any more.' : asFailure(error).message;
  } finally {
    clearTimeout(alarm);
  }
}
