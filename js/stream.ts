// A stream of events as JavaScript reads it: one parse per wake-up, `next()` served from the batch.

import { Readable } from 'node:stream';
import { inspect } from 'node:util';
import { aborted, config, ParseError, type TraeError } from './errors.js';
import { abandon, engine } from './native.js';
import type { TraeResponse } from './response.js';

type Result<E> = IteratorResult<E, undefined>;

interface Waiting<T> {
  resolve(result: IteratorResult<T, undefined>): void;
  reject(error: Error): void;
}

/** A batch as it came: the elements of a JSON array, not yet parsed, and its size in the credit. */
interface Batch {
  text: string;
  size: number;
}

/** Bytes read before they are granted back, so that a grant is rare. */
const GRANT = 128 << 10;

const DONE: Result<never> = { value: undefined, done: true };

export class EventStream<E = unknown> implements AsyncIterable<E> {
  /** The events at hand and how many of them have been read. */
  #batch: E[] = [];
  #next = 0;
  #size = 0;
  #batches: Batch[] = [];
  #first = 0;
  #waiting: Waiting<E>[] = [];
  #wholeBatches: Waiting<E[]>[] = [];
  #ended = false;
  #error: TraeError | undefined;
  #granted = 0;
  #owner: 'nobody' | 'events' | 'batches' = 'nobody';
  readonly #id: number;
  #release: () => void;
  /** The answer that opened the stream; its `data` is this stream. */
  declare readonly response: TraeResponse;
  /** From the start of the call to the first event, once that has come. */
  firstEventMs: number | null = null;

  constructor(id: number, response: TraeResponse, release: () => void) {
    this.#id = id;
    this.#release = release;
    Object.defineProperty(this, 'response', { value: response });
  }

  get requestId(): string | undefined {
    return this.response.requestId;
  }

