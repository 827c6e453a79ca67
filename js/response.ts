// An answer as the caller holds it. What is seldom read is made only when it is read.

import { inspect } from 'node:util';
import { type Attempt, attempts } from './attempts.js';
import { fromFailure, type TraeError } from './errors.js';
import { Headers } from './headers.js';
import type { Head } from './native.js';
import { plainHeaders } from './request-headers.js';
import { guarded, redacted, shownUrl } from './secrets.js';

/** How long the parts of a call took, in milliseconds; `null` where a part did not happen. */
export interface Timing {
  queuedMs: number;
  connectMs: number | null;
  firstByteMs: number | null;
  firstEventMs: number | null;
  totalMs: number | null;
}

/** What a cache had to do with an answer. */
export type Cached = 'hit' | 'miss' | 'stale' | 'shared' | 'bypass';

/** The header lines as they crossed. */
export function headerLines({ text }: Head): string {
  let from = -1;
  for (let line = 0; line < 6; line++) {
    from = text.indexOf('\n', from + 1);
    if (from < 0) return '';
  }
  return text.slice(from + 1);
}

/** The error that an answer stands for whose status its caller does not take; of a good one Rust knows none. */
export function refusal({ text }: Head): string | undefined {
  return text.split('\n', 5)[4] || undefined;
}

export function requestId(headers: Headers): string | undefined {
  return headers.get('request-id') ?? headers.get('x-request-id') ?? undefined;
}

/** Where an answer came from, as far as there is something to tell. */
interface Origin {
  cache?: Cached;
  ageMs?: number;
  target?: string | null;
  key?: string | null;
  redirected?: true;
}

/** What a middleware may return instead of the answer of `next()`. */
interface Made {
  status?: number;
  statusText?: string;
  headers?: unknown;
  data?: unknown;
  config?: object;
}

const MADE = ['status', 'statusText', 'headers', 'data', 'config'];
/** Spreading an answer gives its attempts, too. */
const SPREAD = [...MADE, 'attempts'];

/** Whether something is meant as an answer: a mere content, as JSON that came with one, would be an empty answer. */
export function isMade(given: unknown): given is Made {
  if (typeof given !== 'object' || given === null) return false;
  const names = Object.keys(given);
  return names.some((name) => MADE.includes(name)) && names.every((name) => SPREAD.includes(name));
}

/** The error that an answer stands for, whose status somebody else judges. */
export let failureOf: (response: TraeResponse) => TraeError | undefined;

/** An answer's header lines, for those who make a record of their own of them. */
export let linesOf: (response: TraeResponse) => string;

export class TraeResponse<T = unknown> {
  static {
    failureOf = (response) => {
      const failure = refusal(response.#head);
      if (failure === undefined) return undefined;
      const error = fromFailure(failure) as TraeError;
      const { method, url } = response.request;
      error.request = { method, url: shownUrl(url) };
      return error;
    };
    linesOf = (response) => headerLines(response.#head);
  }

  readonly status: number;
  data: T;
  readonly #head: Head;
  readonly #method: string;
  readonly #config: () => object;
  #headers: Headers | undefined;

  constructor(head: Head, data: T, method: string, config: () => object) {
    this.status = head.status;
    this.data = data;
    this.#head = head;
    this.#method = method;
    this.#config = config;
  }

  /** An answer that a middleware made up. */
  static made(fields: Made): TraeResponse {
    const { status = 200, statusText = '', headers = {}, data, config = {} } = fields;
    const lines = Object.entries(plainHeaders(headers)).flatMap(([name, value]) =>
      [value ?? []].flat().map((one) => `\n${name.toLowerCase()}: ${String(one).replace(/[\r\n]+/g, ' ')}`),
    );
    const none = { queuedMs: 0, connectMs: null, firstByteMs: null, firstEventMs: null, totalMs: null, agedMs: 0 };
    const head = { status, attempts: 0, text: `${statusText}\n\n\n\n\n${lines.join('')}`, ...none };
    return new TraeResponse(head, data, '', () => config);
  }

  /** The same answer without its content. */
  without(): TraeResponse<undefined> {
    return new TraeResponse(this.#head, undefined, this.#method, this.#config);
  }

  get attempts(): number {
    return this.#head.attempts;
  }

  set attempts(attempts: number) {
    this.#head.attempts = attempts;
  }

  get statusText(): string {
    return this.#line(0);
  }

  /** `1.1` or `2`. */
  get httpVersion(): string {
    return this.#line(1);
  }

  /** For `fetch`: whether another URL was asked for. */
  get redirected(): boolean {
    return this.#origin().redirected ?? false;
  }

  get headers(): Headers {
    this.#headers ??= Headers.parse(headerLines(this.#head));
    return this.#headers;
  }

  /** For `fetch`, which reads them in its own way. */
  get headerLines(): string {
    return headerLines(this.#head);
  }

  get requestId(): string | undefined {
    return requestId(this.headers);
  }

  get config(): object {
    return this.#config();
  }

  get request(): { method: string; url: string } {
    return guarded({ method: this.#method, url: this.#line(2) });
  }

  /** What each attempt that `retry()` made came to, this one included; empty where it made no other. */
  get history(): Attempt[] {
    const listed = this.#line(3);
    return listed === '' ? [] : attempts(JSON.parse(listed));
  }

  /** The name of the target that has answered; `undefined` where no `fallback()` chose. */
  get target(): string | undefined {
    return this.#origin().target ?? undefined;
  }

  /** The name of the key of `keyPool()` that the call was sent with. */
  get key(): string | undefined {
    return this.#origin().key ?? undefined;
  }

  get timing(): Timing {
    const { queuedMs, connectMs, firstByteMs, firstEventMs, totalMs } = this.#head;
    return { queuedMs, connectMs, firstByteMs, firstEventMs, totalMs };
  }

  /** Without a cache on its way it has passed by. */
  get cache(): Cached {
    return this.#origin().cache ?? 'bypass';
  }

  /** How old it was when it came out of a cache. */
  get cacheAgeMs(): number | null {
    const { ageMs } = this.#origin();
    return ageMs === undefined ? null : Math.floor(ageMs + this.#head.agedMs);
  }

  toJSON(): Record<string, unknown> {
    const { status, statusText, headers, data, config, requestId, timing, attempts, cache, target, key } = this;
    const request = { ...this.request, url: shownUrl(this.request.url) };
    const shown = { status, statusText, headers, data, config: redacted(config), request, requestId, timing, attempts };
    return { ...shown, cache, ...(target !== undefined && { target }), ...(key !== undefined && { key }) };
  }

  [inspect.custom](depth: number, options: object): string {
    const shown = { ...this.toJSON(), headers: this.headers };
    return `TraeResponse ${inspect(shown, { ...options, depth })}`;
  }

  #origin(): Origin {
    const told = this.#line(5);
    return told === '' ? {} : JSON.parse(told);
  }

  #line(number: number): string {
    return this.#head.text.split('\n', number + 1)[number] ?? '';
  }
}
