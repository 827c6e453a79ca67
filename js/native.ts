// The JavaScript end of the mailbox: one wake-up, one drain, every call told what happened to it.
// The layout of a letter is that of src/node/drain.rs.

import type { AtHand } from './at-once.js';
import type { Batch } from './channel.js';
import { described, fromFailure, ParseError, type TraeError } from './errors.js';
import { drop, heldAs } from './held.js';
import { load } from './load.js';
import type { Last } from './result.js';
import { surface } from './words.js';

/** The addon, as napi made it. */
export interface NativeClient {
  /** Whether a call is worth a try at once. */
  readonly atOnce: boolean;
  extend(config: string): NativeClient | string;
  layered(layers: (NativeMiddleware | number)[], conditions: (number | undefined)[]): NativeClient | string;
  stats(): string;
  describeStatus(status: number, headers: string, body: Uint8Array, sent: string): string;
  metrics(format: string): [string] | string;
}

/** A middleware that runs in Rust. */
export interface NativeMiddleware {
  invalidate(): void;
  check(options: string): string | null;
  shown(text: string): string;
}

/** What keeps connections up; it ends when it is collected, too. */
export interface NativeKeeper {
  stop(): void;
}

/** A network that is played, in a time of its own. */
export interface NativeScript {
  now(): number;
  calls(): number;
}

/** Where exchanges with the network are written down. */
export interface NativeTape {
  open(): number;
}

interface Engine {
  createMiddleware(kind: string, options: string, functions: Record<string, number>): NativeMiddleware | string;
  createClient(config: string): NativeClient | string;
  createScript(ask: number): NativeScript;
  createScriptedClient(config: string, script: NativeScript): NativeClient | string;
  createTape(keep: number): NativeTape;
  createTapedClient(config: string, tape: NativeTape): NativeClient | string;
  checkReply(reply: string): void;
  quiet(script: NativeScript, id: number, regardless: boolean): void;
  step(script: NativeScript, id: number, most: number): void;
  send(
    client: NativeClient,
    id: number,
    method: string,
    url: string,
    json: string | undefined,
    bytes: Uint8Array | undefined,
    contentType: string | undefined,
    options: string | undefined,
    upload: boolean,
    attempts: number,
    again: number | undefined,
  ): number;
  useSlab(slab: Float64Array): void;
  sendAtOnce(
    client: NativeClient,
    id: number,
    method: string,
    url: string,
    json: string | undefined,
    options: string | undefined,
    attempts: number,
    again: number | undefined,
  ): string | null;
  warmup(client: NativeClient, id: number, options: string): void;
  ask(middleware: NativeMiddleware, id: number, question: string, about: string): void;
  keepWarm(client: NativeClient, options: string): NativeKeeper | string | null;
  next(
    passage: number,
    id: number,
    method: string | undefined,
    url: string | undefined,
    params: string | undefined,
    headers: string | undefined,
    data: boolean,
    json: string | undefined,
    bytes: Uint8Array | undefined,
    contentType: string | undefined,
    upload: boolean,
    length: number | undefined,
  ): void;
  giveUp(passage: number): void;
  openStream(passage: number, id: number): void;
  asItCame(passage: number): void;
  made(
    passage: number,
    status: number,
    headers: string,
    url: string | undefined,
    content: string,
    attempts: number,
    held: number,
  ): void;
  thrown(passage: number, held: number, words: string): void;
  chosen(passage: number, passes: boolean): void;
  answer(question: number, json: string): void;
  answerThrown(question: number, held: number, words: string): void;
  drain(values: unknown[]): number;
  abort(id: number): void;
  grant(id: number, bytes: number): void;
  want(id: number, what: string, unlimited: boolean): void;
  soFar(id: number, usage: boolean): string | null;
  upload(id: number, piece: Uint8Array): boolean;
  uploadEnd(id: number, failure?: string): void;
  flushLog(): void;
  counters(): number[];
  optionDefaults(): string;
  readonly letterSlots: number;
}

interface Binding {
  Engine: new (wake: () => void) => Engine;
  NativeSimulator: new (options: string) => never;
  NativeProxy: { new (sources: string): never; defaults(): string };
}

// In a bundle that is an ES module there is no `__filename`: it is the program, or what the program has beside it.
const here = typeof __filename === 'string' ? __filename : (process.argv[1] ?? `${process.cwd()}/program`);

