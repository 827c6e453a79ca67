// One call in JavaScript: a promise that settles once, whatever happens on either side.

import type { AtHand } from './at-once.js';
import { type Batch, Channel } from './channel.js';
import type { Ending } from './ending.js';
import { aborted, fromFailure, ParseError, TraeError } from './errors.js';
import type { Bytes } from './fetch/source.js';
import { Headers } from './headers.js';
import { heldAs } from './held.js';
import { abandon, type Entry, engine, Form, type Head, type Listener } from './native.js';
import type { ByteSource } from './readable.js';
import { headerLines, refusal, requestId, TraeResponse } from './response.js';
import type { Last } from './result.js';
import { shownUrl } from './secrets.js';
import { type Abortable, listenTo } from './signals.js';
import { EventStream } from './stream.js';
import { words } from './words.js';

export interface Plan {
  method: string;
  /** As the caller wrote it. */
  url: string;
  config: () => object;
  signal: AbortSignal | undefined;
  /** Milliseconds, where the call has a time of its own. */
  now?: (() => number) | undefined;
  validateStatus: ((status: number) => boolean) | null | undefined;
  transformResponse: ((data: unknown, headers: object, status: number) => unknown) | undefined;
  /** `events` and `json` promise a shape; an empty answer is then `null` and not an empty string. */
  responseType: string | undefined;
  /** The data of a whole answer, where that is made in another way. */
  parse?(content: unknown, response: TraeResponse): unknown;
  /** What bytes come in, where that is no stream of Node's. */
  bytes?(id: number, release: () => void): Bytes;
  /** Begins a stream that waits in Rust; called when it is first read. */
  open?(): void;
  /** So many attempts were made before a value was thrown, which does not say so itself. */
  attempted?(attempts: number): void;
  /** The call has come to a group of middlewares within native ones. */
  entered?(entry: Entry, headers: string): void;
  /** The data of the error that an answer stands for. */
  describe(status: number, headers: string, body: Uint8Array): string;
  /** Called once, when neither answer nor stream has anything more to say. */
  over(): void;
}

const realNow = (): number => performance.now();

/** The two ends of the promise that the caller holds. */
export interface Settle {
  resolve(response: TraeResponse): void;
  reject(error: unknown): void;
}

export class Call implements Listener, Abortable {
  id = 0;
  #settle: Settle | undefined;
  readonly #plan: Plan;
  readonly #now: () => number;
  readonly #started: number;
  /** Where the content goes, and not the stream that the caller holds: that one may be dropped. */
  #content: Channel<unknown> | ByteSource | Bytes | undefined;
  #head: Head | undefined;
  #unlisten: (() => void) | undefined;
  #room: (() => void) | undefined;

  constructor(plan: Plan, settle: Settle) {
    this.#plan = plan;
    this.#settle = settle;
    this.#now = plan.now ?? realNow;
    this.#started = this.#now();
    if (plan.signal) this.#unlisten = listenTo(plan.signal, this);
  }

