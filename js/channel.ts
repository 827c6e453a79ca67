// Events between the mailbox, which brings them in batches, and whoever reads them.
// It knows no reader by name: a stream that nobody holds any more can be collected, and its transfer ended.

import { Ending } from './ending.js';
import { aborted, middleware, ParseError } from './errors.js';
import { MessageSum } from './message.js';
import { abandon, engine } from './native.js';
import { type Last, Result, type Sum } from './result.js';
import { noBlock, pack, texts, unpack, whole } from './unpack.js';

export type Step<T> = IteratorResult<T, undefined>;

/** A batch as it came: packed events, or their text where they are long, and their size in the credit. */
export interface Batch {
  packed: readonly unknown[] | string;
  size: number;
}

interface Waiting {
  /** The stream that is read: while somebody waits for it, it is not dropped. */
  reader: object;
  resolve(step: Step<never>): void;
  reject(error: unknown): void;
}

/** Whoever looks at events that pass, and may not change them. */
export type Look = (events: readonly unknown[]) => void;

/** Bytes read before they are granted back, so that a grant is rare. */
const GRANT = 128 << 10;
const DONE: Step<never> = { value: undefined, done: true };

/** What a step of reading gives: an event, the events of a batch, a batch as it came, or the text that has come. */
export type Unit = 'event' | 'events' | 'batch' | 'text';

/** Which events have to come: all, those that are no pieces of content but of text, none of these, or only the end. */
type Wanted = 'events' | 'text' | 'steps' | 'end';

/**
 * A stream that was dropped without a word ends its transfer when it is collected. Only while it lasts: what the
 * registry knows lives until the next full collection, and that is long where streams come by the thousand.
 */
const dropped = new FinalizationRegistry<Channel<unknown>>((channel) => channel.abort());

export class Channel<E> {
  /** The events at hand and how many of them have been read. */
  #events: E[] = [];
  #next = 0;
  #size = 0;
  #batches: Batch[] = [];
  #first = 0;
  #waiting: Waiting[] = [];
  #state: 'open' | 'ended' = 'open';
  #error: unknown;
  #granted = 0;
  readonly #block = noBlock();
  readonly #lookers: Look[] = [];
  /** Whoever hears every event as it comes; they are unpacked for him first. */
  #hear: Look | undefined;
  readonly #heard = noBlock();
  #wanted: Wanted = 'events';
  /** How it comes: as it is read; as it can, and kept for its reader; or as it can, and nobody reads it. */
  #flow: 'read' | 'kept' | 'unread' = 'read';
  #text = '';
  readonly result: Result;
  readonly ending = new Ending();
  readonly #id: number;
  readonly #release: (error: unknown) => void;
  /** Asks for more where nobody brings it unasked: a half of a tee. */
  readonly #pull: (() => void) | undefined;
  /** Set before the first step. */
  unit: Unit = 'event';

  /** `sum` adds up what is no stream of the engine's. */
  constructor(id: number, release: (error: unknown) => void, pull?: () => void, sum?: Sum) {
    this.#id = id;
    this.#release = release;
    this.#pull = pull;
    this.result = new Result(this.ending, sum ?? (id === 0 ? new MessageSum() : new Native(id)));
  }

  get ended(): boolean {
    return this.#state === 'ended';
  }

  /** Whether more has to come. */
  get starved(): boolean {
    return this.#waiting.length > 0 || (this.#flow !== 'read' && !this.ended);
  }

  // ----- bringing -----

