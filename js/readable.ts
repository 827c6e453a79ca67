// An answer's bytes as a Node stream, held back when nobody reads.

import { Readable } from 'node:stream';
import type { TraeError } from './errors.js';
import { abandon, engine } from './native.js';

export class ByteReadable extends Readable {
  readonly #id: number;
  readonly #release: () => void;
  #waiting: { chunk: Buffer; size: number }[] = [];
  #ended = false;
  #error: TraeError | undefined;
  #flowing = false;

  constructor(id: number, release: () => void) {
    super({ highWaterMark: 64 << 10 });
    this.#id = id;
    this.#release = release;
  }

  override _read(): void {
    this.#flowing = true;
    this.#serve();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (!this.#ended) abandon(this.#id);
    this.#waiting = [];
    this.#ended = true;
    this.#release();
    done(error);
  }

  fill(chunk: Buffer, size: number): void {
    this.#waiting.push({ chunk, size });
    this.#serve();
  }

  end(error: TraeError | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    this.#serve();
  }

  #serve(): void {
    let granted = 0;
    while (this.#flowing) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      granted += next.size;
      this.#flowing = this.push(next.chunk);
    }
    if (granted > 0 && !this.#ended) engine.grant(this.#id, granted);
    if (!this.#ended || this.#waiting.length > 0) return;
    // What came before the failure is still read first.
    if (this.#error) this.destroy(this.#error);
    else this.push(null);
  }
}
