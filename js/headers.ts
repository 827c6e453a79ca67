// An answer's headers: a plain record with lower-case names, and the methods people know from fetch.

import { inspect } from 'node:util';
import { isSecretHeader } from './secrets.js';

export class Headers {
  [name: string]: unknown;
  /** The truth; the fields of the record only show it. A server may send a header called `get`. */
  readonly #all = new Map<string, string>();

  /** Reads lines `name: value`; a repeated header is joined by a comma, `set-cookie` by a line break. */
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
    const text = present === undefined ? value : present + (name === 'set-cookie' ? '\n' : ', ') + value;
    this.#all.set(name, text);
    // Not over a method, and defined rather than assigned: a header named `__proto__` is a header.
    if (name in Headers.prototype && name !== '__proto__') return;
    Object.defineProperty(this, name, { value: text, enumerable: true, configurable: true, writable: true });
  }

  get(name: string): string | null {
    return this.#all.get(name.toLowerCase()) ?? null;
  }

  has(name: string): boolean {
    return this.#all.has(name.toLowerCase());
  }

  getSetCookie(): string[] {
    return this.#all.get('set-cookie')?.split('\n') ?? [];
  }

  entries(): IterableIterator<[string, string]> {
    return this.#all.entries();
  }

  [Symbol.iterator](): IterableIterator<[string, string]> {
    return this.entries();
  }

  toJSON(): Record<string, unknown> {
    const shown = [...this.#all].map(([name, value]) => [name, isSecretHeader(name) ? '[redacted]' : value]);
    return Object.fromEntries(shown);
  }

  [inspect.custom](): Record<string, unknown> {
    return this.toJSON();
  }
}
