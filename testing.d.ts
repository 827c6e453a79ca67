/** `trae-native/testing`: what the tests of a service need. Native calls pass by nock and undici's MockAgent. */

import type { TestTransport } from './index.js';
import type { Reply } from './simulator.js';

export type { Received, Reply, SimulatorOptions } from './simulator.js';
export { createSimulator, Simulator } from './simulator.js';

/** How a network fails before it answers. `TIMEOUT` is a connection that does not come about: see `timeout.connect`. */
export type ScriptedError =
  | 'DNS'
  | 'CONNECTION_REFUSED'
  | 'CONNECTION_RESET'
  | 'CONNECTION'
  | 'TLS'
  | 'PROXY'
  | 'TIMEOUT';

/** What to answer: the simulator's words, and two more. What is about a connection has no meaning here. */
export interface ScriptedReply extends Omit<Reply, 'raw' | 'rawBase64' | 'readBody' | 'stamp'> {
  /** The network fails with this code in place of an answer, after `delayMs`. */
  error?: ScriptedError;
  /** How long to wait before each write, in ms; the first counts from the headers. What has none waits `paceMs`. */
  gapsMs?: number[];
}

/** Gives a reply to a request, or promises one. What it throws fails the call, with its words and as its `cause`. */
export type ScriptedReplyFunction = (request: ScriptedRequest) => ScriptedReply | Promise<ScriptedReply>;

/** One request as it was asked. Printed, it shows no credential. */
export interface ScriptedRequest {
  readonly method: string;
  /** All of it. */
  readonly url: string;
  /** Path and query. */
  readonly path: string;
  /** In order, names in lower case. */
  readonly headers: [string, string][];
  readonly body: Buffer;
  /** When it was asked, in ms of the script's time. */
  readonly atMs: number;
  header(name: string): string | undefined;
  json(): unknown;
}

export interface ScriptedOptions {
  /**
   * Whether time passes by itself: whenever all calls wait for it and for no function of yours, it jumps to the next
   * timer. `false`: only `advance()` moves it. @default true
   */
  autoAdvance?: boolean;
}

/** A network that is played: no socket is opened, and its time is its own. */
export interface Scripted {
  /** The option `transport` of the clients that it answers: `createClient({ transport })`, `client.extend({ transport })`. */
  readonly transport: TestTransport;
  /**
   * Queues replies, or functions that give them; a request takes the first that fits. A wrong one, or a name that is
   * none of a reply's, is a ConfigError.
   */
  reply(replies: ScriptedReply | ScriptedReplyFunction | (ScriptedReply | ScriptedReplyFunction)[]): this;
  /** The reply to whatever the queue has none for. Without it such a call fails. */
  always(reply: ScriptedReply | ScriptedReplyFunction): this;
  /** What was asked, in order. */
  readonly received: ScriptedRequest[];
  /** Its time, in ms since it was made. */
  readonly now: number;
  /** Moves its time, with a stop at each timer on the way; done when all that followed from it has happened. */
  advance(ms: number): Promise<void>;
  /** Forgets what was asked, the queue and the reply to all others. */
  clear(): void;
}

export declare function createScripted(options?: ScriptedOptions): Scripted;

/** A request as a cassette has it, without the secrets that `record()` knows. */
export interface CassetteRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, string | string[]>;
  /** `{ json }`, `{ text }` or `{ base64 }`; of a form with parts only that it is one: `{ multipart: true }`. */
  readonly body?: object;
}

/** Calls as they are written down. */
export interface Recording {
  /** The option `transport` of the clients whose calls are written down; they go to the network as ever. */
  readonly transport: TestTransport;
  readonly file: string;
  /** How many there are in the file. */
  readonly exchanges: number;
  /**
   * Done when no call is under way and all are in the file; a stream ends a moment after its last event. Where nothing
   * was recorded an empty cassette is written. Fails where the file could not be written, or is another recording's
   * by now.
   */
  done(): Promise<void>;
}

export interface ReplayOptions extends ScriptedOptions {
  /**
   * Whether a recording answers this request: true or false, and nothing else. Default: method, URL and body are the
   * same, headers don't matter.
   */
  match?: (asked: CassetteRequest, recorded: CassetteRequest) => boolean;
}

/** Calls as they are played again. */
export interface Replay {
  /** The option `transport` of the clients that it answers. */
  readonly transport: TestTransport;
  /** What nobody has asked for yet. */
  readonly unused: CassetteRequest[];
  /** Its time, in ms since it was made. */
  readonly now: number;
  /** Moves its time: see `Scripted`. */
  advance(ms: number): Promise<void>;
}

/**
 * Writes exchanges with the network into a file, in place of what was there, each as soon as it has ended: attempts
 * one by one, streams event by event with their gaps. A file is recorded by one at a time in a thread: another is
 * refused until `done()`.
 *
 * Not written: what has the name of a credential (a header, a parameter, a field of JSON or of a form), keys that look
 * like `sk-ant-…` or `sk-…`, the credentials that the request was sent with wherever they stand as they are, parts of
 * forms, and what `redact()` adds. Nothing else is known for a secret: see docs/testing.md.
 */
export declare function record(file: string | URL): Recording;

/**
 * Answers out of a file that `record()` has written, each recording once, in their order. What is in none fails, and
 * its message says which comes nearest. A file that is wrong is refused here, with the place.
 */
export declare function replay(file: string | URL, options?: ReplayOptions): Replay;