export const native = load(here) as Binding;

/** What an answer's head says, before anybody asks for its headers. */
export interface Head {
  status: number;
  attempts: number;
  queuedMs: number;
  connectMs: number | null;
  firstByteMs: number | null;
  /** From the start of the call; both become known later where the content is a stream. */
  firstEventMs: number | null;
  totalMs: number | null;
  /** How much older the answer is than its text says. */
  agedMs: number;
  /** Reason phrase, protocol, URL, attempts, the error that it may stand for, where it came from (each as JSON or nothing), then a line per header. */
  text: string;
}

export const enum Form {
  Empty = 0,
  Json = 1,
  Text = 2,
  Buffer = 3,
  /** A value that stayed in JavaScript; the content is its number, below zero for the last time. */
  Kept = 4,
}

/** How a call has come to a group of middlewares. */
export interface Entry {
  passage: number;
  group: number;
  attempt: number;
  /** The passage that it has come from, and the lane of attempts under way at once that it is in; 0 for none. */
  parent: number;
  lane: number;
}

/** Whoever waits for a call. None of these may throw. */
export interface Listener {
  settled(head: Head, form: Form, content: unknown): void;
  opened(head: Head, events: boolean): void;
  /** With an error of the engine's; or with what JavaScript threw itself, after so many attempts. */
  failed(error: unknown, attempts?: number): void;
  entered(entry: Entry, headers: string): void;
  events(batch: Batch, firstMs: number): void;
  bytes(chunk: Buffer, size: number, firstMs: number): void;
  ended(error: TraeError | undefined, last?: Last, firstMs?: number): void;
  room(): void;
}

const enum Kind {
  Settled = 0,
  Opened = 1,
  Failed = 2,
  Events = 3,
  Bytes = 4,
  Room = 5,
  Entered = 6,
  Left = 7,
  Asked = 8,
  Unasked = 9,
  Dropped = 10,
  Recalled = 11,
}

const MOST = 256;
/** Two values per letter, and behind the last letter's the small batches of all streams. */
const values: unknown[] = new Array(2 * MOST + 1).fill(undefined);
let shared: unknown[][] = [];
let nextShared = 0;
const listeners = new Map<number, Listener>();
/** Whom to tell when nobody waits for a passage any more. */
export const leaves = new Map<number, () => void>();
/** Who answers what Rust asks. */
export const questions = {
  asked: (_callback: number, _question: number, _text: string): void => {},
  unasked: (_question: number): void => {},
};
let lastId = 0;

export const engine = new native.Engine(wake);
const SLOTS = engine.letterSlots;
const slab = new Float64Array(SLOTS * MOST);
engine.useSlab(slab);

/** A number for a new call. */
export function number(): number {
  do lastId = (lastId + 1) >>> 0;
  while (listeners.has(lastId));
  return lastId;
}

/** Expects letters for a new call under the number returned, its own where it has one. */
export function listen(listener: Listener, id = number()): number {
  listeners.set(id, listener);
  return id;
}

/** The answer that was at hand, and for how long it may be given again; of a call that is under way, its name. */
export function atHand(answer: string | null): (AtHand & { reuseMs: number }) | number {
  told = slab[SLOTS + 2] as number;
  if (answer === null) return slab[0] as number;
  const length = slab[SLOTS] as number;
  const [head, content] = [headAt(0, answer.slice(0, length)), answer.slice(length)];
  return { head, form: slab[3] as Form, content, reuseMs: slab[SLOTS + 1] as number };
}

/** How often answers that are given again were recalled: by letters, and as a call was told that had no letter. */
let recalled = 0;
let told = 0;

/** Another number whenever some were. */
export function recalls(): number {
  return recalled + told;
}

/** Ends a call in Rust; none of its letters is delivered any more. */
export function abandon(id: number): void {
  if (listeners.delete(id)) engine.abort(id);
}

/** Fetches what there is to fetch; says whether some task of the engine may still have something to say. */
export function settle(): boolean {
  const alive = (engine.counters()[2] ?? 0) > 0;
  wake();
  return alive;
}

let letters = 0;

/** How many letters there have been. */
export function delivered(): number {
  return letters;
}

