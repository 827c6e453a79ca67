// An answer's bytes as a Node stream, held back when nobody reads.

import { Readable } from 'node:stream';
import { Ending, onEnd } from './ending.js';
import type { TraeError } from './errors.js';
import { abandon, engine } from './native.js';

/** A stream that was dropped ends its transfer when it is collected. */
const dropped = new FinalizationRegistry<ByteSource>((source) => source.abort());

/**
 * Bytes between the mailbox and the stream. It knows the stream only while that waits for more: one that is paused
 * is held by whoever means to go on with it, and if there is nobody it may be collected.
 */
export class ByteSource {
  readonly #id: number;
  readonly #release: () => void;
  #waiting: { chunk: Buffer; size: number }[] = [];
  #ended = false;
  #error: TraeError | undefined;
  #reader: ByteReadable | undefined;
  readonly ending = new Ending();

  readonly #open: (() => void) | undefined;

  /** `open` begins a transfer that waits for its first reader. */
  constructor(id: number, release: () => void, open?: () => void) {
    this.#id = id;
    this.#release = release;
    this.#open = open;
  }

  /** Takes bytes in. */
  take(chunk: Buffer, size: number): void {
    this.#waiting.push({ chunk, size });
    this.#serve();
  }

  /** Nothing more will come. Who has not begun to read is told when he does: nobody may be listening yet. */
  end(error: TraeError | undefined, _last?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    dropped.unregister(this);
    this.ending.come(error);
    this.#serve();
  }

  /** The stream wants more. */
  read(reader: ByteReadable): void {
    if (this.#reader === undefined) this.#open?.();
    this.#reader = reader;
    this.#serve();
  }

  /** Ends the transfer. */
  abort(): void {
    if (!this.#ended) abandon(this.#id);
    this.#ended = true;
    dropped.unregister(this);
    this.#waiting = [];
    this.#release();
    this.ending.come(undefined);
  }

  #serve(): void {
    let granted = 0;
    while (this.#reader) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      granted += next.size;
      if (!this.#reader.push(next.chunk)) this.#reader = undefined;
    }
    if (granted > 0 && !this.#ended) engine.grant(this.#id, granted);
    const reader = this.#reader;
    if (!this.#ended || reader === undefined) return;
    this.#reader = undefined;
    // What came before the failure is still read first.
    if (this.#error) reader.destroy(this.#error);
    else reader.push(null);
  }
}

export class ByteReadable extends Readable {
  readonly #source: ByteSource;

  constructor(source: ByteSource) {
    super({ highWaterMark: 64 << 10 });
    this.#source = source;
    dropped.register(this, source, source);
  }

  [onEnd](told: (error: unknown) => unknown): void {
    this.#source.ending.add(told);
  }

  override _read(): void {
    this.#source.read(this);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#source.abort();
    done(error);
  }
}
