// An answer as the caller holds it. What is seldom read is made only when it is read.

import { inspect } from 'node:util';
import { Headers } from './headers.js';
import type { Head } from './native.js';
import { redacted, shownUrl } from './secrets.js';

/** How long the parts of a call took, in milliseconds; `null` where a part did not happen. */
export interface Timing {
  queuedMs: number;
  connectMs: number | null;
  firstByteMs: number | null;
  firstEventMs: number | null;
  totalMs: number | null;
}

export class TraeResponse<T = unknown> {
  readonly status: number;
  readonly attempts: number;
  data: T;
  readonly #head: Head;
  readonly #method: string;
  readonly #config: () => object;
  #totalMs: number | null;
  #headers: Headers | undefined;

  constructor(head: Head, data: T, method: string, config: () => object, totalMs: number | null) {
    this.status = head.status;
    this.attempts = head.attempts;
    this.data = data;
    this.#head = head;
    this.#method = method;
    this.#config = config;
    this.#totalMs = totalMs;
  }

  get statusText(): string {
    return this.#line(0);
  }

  /** `1.1` or `2`. */
  get httpVersion(): string {
    return this.#line(1);
  }

  get headers(): Headers {
    this.#headers ??= Headers.parse(this.headerLines);
    return this.#headers;
  }

  /** The header lines as they crossed. */
  get headerLines(): string {
    const { text } = this.#head;
    let from = -1;
    for (let line = 0; line < 3; line++) {
      from = text.indexOf('\n', from + 1);
      if (from < 0) return '';
    }
    return text.slice(from + 1);
  }

  get requestId(): string | undefined {
    return this.headers.get('request-id') ?? this.headers.get('x-request-id') ?? undefined;
  }

  get config(): object {
    return this.#config();
  }

  get request(): { method: string; url: string } {
    return { method: this.#method, url: this.#line(2) };
  }

  get timing(): Timing {
    const { queuedMs, connectMs, firstByteMs } = this.#head;
    const firstEventMs = (this.data as { firstEventMs?: number | null } | null)?.firstEventMs ?? null;
    return { queuedMs, connectMs, firstByteMs, firstEventMs, totalMs: this.#totalMs };
  }

  /** No cache stands in the way yet, so every answer is fresh. */
  get cache(): 'bypass' {
    return 'bypass';
  }

  /** The stream in `data` has come to its end. */
  finish(totalMs: number): void {
    this.#totalMs = totalMs;
  }

  toJSON(): Record<string, unknown> {
    const { status, statusText, headers, data, config, requestId, timing, attempts, cache } = this;
    const request = { ...this.request, url: shownUrl(this.request.url) };
    return { status, statusText, headers, data, config: redacted(config), request, requestId, timing, attempts, cache };
  }

  [inspect.custom](depth: number, options: object): string {
    const shown = { ...this.toJSON(), headers: this.headers };
    return `TraeResponse ${inspect(shown, { ...options, depth })}`;
  }

  #line(number: number): string {
    return this.#head.text.split('\n', number + 1)[number] ?? '';
  }
}
