// Calls written down in a file, and played again out of it. What is in the file Rust has decided: src/client/tape.

import { accessSync, constants, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import type { CassetteRequest, Recording, Replay, ReplayOptions } from '../../testing.js';
import { Callback } from '../callback.js';
import { kindOf, config as wrong } from '../errors.js';
import { engine, type NativeTape, settle } from '../native.js';
import { portable } from '../reply.js';
import { TestTransport } from '../transport.js';
import { nearest } from './nearest.js';
import { type Crossed, optionsOf, type Shown, Stage } from './stage.js';

/** A file of another one may say other things. */
const VERSION = 1;
/** How long to leave it until the next look, in ms. */
const SOON = 5;

export interface Exchange {
  request: Shown;
  response: Answer;
}

interface Answer {
  status?: number;
  headers?: Record<string, string | string[]>;
  delayMs: number;
  body?: Content;
  events?: Event[];
  cut?: 'reset' | 'close' | 'silence';
  error?: { code: string; phase: string };
}

type Content = { json: unknown } | { text: string } | { base64: string };
type Event = { afterMs: number; event?: string } & ({ data: unknown } | { text: string } | { raw: string });

class Tape implements Recording {
  readonly file: string;
  readonly transport: TestTransport;
  /** Held, or the engine would tell nobody. */
  readonly #callback: Callback;
  readonly #native: NativeTape;
  readonly #exchanges = new Map<number, Exchange>();
  /** Why the file could not be written; whoever waits for the end is told. */
  #failure: Error | undefined;

  constructor(file: string | URL) {
    this.file = fileOf(file);
    requireFolder(this.file);
    this.#callback = new Callback((told) => this.#keep(JSON.parse(told)));
    this.#native = engine.createTape(this.#callback.number);
    this.transport = new TestTransport({ client: (config) => engine.createTapedClient(config, this.#native) });
  }

  get exchanges(): number {
    return this.#exchanges.size;
  }

  /** What comes after the last event of a stream is read when its reader has gone: nobody can tell him of its end. */
  async done(): Promise<void> {
    while (this.#native.open() > 0) await new Promise((resolve) => setTimeout(resolve, SOON));
    settle();
    if (this.#failure) throw this.#failure;
  }

  #keep({ place, exchange }: { place: number; exchange: Exchange }): void {
    this.#exchanges.set(place, exchange);
    const sorted = [...this.#exchanges].sort(([one], [other]) => one - other).map(([, exchange]) => exchange);
    const text = `${JSON.stringify({ version: VERSION, exchanges: sorted }, null, 2)}\n`;
    try {
      // Whoever reads it meanwhile finds a whole one.
      writeFileSync(`${this.file}.part`, text);
      renameSync(`${this.file}.part`, this.file);
      this.#failure = undefined;
    } catch (cause) {
      this.#failure = unwritten(this.file, cause);
    }
  }
}

/** Told before anything is recorded, and not when the first call has ended. */
function requireFolder(file: string): void {
  try {
    accessSync(dirname(file), constants.W_OK);
  } catch (cause) {
    throw unwritten(file, cause);
  }
}

function unwritten(file: string, cause: unknown): Error {
  const { code, message } = cause as NodeJS.ErrnoException;
  return wrong(`the cassette ${JSON.stringify(file)} can't be written: ${code ?? message}`, cause);
}

class Player extends Stage implements Replay {
  readonly #file: string;
  readonly #exchanges: Exchange[];
  readonly #used = new Set<Exchange>();
  readonly #match: (asked: CassetteRequest, recorded: CassetteRequest) => boolean;

  constructor(file: string | URL, options: ReplayOptions) {
    super(options);
    this.#file = fileOf(file);
    this.#exchanges = read(this.#file);
    this.#match = options.match ?? same;
  }

  get unused(): CassetteRequest[] {
    return this.#exchanges.filter((exchange) => !this.#used.has(exchange)).map(({ request }) => request);
  }

  protected override async answer({ shown }: Crossed): Promise<object> {
    const fits = this.#exchanges.filter(({ request }) => this.#match(shown, request));
    const next = fits.find((exchange) => !this.#used.has(exchange));
    if (next === undefined) throw wrong(`the cassette ${this.#file} ${missing(shown, this.#exchanges, fits.length)}`);
    this.#used.add(next);
    return reply(next.response);
  }
}

function missing(asked: Shown, exchanges: Exchange[], fitting: number): string {
  const what = `${asked.method} ${asked.url}`;
  if (fitting > 0) return `has ${what} ${fitting === 1 ? 'once' : `${fitting} times`}, and it was asked once more`;
  return `has no ${what}: ${nearest(asked, exchanges)}`;
}

/** Headers say how something is asked, and who asks. */
function same(asked: CassetteRequest, recorded: CassetteRequest): boolean {
  return asked.method === recorded.method && asked.url === recorded.url && isDeepStrictEqual(asked.body, recorded.body);
}

/** An exchange in the words of a script. */
function reply({ status, headers, delayMs, body, events, cut, error }: Answer): object {
  if (error) return { delayMs, ...failure(error) };
  const sse = events?.map(frame);
  const size = sse?.length;
  return portable({
    status,
    // These an answer would have without a word.
    headers: { 'request-id': null, 'retry-after': null, 'content-type': null, ...headers } as never,
    delayMs,
    ...(sse ? { sse: sse.join('') } : contentOf(body)),
    ...(events ? ({ gapsMs: events.map(({ afterMs }) => afterMs) } as object) : undefined),
    ...(cut === 'silence' ? (sse ? { hangAfterEvents: size } : { hang: 'body' }) : undefined),
    ...(cut === 'reset' || cut === 'close' ? { cut, ...(sse ? { cutAfterEvents: size } : cutOf(body)) } : undefined),
  });
}

/** Where no answer came: by what it was. A limit of the client's passes again by itself. */
function failure({ code, phase }: { code: string; phase: string }): object {
  if (code === 'TIMEOUT' && phase !== 'connect') return { delayMs: 0, hang: 'headers' };
  return { delayMs: code === 'TIMEOUT' ? 0 : undefined, error: code };
}

function frame(event: Event): string {
  if ('raw' in event) return event.raw;
  const name = event.event === undefined ? '' : `event: ${event.event}\n`;
  return `${name}data: ${'text' in event ? event.text : JSON.stringify(event.data)}\n\n`;
}

function contentOf(body: Content | undefined): { body?: string; bodyBase64?: string } {
  if (body === undefined) return { body: '' };
  if ('base64' in body) return { bodyBase64: body.base64 };
  return { body: 'text' in body ? body.text : JSON.stringify(body.json) };
}

function cutOf(body: Content | undefined): { cutAfterBytes: number } {
  const { body: text = '', bodyBase64 } = contentOf(body);
  return { cutAfterBytes: Buffer.byteLength(bodyBase64 ?? text, bodyBase64 === undefined ? 'utf8' : 'base64') };
}

function read(file: string): Exchange[] {
  let cassette: { version?: unknown; exchanges?: unknown };
  try {
    cassette = JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw wrong(`the cassette ${file} can't be read (record() makes it): ${(cause as Error).message}`, cause);
  }
  if (cassette?.version !== VERSION || !Array.isArray(cassette.exchanges))
    throw wrong(`${file} is no cassette of version ${VERSION}: record() makes one`);
  return cassette.exchanges;
}

function fileOf(file: unknown): string {
  if (file instanceof URL) return fileURLToPath(file);
  if (typeof file !== 'string' || file === '')
    throw wrong(`a cassette is a file, by its path or URL, got ${kindOf(file)}`);
  return file;
}

/** Writes calls down. */
export function record(file: string | URL): Recording {
  return new Tape(file);
}

/** Answers as a file says; what it has no answer for fails. */
export function replay(file: string | URL, options: ReplayOptions = {}): Replay {
  const { match } = optionsOf('replay', options, ['autoAdvance', 'match']);
  if (match !== undefined && typeof match !== 'function')
    throw wrong(`\`match\` must be a function, got ${kindOf(match)}`);
  return new Player(file, options);
}
