/** What a client and its connections do: stats() and warmup(). */

import type { TraeResponse } from '../index.js';
import type { TraeError } from './errors.js';

/** Calls and connections of one origin. */
export interface OriginStats {
  /** Scheme, host and port. */
  origin: string;
  /** Calls under way, bodies included. */
  inFlight: number;
  /** Calls that wait for a connection, or for room on one. */
  queued: number;
  /** Connections that carry those under way: one for each over HTTP/1.1, one for up to `maxStreams` over HTTP/2. */
  connections: number;
}

/** What a client does, and has done so far; clients that share a pool share these figures too. */
export interface Stats {
  /** Calls that JavaScript waits for. */
  pending: number;
  /** How often Rust woke this JavaScript environment, over all its clients. */
  wakeUps: number;
  /** Calls under way, bodies included. */
  inFlight: number;
  /** Calls that wait for a connection, or for room on one. */
  queued: number;
  /** Connections opened so far. */
  connectionsOpened: number;
  /** Calls so far; redirects and replaced sockets are not counted. */
  requests: number;
  /** Open sockets that turned out dead and were replaced without anyone noticing. */
  replacedSockets: number;
  /** The same by origin. */
  origins: OriginStats[];
  [figure: string]: unknown;
}

/** Options of `warmup()`; docs/warmup.md says what they are for. Times are in milliseconds. */
export interface WarmupOptions {
  /**
   * How many connections there shall be, those in use among them: at most `pool.maxSockets` and `pool.maxFreeSockets`.
   * Over HTTP/1.1 each carries one call, over HTTP/2 up to `pool.maxStreams`.
   * @default 1
   */
  connections?: number;
  /** What each is asked, below `baseURL`; by default `baseURL` itself. Any status will do. A prompt goes there too. */
  path?: string;
  /** @default 'HEAD' */
  method?: 'HEAD' | 'GET' | 'OPTIONS';
  /**
   * The body of a small real call, that is posted to `path` (by default `/messages`) once the connections are ready,
   * through all middlewares and within the client's own `timeout`.
   */
  prompt?: object;
  /** Until the connections are ready; 0 for no limit. @default 10000 */
  timeout?: number;
  /**
   * From one re-warm to the next: each asks on all idle connections, and opens those that are missing. It goes on
   * until the client is closed, or the signal aborted, or the next `every`; it keeps no process alive. 0 for never.
   * @default 0
   */
  every?: number;
  /** Ends the warm-up, and what `every` keeps up. */
  signal?: AbortSignal;
}

/** What there is to say of one connection. */
export interface WarmConnection {
  /** Name look-up, TCP, proxy and TLS, in milliseconds; `null` where it was open already, or failed. */
  connectMs: number | null;
  /** It was open already. */
  reused: boolean;
  /** Calls are using it, so that it was not asked. */
  inUse: boolean;
  /** Of the answer to what it was asked. */
  status?: number;
  /** `1.1` or `2`. */
  httpVersion?: string;
  /** Why there is no connection. */
  error?: TraeError;
}

export interface Warmup {
  /** As many as were asked for. */
  connections: WarmConnection[];
  /** Milliseconds until the connections were ready. */
  totalMs: number;
  /** What became of the prompt. */
  prompt?: { totalMs: number; response?: TraeResponse; error?: unknown };
}
