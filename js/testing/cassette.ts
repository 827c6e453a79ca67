// Calls written down in a file, and played again out of it. What is in the file Rust has decided: src/client/tape.

import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import type { CassetteRequest, Recording, Replay, ReplayOptions } from '../../testing.js';
import { type Place, placeOf, put } from '../beside.js';
import { Callback } from '../callback.js';
import { kindOf, config as wrong } from '../errors.js';
import { engine, type NativeTape, settle } from '../native.js';
import { TestTransport } from '../transport.js';
import { type Exchange, read, reply, VERSION } from './exchange.js';
import { nearest } from './nearest.js';
import { type Crossed, optionsOf, type Shown, Stage } from './stage.js';

/** How long to leave it until the next look, in ms. */
const SOON = 5;

/** Who has written a file last, by where it is: two that write into one would lose each other's exchanges. */
const pens = new Map<string, Pen>();

interface Pen {
  /** Until its recording is done. */
  writes: boolean;
}

class Tape implements Recording {
  readonly file: string;
  readonly transport: TestTransport;
  /** Held, or the engine would tell nobody. */
  readonly #callback: Callback;
  readonly #native: NativeTape;
  readonly #exchanges = new Map<number, Exchange>();
  readonly #place: Place;
  readonly #pen: Pen = { writes: true };
  /** Why the file could not be written; whoever waits for the end is told. */
  #failure: Error | undefined;

  constructor(file: string | URL) {
    this.file = fileOf(file);
    // Told before anything is recorded, and not when the first call has ended.
    this.#place = written(this.file, () => placeOf(this.file));
    if (pens.get(this.#place.path)?.writes)
      throw wrong(`the cassette ${JSON.stringify(this.file)} is being recorded already: wait for that one's done()`);
    this.#callback = new Callback((told) => this.#keep(JSON.parse(told)));
    this.#native = engine.createTape(this.#callback.number);
    this.transport = new TestTransport({ client: (config) => engine.createTapedClient(config, this.#native) });
    pens.set(this.#place.path, this.#pen);
  }

  get exchanges(): number {
    return this.#exchanges.size;
  }

  /** What comes after the last event of a stream is read when its reader has gone: nobody can tell him of its end. */
  async done(): Promise<void> {
    while (this.#native.open() > 0) await new Promise((resolve) => setTimeout(resolve, SOON));
    settle();
    // Nothing was recorded: what stood there before is no recording of these calls either.
    if (this.#exchanges.size === 0) this.#write();
    this.#pen.writes = false;
    if (this.#failure) throw this.#failure;
  }

  #keep({ place, exchange }: { place: number; exchange: Exchange }): void {
    this.#exchanges.set(place, exchange);
    this.#write();
  }

  #write(): void {
    if (pens.get(this.#place.path) !== this.#pen) {
      this.#failure = wrong(`the cassette ${JSON.stringify(this.file)} is another recording's by now`);
      return;
    }
    this.#pen.writes = true;
    const sorted = [...this.#exchanges].sort(([one], [other]) => one - other).map(([, exchange]) => exchange);
    const text = `${JSON.stringify({ version: VERSION, exchanges: sorted }, null, 2)}\n`;
    try {
      written(this.file, () => put(this.#place, text));
      this.#failure = undefined;
    } catch (error) {
      this.#failure = error as Error;
    }
  }
}

function written<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw wrong(`the cassette ${JSON.stringify(file)} can't be written: ${(cause as Error).message}`, cause);
  }
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
    const fits = this.#exchanges.filter(({ request }) => this.#fits(shown, request));
    const next = fits.find((exchange) => !this.#used.has(exchange));
    if (next === undefined) throw wrong(`the cassette ${this.#file} ${missing(shown, this.#exchanges, fits.length)}`);
    this.#used.add(next);
    return reply(next.response);
  }

  #fits(asked: CassetteRequest, recorded: CassetteRequest): boolean {
    const fits: unknown = this.#match(asked, recorded);
    if (typeof fits === 'boolean') return fits;
    // Whatever becomes of a promise, nobody waits for it.
    Promise.resolve(fits).catch(() => {});
    throw wrong(`\`match\` must return true or false, got ${kindOf(fits)}`);
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

function fileOf(file: unknown): string {
  if (typeof file === 'string' && file !== '') return file;
  if (file instanceof URL && file.protocol === 'file:') return fileURLToPath(file);
  const given = file instanceof URL ? `a URL of ${file.protocol}` : file === '' ? 'an empty text' : kindOf(file);
  throw wrong(`a cassette is a file, by its path or URL, got ${given}`);
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
