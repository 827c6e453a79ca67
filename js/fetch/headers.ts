// An answer's headers as the WHATWG standard has them. Made for each answer, and read in few.

import { inspect } from 'node:util';
import { shownHeader } from '../headers.js';

const COOKIE = 'set-cookie';
const NAME = /^[\w!#$%&'*+.^`|~-]+$/;

/** Passes for Node's own class, whose constructor checks and sorts what an engine has checked already. */
export class FetchHeaders implements Headers {
  /** Lines `name: value`, names in lower case. */
  readonly #given: () => string;
  #read: Map<string, string> | undefined;
  /** A cookie may have a comma in it, so cookies are never joined. */
  readonly #cookies: string[] = [];
  #sorted: [string, string][] | undefined;

  constructor(given: () => string) {
    this.#given = given;
  }

  get(name: string): string | null {
    return this.#all.get(checked(name)) ?? null;
  }

  has(name: string): boolean {
    return this.#all.has(checked(name));
  }

  getSetCookie(): string[] {
    void this.#all;
    return [...this.#cookies];
  }

  append(): never {
    return immutable();
  }

  set(): never {
    return immutable();
  }

  delete(): never {
    return immutable();
  }

  forEach(call: (value: string, name: string, headers: Headers) => void, self?: unknown): void {
    if (typeof call !== 'function') throw new TypeError('Headers.forEach takes a function');
    for (const [name, value] of this.#entries) call.call(self, value, name, this);
  }

  *entries(): HeadersIterator<[string, string]> {
    for (const [name, value] of this.#entries) yield [name, value];
  }

  *keys(): HeadersIterator<string> {
    for (const [name] of this.#entries) yield name;
  }

  *values(): HeadersIterator<string> {
    for (const [, value] of this.#entries) yield value;
  }

  [Symbol.iterator](): HeadersIterator<[string, string]> {
    return this.entries();
  }

  [inspect.custom](_depth: number, options: object): string {
    const shown = Object.fromEntries(this.#entries.map(([name, value]) => [name, shownHeader(name, value)]));
    return `Headers ${inspect(shown, options)}`;
  }

  get #all(): Map<string, string> {
    if (this.#read) return this.#read;
    const all = new Map<string, string>();
    this.#read = all;
    for (const line of this.#given().split('\n')) {
      const colon = line.indexOf(': ');
      if (colon <= 0) continue;
      const name = line.slice(0, colon);
      const value = line.slice(colon + 2);
      if (name === COOKIE) this.#cookies.push(value);
      const present = all.get(name);
      all.set(name, present === undefined ? value : `${present}, ${value}`);
    }
    return all;
  }

  /** By name; each cookie by itself. */
  get #entries(): [string, string][] {
    if (this.#sorted) return this.#sorted;
    const sorted = [...this.#all].sort(([a], [b]) => (a < b ? -1 : 1));
    const at = sorted.findIndex(([name]) => name === COOKIE);
    if (at >= 0) sorted.splice(at, 1, ...this.#cookies.map((cookie): [string, string] => [COOKIE, cookie]));
    this.#sorted = sorted;
    return sorted;
  }
}

passFor(FetchHeaders.prototype, Headers);

function checked(name: unknown): string {
  const text = String(name);
  if (!NAME.test(text)) throw new TypeError(`${text} is an invalid header name.`);
  return text.toLowerCase();
}

function immutable(): never {
  throw new TypeError('immutable');
}

/** Has objects of a class of ours pass for those of one of Node's, whose members can be listed. */
export function passFor(ours: object, theirs: { prototype: object }): void {
  Object.setPrototypeOf(ours, theirs.prototype);
  for (const name of Object.keys(theirs.prototype))
    if (Object.hasOwn(ours, name)) Object.defineProperty(ours, name, { enumerable: true });
  Object.defineProperty(ours, 'constructor', { value: theirs, writable: true, configurable: true });
}
