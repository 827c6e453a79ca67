// What is never shown: by console.log, util.inspect or JSON.stringify of anything that is ours.

import { inspect, types } from 'node:util';

/**
 * How words end that stand for a credential, and short ones that are one. Tokens in the plural are what
 * models count. `src/request.rs` has the same list for headers; tests/fixtures/names.json holds both to it.
 */
const SECRET =
  /(auth|authorization|bearer|cookies?|credentials?|jwt|keys?|passphrase|passwd|passwords?|pwd|secrets?|session|signature|token)$|^(auth\d+|cert|pass|pfx|sid|sig)$/;
/** Keys that name a thing and not a caller. */
const HARMLESS = /(idempotency|cache|public)-key$/;
/** Keys that stand where nobody expects them; `src/client/secrets.rs` knows them by the same looks. */
const KEY = /sk-ant-[\w-]{4,}|(?<![\w-])sk-[\w-]{21,}/g;
const SHOWN_AS = '[redacted]';

/** What `redact()` adds to what is never shown. */
export interface RedactOptions {
  headers?: string | readonly string[];
  query?: string | readonly string[];
  paths?: string | readonly string[];
  patterns?: string | RegExp | readonly (string | RegExp)[];
}

/** Names and texts that are never shown here any more: rules are added, and none is taken back. */
const names = new Set<string>();
const texts = new Map<string, (text: string) => string>();

/**
 * From now on, of anything that is printed; Rust knows the same for its errors and its log. `shown` applies the
 * patterns: in Rust, where no pattern takes more than linear time.
 */
export function neverShow({ headers, query, patterns }: RedactOptions, shown: (text: string) => string): void {
  for (const name of [headers ?? [], query ?? []].flat()) names.add(name.toLowerCase());
  const all = [patterns ?? []].flat();
  if (all.length > 0) texts.set(all.map(String).join('\n'), shown);
}

/** Whether what has this name is a secret: a header, an option, a parameter. */
export function isSecret(name: string): boolean {
  if (names.has(name.toLowerCase())) return true;
  const apart = name.replace(/([a-z0-9])([A-Z])/g, '$1-$2').replace(/([A-Z])([A-Z][a-z])/g, '$1-$2');
  const words = apart.toLowerCase().split(/[^a-z0-9]+/);
  return !HARMLESS.test(words.join('-')) && words.some((word) => SECRET.test(word));
}

/** Options that are shown in a way of their own, at the top only. */
const OWN_WAY: Record<string, (value: unknown) => unknown> = {
  data: kind,
  url: place,
  baseURL: place,
  baseUrl: place,
  proxy,
  params: (value) => (typeof value === 'string' ? shownQuery(value) : fields(value)),
  httpAgent: kind,
  httpsAgent: kind,
};

/** A copy of some options in which nothing secret is left. Content and agents are shown as what they are. */
export function redacted(options: object): unknown {
  return each(options, (value, name) => {
    const own = Object.hasOwn(OWN_WAY, name) && value !== undefined ? OWN_WAY[name] : undefined;
    return own ? own(value) : shown(value, name, { above: [options], left: MOST });
  });
}

/** The same for an object whose names are the caller's: headers, parameters. */
export function fields(value: unknown): unknown {
  return shown(value, '', { above: [], left: MOST });
}

/** Where printing is, and how much more it may print: a graph may be cyclic, deep, or a tree of shared branches. */
interface Walk {
  above: object[];
  left: number;
}

const MOST = 10_000;
const DEEPEST = 30;
const CUT = '[…]';

function shown(value: unknown, name: string, walk: Walk): unknown {
  // A number or a flag is no secret, whatever it is called; a function shows nothing.
  if (typeof value === 'string') return isSecret(name) ? SHOWN_AS : shownText(value);
  if (typeof value !== 'object' || value === null) return value;
  if (isSecret(name)) return SHOWN_AS;
  if (walk.above.includes(value)) return '[circular]';
  if (walk.above.length > DEEPEST || walk.left-- <= 0) return CUT;
  walk.above.push(value);
  const text = readable(() => within(value, name, walk));
  walk.above.pop();
  return text;
}

