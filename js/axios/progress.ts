// Progress as axios tells it: at most three times a second, and once more at the end.

import type { AxiosProgressEvent } from 'axios';

type Listener = (event: AxiosProgressEvent) => void;

const EVERY = 1000 / 3;
/** Over how much of the past the rate is taken, in ms. */
const WINDOW = 3000;

export class Meter {
  readonly #listener: Listener;
  readonly #direction: 'upload' | 'download';
  readonly #total: number | undefined;
  #loaded = 0;
  #told = 0;
  #last = 0;
  #timer: NodeJS.Timeout | undefined;
  #past: { at: number; loaded: number }[] = [];

  constructor(listener: Listener, direction: 'upload' | 'download', total: number | undefined) {
    this.#listener = listener;
    this.#direction = direction;
    this.#total = total !== undefined && Number.isFinite(total) ? total : undefined;
  }

  add(bytes: number): void {
    this.#loaded += bytes;
    const wait = this.#last + EVERY - performance.now();
    if (wait <= 0) this.#tell();
    else this.#timer ??= setTimeout(() => this.#tell(), wait);
  }

  /** Nothing more comes. */
  end(): void {
    if (this.#timer !== undefined) this.#tell();
  }

  /** Nobody wants to know any more. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #tell(): void {
    this.stop();
    const now = performance.now();
    const bytes = this.#loaded - this.#told;
    const rate = this.#rate(now);
    const loaded = this.#loaded;
    const total = this.#total;
    this.#told = loaded;
    this.#last = now;
    const event = {
      loaded,
      total,
      progress: total ? loaded / total : undefined,
      bytes,
      rate,
      estimated: rate && total !== undefined ? (total - loaded) / rate : undefined,
      event: { loaded, total, lengthComputable: total !== undefined },
      lengthComputable: total !== undefined,
      [this.#direction]: true,
    } as unknown as AxiosProgressEvent;
    // In a turn of its own, as axios does it: what a listener throws is no failure of the call.
    setImmediate(() => this.#listener(event));
  }

  /** Bytes in a second; unknown at first. */
  #rate(now: number): number | undefined {
    this.#past = this.#past.filter(({ at }) => now - at <= WINDOW);
    const first = this.#past[0];
    this.#past.push({ at: now, loaded: this.#loaded });
    if (first === undefined || now - first.at < 1) return undefined;
    return Math.round(((this.#loaded - first.loaded) * 1000) / (now - first.at)) || undefined;
  }
}
