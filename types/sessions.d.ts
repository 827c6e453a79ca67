/** Conversations; docs/sessions.md. */

import type { EventStream, RequestConfig, TraeResponse } from '../index.js';
import type { Message, MessageEvent } from './messages.js';
import type { Outermost } from './schemas.js';

/** How much the sessions of a client may take in memory. */
export interface SessionsOptions {
  /** How many there are at most; another takes the place of the one that was used least lately. @default 10000 */
  maxSessions?: number;
  /** Bytes that they take together, in the same way. @default 67108864 */
  maxBytes?: number;
}

/** How a session speaks and is kept. */
export interface SessionOptions {
  /** The model; without one each turn names its own. */
  model?: string;
  /** The system prompt: it is sent with each turn and not kept. */
  system?: string | readonly object[];
  /** The longest answer, in tokens: `max_tokens`. By default 4096. */
  maxTokens?: number;
  /** Where turns are posted. By default `/v1/messages`, and `/messages` below a `baseURL` that ends with `/v1`. */
  path?: string;
  /** Milliseconds that it is kept after its last turn. @default 86400000 */
  ttl?: number;
  /** Tokens that are sent at most, system prompt, tools and new turn included, by estimate. @default 100000 */
  window?: number;
  /** Whether a turn waits while another is under way, or is refused with a SessionBusyError. @default 'wait' */
  onBusy?: 'wait' | 'refuse';
  /** Milliseconds that it waits before it is refused all the same. @default 60000 */
  busyTimeout?: number;
  /** Milliseconds after which the session is free again if the process that speaks has died. @default 15000 */
  lease?: number;
}

/** What one turn has of its own: options of its call, and members of its body. */
export interface TurnOptions
  extends Pick<
    RequestConfig,
    | 'headers'
    | 'params'
    | 'timeout'
    | 'signal'
    | 'retry'
    | 'redirect'
    | 'maxResponseBytes'
    | 'maxEventBytes'
    | 'pings'
    | 'validateStatus'
    | 'transformRequest'
    | 'transformResponse'
    | 'middlewares'
    | 'cache'
    | 'priority'
    | 'skipValidation'
  > {
  /** In place of the session's. */
  maxTokens?: number;
  /** Options of the call that are none of the above: those that middlewares read. */
  config?: RequestConfig;
  /** Any other member of the body: `model`, `system`, `tools`, `temperature`. */
  [member: string]: any;
}

/** What `export()` gives and `import()` takes. */
export interface ExportedSession {
  /** Of the form; this is 1. */
  version: number;
  /** Of the session that it was. */
  id: string;
  /** All of them, as the API takes them. */
  messages: object[];
}

/** A conversation. Its turns follow each other, whoever makes them, and are kept whole or not at all. */
export interface Session<D = any, E = any> {
  /** The name that it is found by. */
  readonly id: string;
  /** Says a text, or blocks of content; the answer is there when both are kept. */
  send(
    content: string | readonly object[],
    options?: TurnOptions,
  ): Promise<TraeResponse<unknown extends D ? Message : D>>;
  /** The same as a stream: both are kept before its last event comes. */
  stream(content: string | readonly object[], options?: TurnOptions): Promise<EventStream<Outermost<E, MessageEvent>>>;
  /** The messages, of the last so many turns or of all. */
  history(options?: { last?: number }): Promise<object[]>;
  /** Forgets all but the last so many turns, and those that they answer; says how many it has forgotten. */
  trim(keep: number): Promise<number>;
  /** Another session with the same turns; there must be none of that id. */
  fork(id: string, options?: SessionOptions): Promise<Session<D, E>>;
  /** Forgets it all, and says whether there was something. A turn that is under way will not be kept. */
  delete(): Promise<boolean>;
  /** All of it, to be kept elsewhere. */
  export(): Promise<ExportedSession>;
  /** What `export()` gave, into this session, which must have no turn yet. */
  import(exported: ExportedSession): Promise<void>;
}
