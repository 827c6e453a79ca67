// The rows of a JSONL answer, counted, so that whoever was cut off can go on where he was.

import type { TraeResponse } from '../response.js';
import type { EventStream } from '../stream.js';

export class Rows<T> implements AsyncIterable<T> {
  readonly #stream: EventStream<T>;
  #skip: number;
  #offset: number;

  constructor(stream: EventStream<T>, offset: number) {
    this.#stream = stream;
    this.#skip = offset;
    this.#offset = offset;
  }

  /** How many rows have been given, those before this call included: where another call would go on. */
  get offset(): number {
    return this.#offset;
  }

  get response(): TraeResponse {
    return this.#stream.response;
  }

  get requestId(): string | undefined {
    return this.#stream.requestId;
  }

  /** Ends the transfer. */
  abort(reason?: unknown): void {
    this.#stream.abort(reason);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for await (const rows of this.#read()) {
      for (const row of rows) {
        this.#offset++;
        yield row;
      }
    }
  }

  /** Rows as they were handed over: one array per wake-up. */
  async *batches(): AsyncGenerator<T[], void, undefined> {
    for await (const rows of this.#read()) {
      this.#offset += rows.length;
      yield rows;
    }
  }

  /** Claims the stream when it is called, and not when it is first read. */
  #read(): AsyncIterable<T[]> {
    const source = this.#stream.batches();
    const rest = (rows: T[]): T[] => {
      const skipped = Math.min(this.#skip, rows.length);
      this.#skip -= skipped;
      return skipped === 0 ? rows : rows.slice(skipped);
    };
    return (async function* () {
      for await (const rows of source) {
        const left = rest(rows);
        if (left.length > 0) yield left;
      }
    })();
  }
}
