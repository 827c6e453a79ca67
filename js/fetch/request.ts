// What a call of `fetch` asks for, as the WHATWG standard reads it.

import type { Options } from '../config.js';
import { kindOf } from '../errors.js';
import { type HeaderRecord, plainHeaders } from '../request-headers.js';
import { isDisturbed } from './source.js';

export interface Asked {
  method: string;
  url: string;
  body: unknown;
  headers: HeaderRecord;
  signal: AbortSignal | undefined;
  redirect: string | undefined;
  /** What its `cache` mode says to `cache()`. */
  cache: object | false | undefined;
}

/** What a `RequestInit` may say in words. */
const WORDS: Record<string, readonly string[]> = {
  redirect: ['follow', 'error', 'manual'],
  mode: ['same-origin', 'no-cors', 'cors'],
  credentials: ['omit', 'same-origin', 'include'],
  cache: ['default', 'no-store', 'reload', 'no-cache', 'force-cache', 'only-if-cached'],
  duplex: ['half'],
};
/** The modes of the standard, as far as they mean something here; a mode of browsers' stores, that others set, does not. */
const CACHE: Record<string, object | false> = {
  'no-store': false,
  reload: { mode: 'refresh' },
  'no-cache': { mode: 'refresh' },
};
const FORBIDDEN = /^(connect|trace|track)$/i;
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;

/** As `new Request(input, init)` would read it; throws a TypeError where that would. */
export function read(input: unknown, init: unknown): Asked {
  if (init !== undefined && init !== null && typeof init !== 'object' && typeof init !== 'function')
    throw new TypeError(`fetch() takes an object of options, got ${kindOf(init)}`);
  const options = (init ?? {}) as RequestInit & Options;
  requireKnown(options);
  const request = isRequest(input) ? input : undefined;
  const method = methodOf(options.method ?? request?.method ?? 'GET');
  const body = options.body ?? request?.body ?? undefined;
  if (body !== undefined && (method === 'GET' || method === 'HEAD'))
    throw new TypeError('Request with GET/HEAD method cannot have body.');
  if (options.body != null) requireSendable(options.body, options);
  else if (request?.bodyUsed || request?.body?.locked)
    throw new TypeError('Cannot construct a Request with a Request object that has already been used.');
  const { signal = request?.signal } = options;
  return {
    method,
    url: request ? request.url : urlOf(input),
    body,
    headers: plainHeaders(options.headers ?? request?.headers),
    signal: signal ?? undefined,
    cache: CACHE[options.cache ?? request?.cache ?? ''],
    redirect: options.redirect ?? (request?.redirect === 'follow' ? undefined : request?.redirect),
  };
}

/** A text, a URL, or what else says its own text; anything else would become a path that nobody meant. */
function urlOf(input: unknown): string {
  if (typeof input === 'string') return input;
  const says = typeof input === 'object' && input !== null && input.toString !== Object.prototype.toString;
  if (says && !Array.isArray(input)) return String(input);
  throw new TypeError(`fetch() takes a URL or a Request, got ${kindOf(input)}`);
}

/** By shape, so that the one of another library or of a test's environment passes. */
export function isRequest(input: unknown): input is Request {
  if (typeof input !== 'object' || input === null) return false;
  const { url, method } = input as Partial<Request>;
  return typeof url === 'string' && typeof method === 'string';
}

function requireKnown(options: Options): void {
  for (const name in WORDS) {
    const given = options[name];
    if (given !== undefined && !(WORDS[name] as readonly string[]).includes(given))
      throw new TypeError(`RequestInit: \`${name}\` must be '${(WORDS[name] as string[]).join("' or '")}'`);
  }
  if (options['window'] != null) throw new TypeError('RequestInit: `window` must be null');
  // What it promises would not be kept.
  if (options['integrity']) throw new TypeError('RequestInit: `integrity` is not checked here, so it is refused');
  if (options['dispatcher'] != null)
    throw new TypeError(
      "RequestInit: a `dispatcher` is undici's, and this call would pass it by: give the client `proxy`, `tls` or `pool`",
    );
}

function methodOf(given: unknown): string {
  const method = String(given);
  if (!TOKEN.test(method) || FORBIDDEN.test(method)) throw new TypeError(`'${method}' is not a valid HTTP method.`);
  return method.toUpperCase();
}

function requireSendable(body: unknown, options: Options): void {
  if (!isStreamed(body)) return;
  if (options['duplex'] === undefined)
    throw new TypeError('RequestInit: duplex option is required when sending a body.');
  const { locked } = body as Partial<ReadableStream>;
  if (locked || ('getReader' in body && isDisturbed(body)))
    throw new TypeError('Response body object should not be disturbed or locked');
}

function isStreamed(body: unknown): body is object {
  if (typeof body !== 'object' || body === null) return false;
  return typeof (body as ReadableStream).getReader === 'function' || Symbol.asyncIterator in body;
}

/** What the standard sends: bodies by their kind, anything else as text. */
export function content(body: unknown): { data: unknown; type: string | undefined } {
  if (body === undefined) return { data: undefined, type: undefined };
  if (typeof body !== 'object' || body === null) return { data: String(body), type: TEXT };
  if (ArrayBuffer.isView(body) || body instanceof ArrayBuffer || isStreamed(body)) return { data: body, type: NONE };
  const { size, type, pipe } = body as { size?: unknown; type?: unknown; pipe?: unknown };
  if (typeof size === 'number' && typeof type === 'string') return { data: body, type: type || NONE };
  // These say themselves what they are: of a form only its encoder knows.
  const named =
    kind(body) === '[object URLSearchParams]' || typeof pipe === 'function' || kind(body) === '[object FormData]';
  return named ? { data: body, type: undefined } : { data: String(body), type: TEXT };
}

const TEXT = 'text/plain;charset=UTF-8';
/** Goes without a media type of its own. */
const NONE = '';

const kind = (body: object): string => Object.prototype.toString.call(body);

/** A `Request` gives its body only as a stream; what has come within a turn of the event loop is not one. */
const SHORT = 1 << 20;
const LATER = Symbol('later');

/**
 * The body of a `Request` as bytes where they are all here, so that it can be sent again; else as the stream that it
 * is.
 */
export async function gathered({ body }: Request): Promise<unknown> {
  if (!body) return undefined;
  const reader = body.getReader();
  const pieces: Uint8Array[] = [];
  let size = 0;
  while (size <= SHORT) {
    const step = reader.read();
    const turn = new Promise<typeof LATER>((resolve) => setImmediate(resolve, LATER));
    const come = await Promise.race([step, turn]);
    if (come === LATER) return remaining(pieces, step, reader);
    if (come.done) return Buffer.concat(pieces);
    size += come.value.length;
    pieces.push(come.value);
  }
  return remaining(pieces, reader.read(), reader);
}

/** No generator: one that waits for its next piece could not be told to let go of the stream. */
function remaining(
  pieces: Uint8Array[],
  step: ReturnType<ReadableStreamDefaultReader<Uint8Array>['read']>,
  reader: ReadableStreamDefaultReader<Uint8Array>,
): AsyncIterable<Uint8Array> {
  let first: typeof step | undefined = step;
  return {
    [Symbol.asyncIterator]: () => ({
      async next() {
        const piece = pieces.shift();
        if (piece !== undefined) return { value: piece, done: false };
        const read = first ?? reader.read();
        first = undefined;
        return (await read) as IteratorResult<Uint8Array>;
      },
      async return() {
        await reader.cancel().catch(() => {});
        return { value: undefined, done: true };
      },
    }),
  };
}
