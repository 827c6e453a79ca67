// An answer's headers: a plain record with lower-case names, and the methods people know from fetch.

import { inspect } from 'node:util';
import { isSecret, shownText, shownUrl } from './secrets.js';

const COOKIE = 'set-cookie';
/** Headers whose value is an URL, in which a query may hold a token. */
const URLS = new Set(['location', 'content-location']);

export class Headers {
  [name: string]: unknown;
  /** The truth; the fields of the record only show it. A server may send a header called `get`. */
  readonly #all = new Map<string, string>();
  /** A cookie may have a comma in it, so cookies cannot be joined and told apart again. */
  readonly #cookies: string[] = [];

  /** Reads lines `name: value`; a repeated header is joined by a comma, cookies are a list. */
  static parse(lines: string): Headers {
    const headers = new Headers();
    for (const line of lines.split('\n')) {
      const colon = line.indexOf(': ');
      if (colon > 0) headers.#add(line.slice(0, colon), line.slice(colon + 2));
    }
    return headers;
  }

  #add(name: string, value: string): void {
    const present = this.#all.get(name);
    const text = present === undefined ? value : `${present}, ${value}`;
    this.#all.set(name, text);
    if (name === COOKIE) this.#cookies.push(value);
    // Not over a method, and defined rather than assigned: a header named `__proto__` is a header.
    if (name in Headers.prototype && name !== '__proto__') return;
    const field = name === COOKIE ? [...this.#cookies] : text;
    Object.defineProperty(this, name, { value: field, enumerable: true, configurable: true, writable: true });
  }

  get(name: string): string | null {
    return this.#all.get(name.toLowerCase()) ?? null;
  }

  has(name: string): boolean {
    return this.#all.has(name.toLowerCase());
  }

  getSetCookie(): string[] {
    return [...this.#cookies];
  }

  /** As with fetch, each cookie comes by itself. */
  *entries(): IterableIterator<[string, string]> {
    for (const [name, value] of this.#all) {
      if (name !== COOKIE) yield [name, value];
      else for (const cookie of this.#cookies) yield [name, cookie];
    }
  }

  [Symbol.iterator](): IterableIterator<[string, string]> {
    return this.entries();
  }

  toJSON(): Record<string, unknown> {
    return Object.fromEntries([...this.#all].map(([name, value]) => [name, shownHeader(name, value)]));
  }

  [inspect.custom](): Record<string, unknown> {
    return this.toJSON();
  }
}

export function shownHeader(name: string, value: string): string {
  if (isSecret(name)) return '[redacted]';
  return URLS.has(name) ? shownUrl(value) : shownText(value);
}