function wake(): void {
  let count: number;
  do {
    count = engine.drain(values);
    letters += count;
    unshare(2 * count);
    for (let place = 0; place < count; place++) {
      try {
        deliver(place * SLOTS, place * 2);
      } catch (error) {
        // A listener's fault must not cost the others their letters; it surfaces on its own.
        surface(error);
      }
    }
  } while (count === MOST);
}

/** One parse for the events of all streams. Rust has checked each; a fault of ours must not pass for events. */
function unshare(place: number): void {
  const text = values[place];
  nextShared = 0;
  shared = [];
  if (text === undefined) return;
  values[place] = undefined;
  try {
    shared = JSON.parse(text as string);
  } catch {}
}

function deliver(at: number, value: number): void {
  const first = values[value];
  const second = values[value + 1];
  values[value] = undefined;
  values[value + 1] = undefined;
  const id = slab[at] as number;
  const listener = listeners.get(id);
  const kind = slab[at + 1] as Kind;
  // A value that was on its way to a call that has gone is nobody's.
  if (kind === Kind.Settled && listener === undefined && slab[at + 3] === Form.Kept) heldAs(second as number);
  if (kind === Kind.Left) leaves.get(id)?.();
  else if (kind === Kind.Asked) questions.asked(id, slab[at + 2] as number, first as string);
  else if (kind === Kind.Unasked) questions.unasked(id);
  else if (kind === Kind.Dropped) drop(id);
  else if (kind === Kind.Recalled) recalled++;
  else if (kind === Kind.Events || kind === Kind.Bytes) piece(listener, at, first, second);
  else if (listener !== undefined) tell(listener, at, first, second);
}

function tell(listener: Listener, at: number, first: unknown, second: unknown): void {
  const id = slab[at] as number;
  switch (slab[at + 1] as Kind) {
    case Kind.Settled:
      listeners.delete(id);
      listener.settled(headAt(at, first as string), slab[at + 3] as Form, second);
      break;
    case Kind.Opened:
      listener.opened(headAt(at, first as string), slab[at + 3] === 1);
      break;
    case Kind.Failed: {
      listeners.delete(id);
      const { error, attempts } = described(first as string);
      listener.failed(error, attempts);
      break;
    }
    case Kind.Entered:
      listener.entered(entry(at), first as string);
      break;
    case Kind.Room:
      listener.room();
      break;
  }
}

function entry(at: number): Entry {
  const [passage, group, attempt, parent, lane] = slab.subarray(at + 2, at + 7) as unknown as [
    number,
    number,
    number,
    number,
    number,
  ];
  return { passage, group, attempt, parent, lane };
}

function piece(listener: Listener | undefined, at: number, content: unknown, last: unknown): void {
  const size = slab[at + 3] as number;
  const count = slab[at + 4] as number;
  const firstMs = slab[at + 7] as number;
  const end = slab[at + 2];
  const isEvents = slab[at + 1] === Kind.Events;
  // Taken off also where nobody listens any more: the next batch is the next stream's.
  const packed = isEvents && slab[at + 5] === 1 ? shared[nextShared++] : content;
  if (listener === undefined) return;
  if (end !== 0) listeners.delete(slab[at] as number);
  if (count > 0 && packed === undefined) {
    abandon(slab[at] as number);
    listener.ended(new ParseError({ code: 'PARSE', phase: 'body', message: 'events could not be parsed' }));
    return;
  }
  if (count > 0 && isEvents) listener.events({ packed: packed as Batch['packed'], size }, firstMs);
  else if (count > 0) listener.bytes(packed as Buffer, size, firstMs);
  if (end === 2) listener.ended(fromFailure(last as string) as TraeError, undefined, firstMs);
  else if (end === 3) listener.ended(undefined, { message: last as string }, firstMs);
  else if (end === 4) listener.ended(undefined, { why: last as string }, firstMs);
  else if (end !== 0) listener.ended(undefined, undefined, firstMs);
}

function headAt(at: number, text: string): Head {
  return {
    status: slab[at + 2] as number,
    attempts: slab[at + 4] as number,
    queuedMs: slab[at + 5] as number,
    connectMs: known(slab[at + 6] as number),
    firstByteMs: known(slab[at + 7] as number),
    firstEventMs: null,
    totalMs: null,
    agedMs: 0,
    text,
  };
}

function known(ms: number): number | null {
  return ms < 0 ? null : ms;
}