  /** Takes a batch in. */
  take(batch: Batch): void {
    if (this.ended) return;
    let taken = batch;
    if (this.#id === 0) this.result.add(batch.packed);
    if (this.#lookers.length > 0) taken = shown(taken, this.#lookers);
    if (this.#hear) taken = this.#told(taken, this.#hear);
    // A listener may have ended it.
    if (this.ended) return;
    if (this.#flow === 'unread') {
      this.#grant(batch.size);
      return;
    }
    this.#batches.push(taken);
    while (this.#waiting.length > 0 && this.#ready()) (this.#waiting.shift() as Waiting).resolve(this.#step());
  }

  /** Nothing more will come; events already here are still read first. */
  end(error: unknown, last?: Last): void {
    if (this.ended) return;
    this.#state = 'ended';
    this.#error = error;
    this.result.come(last);
    dropped.unregister(this);
    this.#release(error);
    this.ending.come(error);
    for (const waiting of this.#waiting.splice(0)) this.#last(waiting);
  }

  /** Ends it with what somebody's code threw, which must not pass for a clean end. */
  fail(thrown: unknown): void {
    this.end(thrown === undefined ? middleware('what makes the events of this stream threw undefined') : thrown);
  }

  /** Shows events, but no mere pieces of content, as they come and before their end does, whether they are read or not. */
  look(look: Look): void {
    this.#lookers.push(look);
    for (let at = this.#first; at < this.#batches.length; at++)
      this.#batches[at] = shown(this.#batches[at] as Batch, [look]);
  }

  /** Tells of each event as it comes, those that wait for a reader first. */
  hear(hear: Look): void {
    this.#hear = hear;
    if (this.#wanted !== 'events') this.#want('events');
    // What has been unpacked already is being read.
    Object.assign(this.#heard, this.#block);
    for (let at = this.#first; at < this.#batches.length; at++)
      this.#batches[at] = this.#told(this.#batches[at] as Batch, hear);
  }

  /** Everything comes as it can, whether it is read or not; without a reader it is let go, and mostly does not come. */
  hurry(reads: boolean): void {
    if (this.ended || this.#flow !== 'read') return;
    this.#flow = reads ? 'kept' : 'unread';
    if (reads) this.#want(this.#wanted);
    else {
      this.#drop();
      this.#want(this.#hear ? 'events' : this.#lookers.length > 0 ? 'steps' : 'end');
    }
  }

  /** Only text is read of it. */
  textOnly(): void {
    this.unit = 'text';
    if (!this.#hear) this.#want('text');
  }

  /** Tells the engine, or whoever else brings it. */
  #want(wanted: Wanted): void {
    this.#wanted = wanted;
    this.#pull?.();
    if (this.#id !== 0 && !this.ended) engine.want(this.#id, wanted, this.#flow !== 'read');
  }

  /** The batch after its events were told of; whoever reads it gets the same objects. */
  #told(batch: Batch, hear: Look): Batch {
    const packed = this.#parsed(batch);
    if (packed === undefined) return batch;
    const events = unpack(packed, this.#heard);
    hear(events);
    return { packed: pack(events), size: batch.size };
  }

  /** Ends the transfer once nobody holds the reader any more. */
  watch(reader: object): void {
    dropped.register(reader, this, this);
  }

  /** It lasts as long as whoever reads it from now on says. */
  unwatch(): void {
    dropped.unregister(this);
  }

  // ----- reading -----

  next(reader: object): Promise<Step<never>> {
    if (this.#ready()) return Promise.resolve(this.#step());
    return new Promise((resolve, reject) => {
      if (this.ended) this.#last({ reader, resolve, reject });
      else {
        this.#waiting.push({ reader, resolve, reject });
        this.#pull?.();
      }
    });
  }

  /** Ends the transfer. Who waits is told; events already here are dropped. */
  abort(reason?: unknown): void {
    this.leave(reason === undefined ? undefined : aborted('body', reason, this.result.text));
  }

  /** The same with this error, if any. */
  leave(error: unknown): void {
    if (!this.ended) abandon(this.#id);
    this.#drop();
    this.end(error, { left: true });
  }

  /** Whether there is something for a reader. */
  #ready(): boolean {
    if (this.unit === 'batch') return this.#first < this.#batches.length;
    if (this.unit === 'text') return this.#gather();
    return this.#next < this.#events.length || this.#advance();
  }

  #step(): Step<never> {
    if (this.unit === 'event') return { value: this.#events[this.#next++] as never, done: false };
    if (this.unit === 'events') {
      this.#next = this.#events.length;
      return { value: this.#events as never, done: false };
    }
    if (this.unit === 'text') {
      const text = this.#text;
      this.#text = '';
      return { value: text as never, done: false };
    }
    const batch = this.#shift() as Batch;
    this.#grant(batch.size);
    return { value: batch as never, done: false };
  }

  /** All of the text that is here; says whether there is some. */
  #gather(): boolean {
    for (let batch = this.#shift(); batch !== undefined; batch = this.#shift()) {
      const packed = this.#parsed(batch);
      if (packed === undefined) return this.#text !== '';
      this.#text += texts(packed, this.#block);
      this.#grant(batch.size);
    }
    return this.#text !== '';
  }

  /** Rust has checked every element, so what can't be parsed is a fault of ours; it must not pass for an end. */
  #parsed({ packed }: Batch): readonly unknown[] | undefined {
    if (typeof packed !== 'string') return packed;
    try {
      return JSON.parse(packed);
    } catch (cause) {
      if (!this.ended) abandon(this.#id);
      this.#drop();
      this.end(new ParseError({ code: 'PARSE', phase: 'body', message: 'an event could not be parsed' }, cause));
      return undefined;
    }
  }

  /** Moves on to the next batch; the one before it is granted back. */
  #advance(): boolean {
    this.#grant(this.#size);
    this.#size = 0;
    const batch = this.#shift();
    if (batch === undefined) {
      // What has been read must not live as long as its stream.
      if (this.#events.length > 0) this.#events = [];
      this.#next = 0;
      return false;
    }
    const packed = this.#parsed(batch);
    if (packed === undefined) return false;
    this.#events = unpack(packed, this.#block);
    this.#next = 0;
    this.#size = batch.size;
    return this.#events.length > 0 || this.#advance();
  }

  #shift(): Batch | undefined {
    const batch = this.#batches[this.#first];
    if (batch === undefined) return undefined;
    this.#batches[this.#first++] = undefined as never;
    if (this.#first === this.#batches.length) {
      this.#batches.length = 0;
      this.#first = 0;
    } else if (this.#first > 64 && this.#first * 2 > this.#batches.length) {
      this.#batches = this.#batches.slice(this.#first);
      this.#first = 0;
    }
    return batch;
  }

  #grant(size: number): void {
    this.#granted += size;
    if (this.#granted < GRANT || this.ended || this.#id === 0) return;
    engine.grant(this.#id, this.#granted);
    this.#granted = 0;
  }

  /** The error is told once; after it the channel is simply over. */
  #last(waiting: Waiting): void {
    const error = this.#error;
    this.#error = undefined;
    if (error !== undefined) waiting.reject(error);
    else waiting.resolve(DONE);
  }

  #drop(): void {
    this.#events = [];
    this.#batches = [];
    this.#first = 0;
    this.#next = 0;
    this.#size = 0;
    this.#text = '';
  }
}

/** The message of a stream of the engine's, which adds it up itself. */
class Native implements Sum {
  readonly #id: number;

  constructor(id: number) {
    this.#id = id;
  }

  /** The engine says when. */
  readonly complete = true;

  get text(): string | undefined {
    return engine.soFar(this.#id, false) ?? undefined;
  }

  get message(): object | undefined {
    const { text } = this;
    return text === undefined ? undefined : JSON.parse(text);
  }

  get usage(): unknown {
    const usage = engine.soFar(this.#id, true);
    return usage === null ? undefined : JSON.parse(usage);
  }
}

/** The batch after these have looked at it; its text is parsed once. */
function shown(batch: Batch, lookers: readonly Look[]): Batch {
  try {
    const packed = typeof batch.packed === 'string' ? JSON.parse(batch.packed) : batch.packed;
    const events = whole(packed);
    for (const look of lookers) look(events);
    return { packed, size: batch.size };
  } catch {
    // Its reader will be told.
    return batch;
  }
}
