// A stream of events as its reader holds it.

import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { inspect } from 'node:util';
import { type Batch, Channel, type Look, type Step, type Unit } from './channel.js';
import type { Sent } from './emit/to-sse.js';
import { onEnd, onEvents } from './ending.js';
import { config, kindOf, placed } from './errors.js';
import type { Listeners, Use } from './listeners.js';
import { type Mapping, mapped, pump } from './mapping.js';
import { nodeStream } from './node-stream.js';
import type { TraeResponse } from './response.js';
import { textOf } from './result.js';
import { pack } from './unpack.js';

export class EventStream<E = unknown> implements AsyncIterable<E> {
  readonly #channel: Channel<E>;
  /** Who reads: nobody yet, a reader, or the stream itself for those who wait for its message. */
  #read: 'free' | 'reader' | 'driven' = 'free';
  readonly #use: Use = { reader: false, awaited: false };
  #listeners: Listeners | undefined;
  #hearing: 'no' | 'soon' | 'yes' = 'no';
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

  /** The batches of a stream for whoever sends it on; it is dropped when `holder` is, and not when the stream is. */
  static handOver(stream: EventStream, holder: object): Channel<unknown> {
    stream.#claim();
    const channel = stream.#channel;
    channel.unit = 'events';
    channel.unwatch();
    if (!channel.ended) channel.watch(holder);
    return channel;
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

  /** The text as it comes: of one wake-up in one piece. */
  text(): AsyncIterableIterator<string> {
    this.#requireJson();
    const reader = this.#reader<string>('text');
    this.#channel.textOnly();
    return reader;
  }

  /** The message, when it is whole. Without a reader everything comes at once, and no event is made of it. */
  async finalMessage(): Promise<object> {
    await this.#end();
    return this.#channel.result.final;
  }

  /** The text of the message. */
  async finalText(): Promise<string> {
    return textOf(await this.finalMessage());
  }

  /** When the stream is over; without a reader everything comes at once. */
  async done(): Promise<void> {
    await this.#end();
    this.#channel.result.requireEnd();
  }

  /** The message as far as it has come, made anew each time. */
  get currentMessage(): object | undefined {
    return this.#channel.result.soFar;
  }

  /** The tokens counted so far. */
  get usage(): unknown {
    return this.#channel.result.usage;
  }

  on(name: string, listener: (...args: never[]) => unknown): this {
    return this.#listen(name, listener, false);
  }

  once(name: string, listener: (...args: never[]) => unknown): this {
    return this.#listen(name, listener, true);
  }

  off(name: string, listener: (...args: never[]) => unknown): this {
    this.#listeners?.remove(name, listener);
    return this;
  }

  /** Ends the transfer. A reader that waits is told; events already here are dropped. */
  abort(reason?: unknown): void {
    this.#channel.abort(reason);
  }

  /** Two streams of the same events; what one has read and the other has not is kept in memory. */
  tee(): [EventStream<E>, EventStream<E>] {
    const source = this.#reader<Batch>('batch');
    const { result } = this.#channel;
    const release = (): void => {
      if (halves.every((half) => half.ended)) this.abort();
    };
    const step = async (): Promise<void> => {
      try {
        const { value, done } = await source.next();
        for (const half of halves) done ? half.end(undefined, result.last) : half.take({ ...value, size: 0 });
      } catch (error) {
        for (const half of halves) half.fail(error);
      }
    };
    const pull = pump(step, () => halves.some((half) => half.starved));
    const sum = this.#channel.result.shared;
    const halves = [new Channel<E>(0, release, pull, sum), new Channel<E>(0, release, pull, sum)] as const;
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

  /** Sends it on to a browser, by a response of Node's; says how that ended, and never rejects for it. */
  async toSSE(res: ServerResponse, options?: object): Promise<Sent> {
    // Loaded here, and below, because few streams are sent on.
    const { toSSE } = require('./emit/to-sse.js') as typeof import('./emit/to-sse.js');
    return toSSE(this, res, options);
  }

  /** The same by a Response of the WHATWG's. */
  toResponse(options?: object): Response {
    const { toResponse } = require('./emit/to-response.js') as typeof import('./emit/to-response.js');
    return placed(this.toResponse, () => toResponse(this, options));
  }

  [inspect.custom](): string {
    return `EventStream { ${this.#channel.ended ? 'ended' : 'open'}, requestId: ${inspect(this.requestId)} }`;
  }

  /** Whose events have text and messages: who listens for them elsewhere would wait forever. */
  #requireJson(): void {
    if ((this.response.config as { responseType?: unknown }).responseType === 'sse')
      throw config("with `responseType: 'sse'` events have data and no text: ask for events of JSON");
  }

  #claim(): void {
    if (this.#read === 'driven')
      throw config(
        'this stream flows already, to listeners or to who waits for its message: begin to read it in the turn in which they begin, or use tee() before',
      );
    if (this.#read === 'reader')
      throw config('this stream has a reader, or had one: use tee() before the first for a second');
    this.#read = 'reader';
    this.#use.reader = true;
    this.#hear();
  }

  /** Waits for the end, and sees to it that it comes. */
  #end(): Promise<void> {
    this.#use.awaited = true;
    const end = new Promise<void>((resolve) => this.#channel.ending.add(() => resolve()));
    this.#drive();
    return end;
  }

  /** Has everything come, unless it is being read already. A reader that comes in the same turn is in time. */
  #drive(): void {
    queueMicrotask(() => {
      if (this.#read === 'free') this.#read = 'driven';
      if (this.#read === 'reader' && !this.#use.awaited) return;
      // Whoever waits for the end must not wait for a reader that has stopped.
      this.#channel.hurry(this.#read === 'reader');
      // It is held until it has ended: nobody else may hold it.
      this.#channel.ending.add(() => this.#read);
    });
  }

  #listen(name: string, listener: (...args: never[]) => unknown, once: boolean): this {
    // Loaded here because few streams are listened to.
    const { flows, hears, Listeners, NAMES } = require('./listeners.js') as typeof import('./listeners.js');
    if (!NAMES.includes(name)) throw config(`a stream tells nothing called \`${name}\`: it knows ${NAMES.join(', ')}`);
    if (typeof listener !== 'function') throw config(`on() and once() take a function, got ${kindOf(listener)}`);
    if (name === 'ping' && (this.response.config as { pings?: unknown }).pings !== true)
      throw config('pings are told of where the call, or its client, has `pings: true`');
    if (flows(name) && name !== 'event') this.#requireJson();
    if (this.#listeners === undefined) {
      const listeners = new Listeners();
      const [result, use] = [this.#channel.result, this.#use];
      this.#listeners = listeners;
      const { ending } = this.#channel;
      // What has come is told of before its end, and to all who listen in this turn.
      queueMicrotask(() => {
        this.#hear();
        ending.add((error) => listeners.over(error, result, use));
      });
    }
    this.#listeners.add(name, listener, once);
    if (hears(name) && this.#hearing === 'no') {
      this.#hearing = 'soon';
      queueMicrotask(() => this.#hear());
    }
    if (flows(name)) this.#drive();
    return this;
  }

  /** From now on, and not before all who listen in one turn do so. */
  #hear(): void {
    const listeners = this.#listeners;
    if (this.#hearing !== 'soon' || listeners === undefined) return;
    this.#hearing = 'yes';
    this.#channel.hear((events) => listeners.hear(events));
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
