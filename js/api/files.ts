// Files of the Claude API: sent and fetched as they are read and written, never whole in memory.

import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { type Options, requireObject } from '../config.js';
import { kindOf, config as wrong } from '../errors.js';
import { multipart } from '../multipart.js';
import { type HeaderRecord, mergeHeaders } from '../request-headers.js';
import type { TraeResponse } from '../response.js';
import type { Caller } from './caller.js';
import { BINARY, type DiskFile, diskFile, toDisk, typeOf } from './disk.js';
import { Pages, type PagesOptions } from './pages.js';
import { step } from './paths.js';

/** A part of a form with the name and the type that it is sent under. */
type Part = Pick<DiskFile, 'name' | 'type' | 'size' | 'stream'>;

export class Files {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /** Sends a file: by its path, as a Blob, as bytes, or as a stream of them. */
  async upload(source: unknown, options: Options = {}): Promise<TraeResponse> {
    requireObject(options, 'the options of upload()');
    const { filename, mediaType, ...config } = options;
    for (const [name, value] of Object.entries({ filename, mediaType }))
      if (value !== undefined && (typeof value !== 'string' || value === ''))
        throw wrong(`\`${name}\` of upload() must be a string, got ${value === '' ? 'an empty one' : kindOf(value)}`);
    // A line break in it would begin a header of somebody else's, or end the part.
    if (mediaType !== undefined && !/^[\x20-\x7e]+$/.test(mediaType as string))
      throw wrong('`mediaType` of upload() has a character that may not be sent');
    const { data, headers } = await form(source, filename as string | undefined, mediaType as string | undefined);
    const given = config['headers'];
    const all = headers ? mergeHeaders(headers, given) : given;
    return this.#ask('POST', '', { ...config, ...(all !== undefined && { headers: all }) }, data);
  }

  /** What is known of it. */
  async get(id: unknown, config: Options = {}): Promise<TraeResponse> {
    return this.#ask('GET', step(id, 'a file'), config);
  }

  list(options?: PagesOptions): Pages<unknown> {
    return new Pages((config) => this.#ask('GET', '', config), options);
  }

  async delete(id: unknown, config: Options = {}): Promise<TraeResponse> {
    return this.#ask('DELETE', step(id, 'a file'), config);
  }

  /** Its content as a stream, or written to a path. */
  async download(id: unknown, options: Options = {}): Promise<TraeResponse> {
    requireObject(options, 'the options of download()');
    const { to, ...config } = options;
    if (to !== undefined && !(to instanceof URL) && (typeof to !== 'string' || to === ''))
      throw wrong(`\`to\` of download() must be a path, got ${to === '' ? 'an empty string' : kindOf(to)}`);
    const res = await this.#ask('GET', `${step(id, 'a file')}/content`, { ...config, responseType: 'stream' });
    if (to === undefined) return res;
    const path = to instanceof URL ? fileURLToPath(to) : to;
    res.data = { path, bytes: await toDisk(res.data as Readable, path) };
    return res;
  }

  #ask(method: string, path: string, config: Options, data?: unknown): Promise<TraeResponse> {
    return this.#caller.request({ ...config, method, url: this.#caller.path(`/files${path}`), data });
  }
}

/** The form that carries it, and the headers that it needs besides. */
async function form(
  source: unknown,
  filename: string | undefined,
  mediaType: string | undefined,
): Promise<{ data: unknown; headers?: HeaderRecord }> {
  const part = await partOf(source);
  if (part === undefined) return streamed(source as AsyncIterable<unknown>, filename, mediaType);
  const name = filename ?? part.name;
  if (name === undefined || name === '') throw wrong('upload() of bytes needs a `filename`');
  const named = { name, type: mediaType ?? (part.type || typeOf(name)), size: part.size, stream: () => part.stream() };
  return { data: new Form(named) };
}

/** What has a size; nothing for a stream. */
async function partOf(source: unknown): Promise<(Omit<Part, 'name'> & { name?: string }) | undefined> {
  if (typeof source === 'string' && source !== '') return diskFile(source);
  if (source instanceof URL) return diskFile(fileURLToPath(source));
  if (ArrayBuffer.isView(source) || source instanceof ArrayBuffer) return new Blob([source as ArrayBuffer]);
  if (typeof source === 'object' && source !== null) {
    if ('size' in source && 'stream' in source) return source as Part;
    if (Symbol.asyncIterator in source) return undefined;
  }
  const got = source === '' ? 'an empty string' : kindOf(source);
  throw wrong(`upload() takes a path, a Blob, bytes or a stream of them, got ${got}`);
}

/** Of a stream nobody knows the length: its form has none either. */
function streamed(source: AsyncIterable<unknown>, filename: string | undefined, mediaType: string | undefined) {
  if (filename === undefined) throw wrong('upload() of a stream needs a `filename`');
  const blank = { name: filename, type: mediaType ?? typeOf(filename), size: 0, stream: () => new Blob([]).stream() };
  const { parts, type } = multipart([['file', blank as unknown as Blob]]);
  const [head, , tail] = parts;
  const data = (async function* () {
    yield head;
    yield* source;
    yield tail;
  })();
  return { data, headers: { 'content-type': type } };
}

/** By its shape a FormData, whose Blob need be none of Node's. */
class Form {
  readonly #part: Part;

  constructor(part: Part) {
    this.#part = part;
  }

  get [Symbol.toStringTag](): string {
    return 'FormData';
  }

  *entries(): Generator<[string, Part]> {
    yield ['file', this.#part];
  }

  /** What middlewares may print. */
  toJSON(): object {
    const { name, type, size } = this.#part;
    return { file: { name, type: type || BINARY, size } };
  }
}