  abort(reason?: unknown): void {
    const partial = this.#content ? engine.soFar(this.id, false) : null;
    abandon(this.id);
    const error = aborted(this.#content ? 'body' : 'firstByte', reason, partial);
    if (this.#content) this.ended(error);
    else this.failed(error);
  }

  settled(head: Head, form: Form, content: unknown): void {
    head.totalMs = this.#now() - this.#started;
    const response = new TraeResponse(head, undefined as unknown, this.#plan.method, this.#plan.config);
    this.#over();
    try {
      if (!this.#valid(head, content)) return;
      response.data = this.#data(form, content, response);
      const transform = form === Form.Kept ? undefined : this.#plan.transformResponse;
      if (transform) response.data = transform(response.data, response.headers, response.status);
      this.#resolve(response);
    } catch (error) {
      this.#reject(error);
    }
  }

  opened(head: Head, events: boolean): void {
    const { method, config } = this.#plan;
    const response = new TraeResponse(head, undefined as unknown, method, config);
    this.#head = head;
    const release = (): void => this.#over();
    if (events) {
      const channel = new Channel(this.id, release, this.#opening());
      this.#content = channel;
      response.data = new EventStream(channel, response);
    } else if (this.#plan.bytes) {
      this.#content = this.#plan.bytes(this.id, release);
      response.data = this.#content;
    } else {
      // Loaded here because it loads Node's streams.
      const { ByteReadable, ByteSource } = require('./readable.js') as typeof import('./readable.js');
      const source = new ByteSource(this.id, release, this.#opening());
      this.#content = source;
      response.data = new ByteReadable(source);
    }
    try {
      if (this.#valid(head, undefined)) {
        this.#resolve(response);
        return;
      }
    } catch (error) {
      // The caller's own function threw: what it threw is the answer.
      this.#reject(error);
    }
    abandon(this.id);
    this.ended(undefined);
  }

  failed(error: unknown, attempts?: number): void {
    this.#over();
    if (attempts !== undefined) this.#plan.attempted?.(attempts);
    else if (error instanceof TraeError) error.request = this.#asked();
    this.#reject(error);
  }

  entered(entry: Entry, headers: string): void {
    this.#plan.entered?.(entry, headers);
  }

  events(batch: Batch, firstMs: number): void {
    if (firstMs >= 0 && this.#head) this.#head.firstEventMs = firstMs;
    (this.#content as Channel<unknown>).take(batch);
  }

  bytes(chunk: Buffer, size: number): void {
    (this.#content as ByteSource | Bytes).take(chunk, size);
  }

  ended(error: TraeError | undefined, last?: Last, firstMs = -1): void {
    const head = this.#head;
    if (head && firstMs >= 0) head.firstEventMs = firstMs;
    if (head) head.totalMs = this.#now() - this.#started;
    if (error) error.request = this.#asked();
    // The answer's headers named the request; what failed inside its body knows nothing of them.
    if (head && error && error.requestId === undefined) error.requestId = requestId(Headers.parse(headerLines(head)));
    this.#content?.end(error, last);
    this.#over();
  }

  /** What an error may say of its call. */
  #asked(): { method: string; url: string } {
    return { method: this.#plan.method, url: shownUrl(this.#plan.url) };
  }

  /** The end of the content, where that is a stream. */
  get ending(): Ending | undefined {
    return this.#content?.ending;
  }

  room(): void {
    this.#room?.();
  }

  /** Sends a streamed body; waits whenever Rust has enough to send. */
  async send(source: AsyncIterable<unknown>, bytes: (piece: unknown) => Uint8Array): Promise<void> {
    try {
      const pieces = source[Symbol.asyncIterator]();
      this.#letGo = () => leave(source, pieces);
      while (!this.#done) {
        const { value, done } = await pieces.next();
        if (this.#done) return;
        if (done) break;
        if (engine.upload(this.id, bytes(value))) continue;
        await new Promise<void>((resolve) => {
          this.#room = resolve;
        });
      }
      this.#letGo = undefined;
      engine.uploadEnd(this.id);
    } catch (cause) {
      engine.uploadEnd(this.id, words(cause));
      this.#letGo?.();
      this.#letGo = undefined;
    }
  }

  /** Whether its body is still on its way. */
  get sending(): boolean {
    return this.#letGo !== undefined;
  }

  /** Nobody waits for it any more: what it sends is let go. */
  leave(): void {
    this.#over();
  }

  /** Its stream is further out by now: who reads it here is told. */
  handedOn(): void {
    this.#content?.end(aborted('body', new Error('the stream was handed on, and is read further out')));
  }

  /** Whether neither answer nor stream has anything more to say. */
  get done(): boolean {
    return this.#done;
  }

  #done = false;
  #letGo: (() => void) | undefined;

  #over(): void {
    if (this.#done) return;
    this.#done = true;
    this.#unlisten?.();
    this.#room?.();
    this.#letGo?.();
    this.#plan.over();
  }

  /** What the first read of a stream that waits in Rust has to do. */
  #opening(): (() => void) | undefined {
    const { open } = this.#plan;
    let waits = open !== undefined;
    return (
      open &&
      (() => {
        if (waits) open();
        waits = false;
      })
    );
  }

  /** A settled promise is let go: its answer holds the stream, which nobody but the caller may hold. */
  #resolve(response: TraeResponse): void {
    this.#settle?.resolve(response);
    this.#settle = undefined;
  }

  #reject(error: unknown): void {
    this.#settle?.reject(error);
    this.#settle = undefined;
  }

  /** Asks the caller's own `validateStatus`, where there is one. */
  #valid(head: Head, content: unknown): boolean {
    const { validateStatus } = this.#plan;
    if (validateStatus == null || validateStatus(head.status)) return true;
    const body =
      typeof content === 'string' ? Buffer.from(content) : ((content as Buffer | undefined) ?? Buffer.alloc(0));
    const failure = refusal(head) ?? this.#plan.describe(head.status, headerLines(head), body);
    const error = fromFailure(failure) as TraeError;
    error.request = this.#asked();
    this.#reject(error);
    return false;
  }

  #data(form: Form, content: unknown, response: TraeResponse): unknown {
    if (form === Form.Kept) return heldAs(content as number);
    if (this.#plan.parse) return this.#plan.parse(content, response);
    return contentOf(form, content, response, this.#plan.responseType);
  }
}

/** What the caller holds of a whole content. */
function contentOf(form: Form, content: unknown, response: TraeResponse, responseType: string | undefined): unknown {
  if (form === Form.Empty) return responseType === 'json' ? null : '';
  if (form !== Form.Json) return content;
  try {
    return JSON.parse(content as string);
  } catch (cause) {
    const { status, requestId } = response;
    const message = `the answer is no JSON: ${(content as string).length} characters, status ${status}`;
    throw new ParseError(
      { code: 'PARSE', phase: 'body', message, status, requestId: requestId ?? null },
      withoutText(cause),
    );
  }
}

/** The answer of a call that was at hand: there was no call to wait for. */
export function answered(
  { head, form, content }: AtHand,
  started: number,
  method: string,
  config: () => object,
  responseType: string | undefined,
): TraeResponse {
  head.totalMs = performance.now() - started;
  const response = new TraeResponse(head, undefined as unknown, method, config);
  response.data = contentOf(form, content, response, responseType);
  return response;
}

/**
 * Tells a producer that nobody wants more. A stream of Node's that waits for its next piece hears only of its
 * destruction; whatever an object of the caller throws must not cost the call its end.
 */
function leave(source: unknown, pieces: AsyncIterator<unknown>): void {
  try {
    (source as { destroy?: () => void }).destroy?.();
    pieces.return?.()?.then(undefined, () => {});
  } catch {}
}

/** V8 quotes the text that it could not parse; an answer may be private. */
function withoutText(cause: unknown): Error {
  const message = (cause as Error).message.replace(/["'].*["']/s, '…');
  return new SyntaxError(message);
}
