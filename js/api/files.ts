// Files of the Claude API: sent and fetched as they are read and written, never whole in memory.

import { type Options, requireObject } from '../config.js';
import { kindOf, config as wrong } from '../errors.js';
import { multipart } from '../multipart.js';
import { requireSpelt } from '../names.js';
import { type HeaderRecord, mergeHeaders } from '../request-headers.js';
import type { TraeResponse } from '../response.js';
import type { Caller } from './caller.js';
import { BINARY, type DiskFile, diskFile, pathOf, targetOf, toDisk, typeOf } from './disk.js';
import { requireAnswer } from './object.js';
import { Pages, type PagesOptions } from './pages.js';
import { step } from './paths.js';

/** A part of a form with the name and the type that it is sent under, and its bytes where they are in memory. */
type Part = Pick<DiskFile, 'name' | 'type' | 'size' | 'stream'> & { held?: Uint8Array | undefined };

/** What may be sent: a Blob says its bytes, too. */
type Unnamed = Omit<Part, 'name'> & { name?: string; arrayBuffer?(): Promise<ArrayBuffer> };

/** Bytes of so many are sent in one piece, which can be sent again; more of them would be copied for that. */
const IN_ONE_PIECE = 8 << 20;

export class Files {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /** Sends a file: by its path, as a Blob, as bytes, or as a stream of them. */
  async upload(source: unknown, options: Options = {}): Promise<TraeResponse> {
    requireObject(options, 'the options of upload()');
    requireSpelt(options, ['filename', 'mediaType']);
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
    return requireAnswer(
      await this.#ask('POST', '', { ...config, ...(all !== undefined && { headers: all }) }, data),
      'a file',
    );
  }

  /** What is known of it. */
  async get(id: unknown, config: Options = {}): Promise<TraeResponse> {
    return requireAnswer(await this.#ask('GET', step(id, 'a file'), config), 'a file');
  }

  list(options?: PagesOptions): Pages<unknown> {
    return new Pages((config) => this.#ask('GET', '', config), this.#caller, options);
  }

  async delete(id: unknown, config: Options = {}): Promise<TraeResponse> {
    return this.#ask('DELETE', step(id, 'a file'), config);
  }

  /** Its content as a stream, or written to a path. */
  async download(id: unknown, options: Options = {}): Promise<TraeResponse> {
    requireObject(options, 'the options of download()');
    requireSpelt(options, ['to']);
    const { to, ...config } = options;
    if (to !== undefined && !(to instanceof URL) && (typeof to !== 'string' || to === ''))
      throw wrong(`\`to\` of download() must be a path, got ${to === '' ? 'an empty string' : kindOf(to)}`);
    const url = `${step(id, 'a file')}/content`;
    if (to === undefined) return this.#ask('GET', url, { ...config, responseType: 'stream' });
    const path = pathOf(to, '`to` of download()');
    const place = targetOf(path);
    const res = await this.#ask('GET', url, { ...whole(config), responseType: 'stream' });
    res.data = { path, bytes: await toDisk(res, place, path) };
    return res;
  }

  #ask(method: string, path: string, config: Options, data?: unknown): Promise<TraeResponse> {
    return this.#caller.request({ ...config, method, url: this.#caller.path(`/files${path}`), data });
  }
}

/** A mere number limits a stream until it begins, and what is written to a file a caller waits for as a whole. */
function whole(config: Options): Options {
  const { timeout } = config;
  return typeof timeout === 'number' && timeout > 0 ? { ...config, timeout: { total: timeout } } : config;
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
  const { size } = part;
  const type = mediaType ?? (part.type || typeOf(name));
  return { data: new Form({ name, type, size, stream: () => part.stream(), held: await heldOf(part) }) };
}

/** The bytes of a small Blob. One that can't be read says so when it is sent, as one that is not small does. */
async function heldOf(part: { size: number; arrayBuffer?(): Promise<ArrayBuffer> }): Promise<Uint8Array | undefined> {
  if (part.size > IN_ONE_PIECE || typeof part.arrayBuffer !== 'function') return undefined;
  try {
    const bytes = new Uint8Array(await part.arrayBuffer());
    return bytes.length === part.size ? bytes : undefined;
  } catch {
    return undefined;
  }
}

/** What has a size; nothing for a stream. */
async function partOf(source: unknown): Promise<Unnamed | undefined> {
  if ((typeof source === 'string' && source !== '') || source instanceof URL)
    return diskFile(pathOf(source, 'the file of upload()'));
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