function within(value: object, name: string, walk: Walk): unknown {
  if (Array.isArray(value)) {
    walk.left -= value.length;
    return value.map((item) => shown(item, name, walk));
  }
  if (!isPlain(value)) return special(value);
  return each(value, (item, key) => {
    walk.left--;
    return shown(item, key, walk);
  });
}

/** An object with each of its fields as it is shown. */
function each(options: object, show: (value: unknown, name: string) => unknown): Record<string, unknown> {
  const entries = Object.keys(options).map((name) => [
    withoutKeys(name),
    readable(() => show((options as Record<string, unknown>)[name], name)),
  ]);
  return Object.fromEntries(entries);
}

/** Printing must not throw, whatever the caller's objects do when they are read. */
function readable(read: () => unknown): unknown {
  try {
    return read();
  } catch {
    return '[unreadable]';
  }
}

/** Of an object of a class only what is known to be harmless. */
function special(value: object): unknown {
  if (types.isDate(value) || types.isRegExp(value) || value instanceof AbortSignal) return value;
  if (value instanceof URL) return shownUrl(value.href);
  if (value instanceof URLSearchParams) return shownQuery(value.toString());
  return kind(value);
}

/** What something is and how large, in place of what it holds. */
function kind(value: unknown): unknown {
  if (typeof value === 'string') return `[${Buffer.byteLength(value)} bytes]`;
  if (typeof value !== 'object' || value === null) return value === null ? null : `[${typeof value}]`;
  const { byteLength, size } = value as { byteLength?: unknown; size?: unknown };
  if (types.isAnyArrayBuffer(value) || ArrayBuffer.isView(value)) return `[${byteLength} bytes]`;
  const name = value.constructor?.name || 'Object';
  return typeof size === 'number' && 'stream' in value ? `[${size} bytes, ${name}]` : `[${name}]`;
}

function place(value: unknown): unknown {
  return typeof value === 'string' || value instanceof URL ? shownUrl(String(value)) : kind(value);
}

/** A proxy's URL is often written without its scheme; what stands before the last @ is its password. */
function proxy(value: unknown): unknown {
  if (typeof value === 'string') return value.replace(/^.*@/s, `${SHOWN_AS}@`);
  if (typeof value !== 'object' || value === null) return value;
  const { url, ...rest } = value as { url?: unknown };
  return { ...(url === undefined ? {} : { url: proxy(url) }), ...(fields(rest) as object) };
}

/** An URL without user, password and the values of its query. */
export function shownUrl(url: string): string {
  const end = url.search(/[?#]/);
  if (end < 0) return shownText(url);
  const hash = url.indexOf('#', end);
  const query = url.slice(end, hash < 0 ? undefined : hash);
  const shownPlace = shownText(url.slice(0, end));
  return `${shownPlace}${query && `?${shownQuery(query.slice(1))}`}${hash < 0 ? '' : '#…'}`;
}

function shownQuery(query: string): string {
  const pairs = query.split('&').map((pair) => {
    const mark = pair.indexOf('=');
    // What has no name may be the value itself.
    return pair === '' ? '' : mark < 0 ? '…' : `${withoutKeys(pair.slice(0, mark))}=…`;
  });
  return pairs.join('&');
}

/** A text that has no secret name: without user and password where it is an URL, and without keys. */
export function shownText(text: string): string {
  return withoutKeys(text.replace(/^(\s*[a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i, `$1${SHOWN_AS}@`));
}

export function withoutKeys(text: string): string {
  let shown = text.replace(KEY, SHOWN_AS);
  for (const conceal of texts.values()) shown = conceal(shown);
  return shown;
}

/** An object that somebody wrote as a literal, in this realm or another. */
export function isPlain(value: object): value is Record<string, unknown> {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** Options that can be read as they are, and that show no secret when they are printed. */
export function guarded<T extends object>(options: T, show: (options: object) => unknown = redacted): T {
  const printed = (): unknown => show(options);
  Object.defineProperty(options, inspect.custom, { value: printed, enumerable: false, configurable: true });
  Object.defineProperty(options, 'toJSON', { value: printed, enumerable: false, configurable: true });
  return options;
}