  /** One consumer reads a stream; `tee()` makes two streams of it. */
  [Symbol.asyncIterator](): AsyncIterableIterator<E> {
    this.#claim('events');
    return {
      next: () => this.#read(),
      return: async () => {
        this.abort();
        return DONE;
      },
      throw: async (error) => {
        this.abort();
        throw error;
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  /** Events as they were handed over: one array per wake-up. */
  batches(): AsyncIterableIterator<E[]> {
    this.#claim('batches');
    return {
      next: () => this.#readBatch(),
      return: async () => {
        this.abort();
        return DONE;
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  /** Ends the transfer. A reader that waits is told; events already here are dropped. */
  abort(reason?: unknown): void {
    if (this.#ended) {
      this.#drop();
      return;
    }
    abandon(this.#id);
    this.#drop();
    this.end(reason === undefined ? undefined : aborted('body', reason));
  }

  /** Two streams of the same events; what one has read and the other has not is kept in memory. */
  tee(): [EventStream<E>, EventStream<E>] {
    const source = this.batches();
    const left = new EventStream<E>(0, this.response, () => {});
    const right = new EventStream<E>(0, this.response, () => {});
    const halves = [left, right];
    let pulling = false;
    const pull = async (): Promise<void> => {
      if (pulling) return;
      pulling = true;
      try {
        const { value, done } = await source.next();
        for (const half of halves) done ? half.end(undefined) : half.#hand(value);
      } catch (error) {
        for (const half of halves) half.end(error as TraeError);
      }
      pulling = false;
      if (halves.some((half) => half.#starved())) await pull();
    };
    for (const half of halves) {
      half.#pull = pull;
      half.#release = () => halves.every((other) => other.#ended) && this.abort();
    }
    return [left, right];
  }

  /** A WHATWG stream of the events. */
  toReadableStream(): ReadableStream<E> {
    const events = this[Symbol.asyncIterator]();
    return new ReadableStream<E>(
      {
        async pull(controller) {
          const { value, done } = await events.next();
          if (done) controller.close();
          else controller.enqueue(value);
        },
        cancel: () => this.abort(),
      },
      { highWaterMark: 0 },
    );
  }

  /** A Node stream of the events, in object mode. */
  toNodeReadable(): Readable {
    return Readable.from(this, { objectMode: true, highWaterMark: 16 });
  }

  [inspect.custom](): string {
    return `EventStream { ${this.#ended ? 'ended' : 'open'}, requestId: ${inspect(this.requestId)} }`;
  }

  // ----- what the mailbox calls -----

  /** Takes a batch in; it is parsed only when somebody reads it. */
  take(text: string, size: number, firstMs: number): void {
    if (firstMs >= 0) this.firstEventMs = firstMs;
    this.#batches.push({ text, size });
    this.#serve();
  }

  /** Nothing more will come; events already here are still read first. */
  end(error: TraeError | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    this.#release();
    this.#serve();
  }

  // ----- reading -----

  #pull: (() => Promise<void>) | undefined;

  #claim(owner: 'events' | 'batches'): void {
    if (this.#owner !== 'nobody') {
      throw config('this stream has a reader, or had one: use tee() before the first for a second');
    }
    this.#owner = owner;
  }

  #read(): Promise<Result<E>> {
    if (this.#next < this.#batch.length) {
      return Promise.resolve({ value: this.#batch[this.#next++] as E, done: false });
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#serve();
    });
  }

  #readBatch(): Promise<IteratorResult<E[], undefined>> {
    return new Promise((resolve, reject) => {
      this.#wholeBatches.push({ resolve, reject });
      this.#serve();
    });
  }

  /** Gives those who wait what there is. */
  #serve(): void {
    while (this.#waiting.length > 0) {
      if (this.#next >= this.#batch.length && !this.#advance()) break;
      this.#waiting.shift()?.resolve({ value: this.#batch[this.#next++] as E, done: false });
    }
    while (this.#wholeBatches.length > 0 && this.#advance()) {
      this.#next = this.#batch.length;
      this.#wholeBatches.shift()?.resolve({ value: this.#batch, done: false });
    }
    const nobody = this.#waiting.length === 0 && this.#wholeBatches.length === 0;
    if (nobody) return;
    if (this.#ended) this.#finish();
    else if (this.#pull) void this.#pull();
  }

  /** Moves on to the next batch; the one before it is granted back. */
  #advance(): boolean {
    if (this.#size > 0) this.#grant(this.#size);
    this.#size = 0;
    const batch = this.#batches[this.#first];
    if (batch === undefined) return false;
    this.#batches[this.#first++] = undefined as never;
    if (this.#first > 64 && this.#first * 2 > this.#batches.length) {
      this.#batches = this.#batches.slice(this.#first);
      this.#first = 0;
    }
    try {
      this.#batch = JSON.parse(`[${batch.text}]`) as E[];
    } catch (cause) {
      // Rust has checked every element, so this is a fault of ours; it must not pass for an end.
      abandon(this.#id);
      this.#drop();
      this.end(new ParseError({ code: 'PARSE', phase: 'body', message: 'an event could not be parsed' }, cause));
      return false;
    }
    this.#next = 0;
    this.#size = batch.size;
    return this.#batch.length > 0 || this.#advance();
  }

  #grant(size: number): void {
    this.#granted += size;
    if (this.#granted < GRANT || this.#ended) return;
    engine.grant(this.#id, this.#granted);
    this.#granted = 0;
  }

  #finish(): void {
    const error = this.#error;
    for (const waiting of [...this.#waiting.splice(0), ...this.#wholeBatches.splice(0)]) {
      // The error is told once; after it the stream is simply over.
      if (error && this.#error) {
        this.#error = undefined;
        waiting.reject(error);
      } else waiting.resolve(DONE);
    }
  }

  #drop(): void {
    this.#batch = [];
    this.#batches = [];
    this.#first = 0;
    this.#next = 0;
    this.#size = 0;
  }

  #starved(): boolean {
    return !this.#ended && (this.#waiting.length > 0 || this.#wholeBatches.length > 0);
  }

  /** A batch from the other half of a tee. */
  #hand(events: E[]): void {
    if (this.#ended) return;
    this.#batches.push({ text: JSON.stringify(events).slice(1, -1), size: 0 });
    this.#serve();
  }
}
