// The samples of the last five minutes, and what is read out of them.

import type { Sample } from '../contract.js';

/** Seconds that the plots show. */
export const SPAN = 300;

/** The cache is judged over so many seconds: of one second alone there is often nothing to say. */
const RATIO_OVER = 10;

/** Milliseconds without a sample from which on a line is broken, rather than drawn across. */
const GAP = 2500;

export class Samples {
  #all: Sample[] = [];

  get last(): Sample | undefined {
    return this.#all.at(-1);
  }

  /** What a proxy knows that has begun anew is less than what is here already. */
  join(history: Sample[]): void {
    const first = history[0]?.at ?? Number.POSITIVE_INFINITY;
    this.#all = [...this.#all.filter(({ at }) => at < first), ...history];
    this.#forget();
  }

  push(sample: Sample): void {
    const ahead = (this.last?.at ?? 0) - sample.at;
    // The server's clock was set back: what follows would stand before what is there.
    if (ahead > GAP) this.#all = [];
    // A sample may come twice, the first time with the history.
    else if (this.last && ahead >= 0) return;
    this.#all.push(sample);
    this.#forget();
  }

  /** Points with a hole wherever samples are missing; a hole has no sample. */
  points(): Point[] {
    const points: Point[] = [];
    let before: number | undefined;
    for (const [index, sample] of this.#all.entries()) {
      if (before !== undefined && sample.at - before > GAP) points.push({ at: (before + 1000) / 1000 });
      points.push({ at: sample.at / 1000, sample, ratio: this.#ratio(index) });
      before = sample.at;
    }
    return points;
  }

  /** What share of the answers the cache gave, of those that it could give. */
  #ratio(index: number): number | null {
    let [given, all] = [0, 0];
    for (const { cache } of this.#all.slice(Math.max(0, index + 1 - RATIO_OVER), index + 1)) {
      const kept = cache.hit + cache.shared + cache.stale;
      given += kept;
      all += kept + cache.miss;
    }
    return all === 0 ? null : given / all;
  }

  #forget(): void {
    const oldest = (this.last?.at ?? 0) - SPAN * 1000;
    const kept = this.#all.findIndex(({ at }) => at >= oldest);
    if (kept > 0) this.#all.splice(0, kept);
  }
}

export interface Point {
  /** In seconds. */
  at: number;
  sample?: Sample;
  ratio?: number | null;
}
