// An answer's headers: a plain record with lower-case names, and the methods people know from fetch.

import { inspect } from 'node:util';
import { isSecretHeader } from './secrets.js';

export class Headers {
  [name: string]: unknown;

  /** Reads lines `name: value`; a repeated header is joined by a comma, `set-cookie` by a line break. */
  static parse(lines: string, from = 0): Headers {
    const headers = new Headers();
    while (from < lines.length) {
      const end = lines.indexOf('\n', from);
      const stop = end < 0 ? lines.length : end;
      const colon = lines.indexOf(': ', from);
      if (colon > from && colon < stop) {
        const name = lines.slice(from, colon);
        const value = lines.slice(colon + 2, stop);
        const present = own(headers, name);
        const text = present === null ? value : present + (name === 'set-cookie' ? '\n' : ', ') + value;
        // Defined, not assigned: a header named `__proto__` is a header.
        Object.defineProperty(headers, name, { value: text, enumerable: true, configurable: true, writable: true });
      }
      from = stop + 1;
    }
    return headers;
  }

  get(name: string): string | null {
    return own(this, name.toLowerCase());
  }

  has(name: string): boolean {
    return Object.hasOwn(this, name.toLowerCase());
  }

  getSetCookie(): string[] {
    return own(this, 'set-cookie')?.split('\n') ?? [];
  }

  *entries(): IterableIterator<[string, string]> {
    yield* Object.entries(this) as [string, string][];
  }

  [Symbol.iterator](): IterableIterator<[string, string]> {
    return this.entries();
  }

  toJSON(): Record<string, unknown> {
    return Object.fromEntries(
      Object.entries(this).map(([name, value]) => [name, isSecretHeader(name) ? '[redacted]' : value]),
    );
  }

  [inspect.custom](): Record<string, unknown> {
    return this.toJSON();
  }
}

function own(headers: Headers, name: string): string | null {
  return Object.hasOwn(headers, name) ? (headers[name] as string) : null;
}
