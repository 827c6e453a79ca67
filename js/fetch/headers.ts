// An answer's headers as the WHATWG standard has them. Made for each answer, and read in few.

import { inspect } from 'node:util';
import { type Headers as Ours, shownHeader } from '../headers.js';

const NAME = /^[\w!#$%&'*+.^`|~-]+$/;

/** Passes for Node's own class, whose constructor checks and sorts what an engine has checked already. */
export class FetchHeaders implements Headers {
  readonly #given: () => Ours;
  #ours: Ours | undefined;
  #sorted: [string, string][] | undefined;

  constructor(given: () => Ours) {
    this.#given = given;
  }

  get(name: string): string | null {
    return this.#all.get(checked(name));
  }

  has(name: string): boolean {
    return this.#all.has(checked(name));
  }

  getSetCookie(): string[] {
    return this.#all.getSetCookie();
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

  get #all(): Ours {
    this.#ours ??= this.#given();
    return this.#ours;
  }

  /** By name; each cookie by itself. */
  get #entries(): [string, string][] {
    this.#sorted ??= [...this.#all.entries()].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    return this.#sorted;
  }
}

passFor(FetchHeaders.prototype, Headers);

function checked(name: unknown): string {
  const text = String(name);
  if (!NAME.test(text)) throw new TypeError(`${text} is an invalid header name.`);
  return text;
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
