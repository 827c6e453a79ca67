// A stream of events as its reader holds it.

import type { Readable } from 'node:stream';
import { inspect } from 'node:util';
import { type Batch, Channel, type Look, type Step, type Unit } from './channel.js';
import { onEnd, onEvents } from './ending.js';
import { config } from './errors.js';
import { type Mapping, mapped, pump } from './mapping.js';
import { nodeStream } from './node-stream.js';
import type { TraeResponse } from './response.js';
import { pack } from './unpack.js';

export class EventStream<E = unknown> implements AsyncIterable<E> {
  readonly #channel: Channel<E>;
  #read = false;
  /** Held weakly: another stream may have taken this one's place in it, and must not be held by this one. */
  readonly #response: WeakRef<TraeResponse>;
  readonly #shell: TraeResponse<unknown>;

  constructor(channel: Channel<E>, response: TraeResponse) {
    this.#channel = channel;
    this.#response = new WeakRef(response);
    this.#shell = response.without();
    channel.watch(this);
  }

  /** The answer that opened the stream. */
  get response(): TraeResponse {
    const response = this.#response.deref();
    if (response) return response;
    this.#shell.data = this;
    return this.#shell;
  }

  /** The events of any other source, pulled as they are read. */
  static from<E>(source: AsyncIterable<E>, response: TraeResponse): EventStream<E> {
    const iterator = source[Symbol.asyncIterator]();
    let over = false;
    const step = async (): Promise<void> => {
      try {
        const { value, done } = await iterator.next();
        over = done === true;
        if (over) channel.end(undefined);
        else channel.take({ packed: pack([value]), size: 0 });
      } catch (error) {
        over = true;
        channel.fail(error);
      }
    };
    const leave = (): void => {
      // What a source throws when it is left is nobody's answer.
      if (!over) void Promise.resolve(iterator.return?.()).catch(() => {});
    };
    const pull = pump(step, () => channel.starved);
    const channel = new Channel<E>(0, leave, pull);
    return new EventStream(channel, response);
  }

  /** The stream that another one becomes; that one has its reader in it. */
  static mapped<F>(stream: EventStream, mapping: Mapping): EventStream<F> {
    stream.#claim();
    return new EventStream(mapped<F>(stream.#channel, mapping), stream.response);
  }

  [onEnd](told: (error: unknown) => unknown): void {
    this.#channel.ending.add(told);
  }

  [onEvents](look: Look): void {
    this.#channel.look(look);
  }

  get requestId(): string | undefined {
    return this.response.requestId;
  }

  get firstEventMs(): number | null {
    return this.response.timing.firstEventMs;
  }

  /** One consumer reads a stream; `tee()` makes two streams of it. */
  [Symbol.asyncIterator](): AsyncIterableIterator<E> {
    return this.#reader<E>('event');
  }

  /** Events as they were handed over: one array per wake-up. */
  batches(): AsyncIterableIterator<E[]> {
    return this.#reader<E[]>('events');
  }

  /** Ends the transfer. A reader that waits is told; events already here are dropped. */
  abort(reason?: unknown): void {
    this.#channel.abort(reason);
  }

  /** Two streams of the same events; what one has read and the other has not is kept in memory. */
  tee(): [EventStream<E>, EventStream<E>] {
    const source = this.#reader<Batch>('batch');
    const release = (): void => {
      if (halves.every((half) => half.ended)) this.abort();
    };
    const step = async (): Promise<void> => {
      try {
        const { value, done } = await source.next();
        for (const half of halves) done ? half.end(undefined) : half.take({ ...value, size: 0 });
      } catch (error) {
        for (const half of halves) half.fail(error);
      }
    };
    const pull = pump(step, () => halves.some((half) => half.starved));
    const halves = [new Channel<E>(0, release, pull), new Channel<E>(0, release, pull)] as const;
    return [new EventStream(halves[0], this.response), new EventStream(halves[1], this.response)];
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
    return nodeStream().Readable.from(this, { objectMode: true, highWaterMark: 16 });
  }

  [inspect.custom](): string {
    return `EventStream { ${this.#channel.ended ? 'ended' : 'open'}, requestId: ${inspect(this.requestId)} }`;
  }

  #claim(): void {
    if (this.#read) throw config('this stream has a reader, or had one: use tee() before the first for a second');
    this.#read = true;
  }

  /** The one reader. Its methods hold the stream, so that one that is being read is not taken for dropped. */
  #reader<T>(unit: Unit): AsyncIterableIterator<T> {
    this.#claim();
    this.#channel.unit = unit;
    return {
      next: () => this.#channel.next(this) as Promise<Step<T>>,
      return: async () => {
        this.abort();
        return { value: undefined, done: true };
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
}
