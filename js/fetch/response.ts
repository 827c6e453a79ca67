// An answer as the WHATWG standard has it. It passes for Node's own `Response` and does its work itself: Node's takes
// ten times as long to make, and reads every body through a stream.

import { inspect } from 'node:util';
import { shownUrl } from '../secrets.js';
import { type FetchHeaders, passFor } from './headers.js';
import { isDisturbed, plain, Reader, type Source } from './source.js';

/** What a body is made of: nothing at all, all of it, or what is still to come. */
export type Content = null | string | Uint8Array | Source;

/** What an answer's head says. */
export interface Facts {
  statusText: string;
  /** Where it came from. */
  url: string;
  redirected: boolean;
  headers: FetchHeaders;
}

type Bytes = Uint8Array<ArrayBuffer>;

export class FetchResponse implements Response {
  readonly #facts: () => Facts;
  #known: Facts | undefined;
  readonly #status: number;
  /** All of it, where that is here and nobody has taken it. */
  #whole: string | Uint8Array | undefined;
  /** What is still to come. */
  #reader: Reader | undefined;
  #stream: ReadableStream<Bytes> | undefined;
  readonly #empty: boolean;
  /** Whoever gives up wants nothing of it any more, also of what is here already. */
  readonly #signal: AbortSignal | undefined;
  #used = false;

  constructor(status: number, facts: () => Facts, content: Content | Reader, signal?: AbortSignal) {
    this.#status = status;
    this.#facts = facts;
    this.#signal = signal;
    this.#empty = content === null;
    if (typeof content === 'string' || content instanceof Uint8Array) this.#whole = content;
    else if (content !== null) this.#reader = content instanceof Reader ? content : new Reader(content);
  }

  get status(): number {
    return this.#status;
  }

  get ok(): boolean {
    return this.#status >= 200 && this.#status < 300;
  }

  get statusText(): string {
    return this.#head.statusText;
  }

  get headers(): Headers {
    return this.#head.headers;
  }

  get redirected(): boolean {
    return this.#head.redirected;
  }

  get type(): ResponseType {
    return 'basic';
  }

  /** Without its fragment, as the standard has it. */
  get url(): string {
    return this.#head.url.replace(/#.*$/s, '');
  }

  get body(): ReadableStream<Bytes> | null {
    if (this.#empty) return null;
    if (this.#stream === undefined) {
      const whole = this.#whole;
      this.#whole = undefined;
      // Of one that was read already only the empty end is left.
      const reader = this.#used || !this.#reader ? new Reader(once(whole)) : this.#reader;
      this.#stream = reader.stream();
      if (this.#used) void this.#stream.cancel();
    }
    return this.#stream;
  }

  get bodyUsed(): boolean {
    if (this.#empty) return false;
    return this.#used || (this.#stream !== undefined && isDisturbed(this.#stream));
  }

  async text(): Promise<string> {
    const whole = this.#take();
    if (typeof whole === 'string') return whole;
    return decoded(whole instanceof Uint8Array ? whole : await whole.rest());
  }

  async json(): Promise<unknown> {
    const whole = this.#take();
    if (typeof whole === 'string') return JSON.parse(whole);
    return JSON.parse(decoded(whole instanceof Uint8Array ? whole : await whole.rest()));
  }

  async bytes(): Promise<Bytes> {
    const whole = this.#take();
    if (typeof whole === 'string') return new Uint8Array(Buffer.from(whole));
    return new Uint8Array(whole instanceof Uint8Array ? whole : await whole.rest());
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    return (await this.bytes()).buffer;
  }

  async blob(): Promise<Blob> {
    const type = this.headers.get('content-type') ?? '';
    return new Blob([await this.bytes()], { type });
  }

  async formData(): Promise<FormData> {
    const type = this.headers.get('content-type');
    const bytes = await this.bytes();
    // Seldom asked of an API, and Node knows how.
    return new Response(bytes, type === null ? {} : { headers: { 'content-type': type } }).formData();
  }

  clone(): FetchResponse {
    if (this.bodyUsed || this.#stream?.locked) throw new TypeError('Response.clone: Body has already been consumed.');
    const facts = (): Facts => this.#head;
    if (this.#empty) return new FetchResponse(this.status, facts, null);
    if (this.#whole !== undefined) return new FetchResponse(this.status, facts, this.#whole, this.#signal);
    const [own, other] = (this.body as ReadableStream<Bytes>).tee();
    this.#stream = own;
    const copy = new FetchResponse(this.status, facts, '', this.#signal);
    copy.#whole = undefined;
    copy.#stream = other;
    return copy;
  }

  [inspect.custom](_depth: number, options: object): string {
    const { status, statusText, headers, bodyUsed, ok, redirected, type, url } = this;
    return `Response ${inspect({ status, statusText, headers, bodyUsed, ok, redirected, type, url: shownUrl(url) }, options)}`;
  }

  get #head(): Facts {
    this.#known ??= this.#facts();
    return this.#known;
  }

  /** The body, for the one who may have it. */
  #take(): string | Uint8Array | { rest(): Promise<Uint8Array> } {
    if (this.#empty) return '';
    if (this.bodyUsed || this.#stream?.locked) throw new TypeError('Body is unusable: Body has already been read');
    const whole = this.#whole;
    if (whole !== undefined && this.#signal?.aborted) throw this.#signal.reason;
    if (this.#stream !== undefined) return { rest: all(this.#stream) };
    this.#used = true;
    this.#whole = undefined;
    return whole ?? (this.#reader as Reader);
  }
}

passFor(FetchResponse.prototype, Response);

function decoded(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  // A byte order mark is no part of a text.
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}

/** A stream somebody has seen is read as a stream, so that what he knows of it stays true. */
function all(stream: ReadableStream<Bytes>): () => Promise<Uint8Array> {
  const reader = stream.getReader();
  return async () => {
    const pieces: Uint8Array[] = [];
    for (let step = await reader.read(); !step.done; step = await reader.read()) pieces.push(step.value);
    return Buffer.concat(pieces);
  };
}

/** What is whole, as something to be read. */
function once(whole: string | Uint8Array | undefined): Source {
  let left: Uint8Array | undefined;
  if (whole !== undefined && whole.length > 0) left = typeof whole === 'string' ? Buffer.from(whole) : whole;
  return {
    next() {
      const piece = left && plain(Uint8Array.prototype.slice.call(left));
      left = undefined;
      return Promise.resolve(piece);
    },
    cancel() {
      left = undefined;
    },
  };
}
