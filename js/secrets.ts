// What is never shown: by console.log, util.inspect or JSON.stringify of anything that is ours.

import { inspect } from 'node:util';

const SECRET = /^(authorization|proxy-authorization|cookie|set-cookie|.*api[-_]?key|.*token|.*secret.*)$/i;
const SHOWN_AS = '[redacted]';

export function isSecretHeader(name: string): boolean {
  return SECRET.test(name);
}

/** A copy of some options in which nothing secret is left. */
export function redacted(value: unknown, name = ''): unknown {
  if (typeof value === 'string') {
    if (isSecretHeader(name) || name === 'key' || name === 'cert') return SHOWN_AS;
    // A proxy's URL is often written without its scheme; what stands before the last @ is its password.
    if (name === 'proxy' || name === 'url') return value.replace(/^.*@/s, `${SHOWN_AS}@`);
    return withoutUserinfo(value);
  }
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map((item) => redacted(item, name));
  if (!isPlain(value)) return name === 'key' ? SHOWN_AS : value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, redacted(item, key)]));
}

/** An URL without user, password and the values of its query. */
export function shownUrl(url: string): string {
  return withoutUserinfo(url).replace(/([?&][^=&#]*)=[^&#]*/g, '$1=…');
}

function withoutUserinfo(text: string): string {
  return text.replace(/^(\s*[a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i, `$1${SHOWN_AS}@`);
}

export function isPlain(value: object): value is Record<string, unknown> {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Options that can be read as they are, and that show no secret when they are printed. */
export function guarded<T extends object>(options: T): T {
  const show = (): unknown => redacted({ ...options });
  Object.defineProperty(options, inspect.custom, { value: show, enumerable: false, configurable: true });
  Object.defineProperty(options, 'toJSON', { value: show, enumerable: false, configurable: true });
  return options;
}
