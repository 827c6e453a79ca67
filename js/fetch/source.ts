// An answer's bytes as they come, before anybody has said how he wants to read them.

import { Ending, onEnd } from '../ending.js';
import { AbortError } from '../errors.js';
import { abandon, engine } from '../native.js';
import { nodeStream } from '../node-stream.js';

/** Bytes that are pulled. */
export interface Source {
  /** The next piece, `undefined` after the last. Not called again before it has settled. */
  next(): Promise<Uint8Array | undefined>;
  /** Nobody wants more. */
  cancel(): void;
}

interface Waiting {
  resolve(piece: Uint8Array | undefined): void;
  reject(error: unknown): void;
}

/** Bytes read before they are granted back, so that a grant is rare. */
const GRANT = 64 << 10;

/** Bytes from the mailbox; they are granted back as they are read, so that a server is held back by a slow reader. */
export class Bytes implements Source {
  readonly #id: number;
  readonly #release: () => void;
  readonly #told: Telling;
  #pieces: { chunk: Uint8Array; size: number }[] = [];
  #granted = 0;
  #waiting: Waiting | undefined;
  #ended = false;
  #error: unknown;
  readonly ending = new Ending();

  constructor(id: number, release: () => void, told: Telling) {
    this.#id = id;
    this.#release = release;
    this.#told = told;
  }

  /** Takes bytes in. */
  take(chunk: Uint8Array, size: number): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting === undefined) this.#pieces.push({ chunk, size });
    else {
      this.#grant(size);
      waiting.resolve(chunk);
    }
  }

  /** Nothing more will come. */
  end(error: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error === undefined ? undefined : this.#told(error);
    // Who has given up wants nothing of what had come.
    if (error instanceof AbortError) this.#pieces = [];
    dropped.unregister(this);
    this.ending.come(error);
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (error === undefined) waiting?.resolve(undefined);
    else waiting?.reject(this.#error);
  }

  next(): Promise<Uint8Array | undefined> {
    const piece = this.#pieces.shift();
    if (piece !== undefined) {
      this.#grant(piece.size);
      return Promise.resolve(piece.chunk);
    }
    if (this.#ended) return this.#error === undefined ? Promise.resolve(undefined) : Promise.reject(this.#error);
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  cancel(): void {
    this.#pieces = [];
    if (this.#ended) return;
    abandon(this.#id);
    this.end(undefined);
    this.#release();
  }

  [onEnd](told: (error: unknown) => unknown): void {
    this.ending.add(told);
  }

  #grant(size: number): void {
    this.#granted += size;
    if (this.#granted < GRANT || this.#ended) return;
    engine.grant(this.#id, this.#granted);
    this.#granted = 0;
  }
}

/** An answer that was dropped without a word ends its transfer when it is collected. */
const dropped = new FinalizationRegistry<Source>((source) => source.cancel());

/** What an answer and its stream hold in common; when both are gone, nobody reads any more. */
export class Reader {
  readonly #source: Source;

  constructor(source: Source) {
    this.#source = source;
    if (source instanceof Bytes) dropped.register(this, source, source);
  }

  next(): Promise<Uint8Array | undefined> {
    return this.#source.next();
  }

  cancel(): void {
    this.#source.cancel();
  }

  /** All of it. */
  async rest(): Promise<Uint8Array> {
    const pieces: Uint8Array[] = [];
    for (let piece = await this.next(); piece !== undefined; piece = await this.next()) pieces.push(piece);
    return pieces.length === 1 ? (pieces[0] as Uint8Array) : Buffer.concat(pieces);
  }

  /** The stream of it that the standard asks for: of bytes, and nothing is read ahead. */
  stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    const reader = this;
    return new ReadableStream({
      type: 'bytes',
      async pull(controller) {
        let piece = await reader.next();
        // An empty piece would be taken for a mistake.
        while (piece?.length === 0) piece = await reader.next();
        if (piece !== undefined) {
          controller.enqueue(plain(piece));
          return;
        }
        controller.close();
        // A reader that brings its own buffer waits for this too.
        controller.byobRequest?.respond(0);
      },
      cancel: () => reader.cancel(),
    });
  }
}

/** A stream takes the memory of what it is given for itself: that must be nobody else's. */
export function plain(piece: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = piece.byteLength === piece.buffer.byteLength && piece.buffer instanceof ArrayBuffer;
  return whole
    ? new Uint8Array(piece.buffer as ArrayBuffer, piece.byteOffset, piece.byteLength)
    : new Uint8Array(piece);
}

/** An error as its reader is told it. */
export type Telling = (error: unknown) => unknown;

/** What another iterable gives, as bytes. */
export function sourceOf(given: AsyncIterable<unknown>, bytes: (piece: unknown) => Uint8Array, told: Telling): Source {
  const pieces = given[Symbol.asyncIterator]();
  return {
    async next() {
      try {
        const { value, done } = await pieces.next();
        return done ? undefined : bytes(value);
      } catch (error) {
        throw told(error);
      }
    },
    cancel() {
      // What a source throws when it is left is nobody's answer.
      void Promise.resolve(pieces.return?.()).catch(() => {});
    },
  };
}

/** Whether somebody has read in it, or has said that he won't. */
export function isDisturbed(stream: object): boolean {
  return (nodeStream() as unknown as { isDisturbed(stream: object): boolean }).isDisturbed(stream);
}
