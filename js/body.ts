// A request's content as bytes: what is small goes at once, what is a stream goes piece by piece.

import { ConnectionError, config, kindOf } from './errors.js';
import { nodeStream } from './node-stream.js';
import { isPlain } from './secrets.js';

/** What can be sent. Everything that is not named here is sent as JSON. */
export type Encoded =
  | { kind: 'none' }
  | { kind: 'json'; text: string }
  | { kind: 'bytes'; bytes: Uint8Array; type: string }
  /** `length` where it is known: some servers take no body without one. */
  | { kind: 'stream'; source: AsyncIterable<unknown>; type: string; length?: number };

/** Of these JSON would make `{}`. */
const OPAQUE = [Map, Set, WeakMap, WeakSet, RegExp, Error];
const BINARY = 'application/octet-stream';

export function encode(data: unknown): Encoded {
  if (data === undefined || data === null) return { kind: 'none' };
  // A string is what somebody has already encoded: JSON, unless a header says otherwise.
  if (typeof data === 'string') return { kind: 'json', text: data };
  if (typeof data !== 'object' || isJson(data)) return { kind: 'json', text: json(data) };
  return special(data) ?? { kind: 'json', text: json(data) };
}

/** Whether this is an object that is sent as JSON makes it. */
export function isJson(data: unknown): boolean {
  if (typeof data !== 'object' || data === null) return false;
  return Array.isArray(data) || (isPlain(data) && !(Symbol.asyncIterator in data));
}

function special(data: object): Encoded | undefined {
  // A typed array is sent as the part of its buffer that it shows, no more; one whose buffer was given away shows none.
  if (ArrayBuffer.isView(data))
    return data.byteLength === 0
      ? bytes(new Uint8Array())
      : bytes(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  if (data instanceof ArrayBuffer || isShared(data)) return bytes(new Uint8Array(data as ArrayBuffer));
  if (data instanceof URLSearchParams) {
    return bytes(new TextEncoder().encode(data.toString()), 'application/x-www-form-urlencoded;charset=UTF-8');
  }
  if (isFormData(data)) {
    // Loaded here because few calls send forms.
    const { multipart } = require('./multipart.js') as typeof import('./multipart.js');
    const { parts, type } = multipart(data.entries());
    // Without a Blob in it there is nothing to wait for, and it can be sent again.
    if (parts.every((part) => part instanceof Uint8Array)) return bytes(Buffer.concat(parts), type);
    return sequence(parts, type);
  }
  if (isBlob(data)) return sequence([data], data.type || BINARY);
  requireUnsent(data);
  if (isAsync(data)) return { kind: 'stream', source: data, type: BINARY };
  if (isReadableStream(data)) return { kind: 'stream', source: pieces(data), type: BINARY };
  if (isOldStream(data)) return old(data);
  // JSON would make `{}` of these, and the server would be asked something that nobody wrote.
  if (OPAQUE.some((kind) => data instanceof kind) || typeof (data as Promise<unknown>).then === 'function')
    throw config(`the request body can't be ${kindOf(data)}`);
  return undefined;
}

/** Streams that were sent: a second time they would be empty, or begin in their middle. */
const sent = new WeakSet<object>();

function requireUnsent(data: object): void {
  const once =
    isReadableStream(data) || isOldStream(data) || typeof (data as AsyncIterator<unknown>).next === 'function';
  if (!once) return;
  const message = "the request's body is a stream and was sent once: it can't be sent again";
  if (sent.has(data)) throw new ConnectionError({ code: 'REQUEST_BODY', phase: 'prepare', message });
  sent.add(data);
}

function bytes(view: Uint8Array, type = BINARY): Encoded {
  return { kind: 'bytes', bytes: view, type };
}

function json(data: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(data);
  } catch (cause) {
    throw config(`the request body can't be written as JSON: ${(cause as Error).message}`, cause);
  }
  if (text === undefined) throw config(`the request body can't be written as JSON: it is a ${typeof data}`);
  return text;
}

/** Bytes and Blobs one after the other; a Blob is read when its turn has come. */
function sequence(parts: (Uint8Array | Blob)[], type: string): Encoded {
  const length = parts.reduce((sum, part) => sum + ('size' in part ? part.size : part.length), 0);
  return { kind: 'stream', source: inTurn(parts), type, length };
}

async function* inTurn(parts: (Uint8Array | Blob)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) {
    if (!('size' in part)) {
      yield part;
      continue;
    }
    let left = part.size;
    for await (const piece of pieces(part.stream())) {
      left -= piece.length;
      // The length is announced: what is beyond it would be cut off without a word.
      if (left < 0) break;
      yield piece;
    }
    if (left !== 0) throw new Error(`a Blob of ${part.size} bytes gave ${left < 0 ? 'more' : 'fewer'}`);
  }
}

/** A stream of Node's first kind, as the package form-data makes them, which names its boundary. */
function old(stream: OldStream): Encoded {
  const source = new (nodeStream().PassThrough)();
  stream.on('error', (error) => source.destroy(error));
  stream.pipe(source);
  return { kind: 'stream', source, type: stream.getHeaders?.()['content-type'] ?? BINARY };
}

/** No generator: one that waits for its next piece could not be told to let go of the stream. */
function pieces(stream: ReadableStream<Uint8Array>): AsyncIterableIterator<Uint8Array, undefined> {
  const reader = stream.getReader();
  return {
    async next() {
      const { value, done } = await reader.read();
      if (done) reader.releaseLock();
      return { value, done } as IteratorResult<Uint8Array, undefined>;
    },
    async return() {
      await reader.cancel().catch(() => {});
      reader.releaseLock();
      return { value: undefined, done: true };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/** A piece of a streamed body as bytes. */
export function piece(value: unknown): Uint8Array {
  if (typeof value === 'string') return Buffer.from(value);
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  throw new TypeError(`a streamed body must give strings or bytes, got ${value === null ? 'null' : typeof value}`);
}

function isShared(data: object): boolean {
  return typeof SharedArrayBuffer !== 'undefined' && data instanceof SharedArrayBuffer;
}

function isAsync(data: object): data is AsyncIterable<unknown> {
  return Symbol.asyncIterator in data && !isReadableStream(data);
}

function isReadableStream(data: object): data is ReadableStream<Uint8Array> {
  return typeof (data as { getReader?: unknown }).getReader === 'function';
}

/** By shape, so that a polyfill's objects pass and Node's own class need not be loaded to ask. */
function isBlob(data: object): data is Blob {
  return typeof (data as Blob).stream === 'function' && typeof (data as Blob).size === 'number';
}

function isFormData(data: object): data is FormData {
  const named = Object.prototype.toString.call(data) === '[object FormData]';
  return named && typeof (data as FormData).entries === 'function';
}

interface OldStream extends NodeJS.ReadableStream {
  getHeaders?(): Record<string, string>;
}

function isOldStream(data: object): data is OldStream {
  const { pipe, on } = data as Partial<OldStream>;
  return typeof pipe === 'function' && typeof on === 'function';
}
