/** Where calls go when a target, a key or an answer fails: circuitBreaker(), fallback(), keyPool(), hedge(). */

import type { NativeMiddleware } from '../index.js';
import type { KeyedRequest } from './cache.js';
import type { ErrorCode } from './errors.js';
import type { ConcurrencyOptions, RateLimitOptions } from './limits.js';

/** Options of `circuitBreaker()`; docs/middlewares/circuit_breaker.md says what counts. Times are in milliseconds. */
export interface CircuitBreakerOptions {
  /** The share of failures among the calls of the window that opens the circuit, from 0.01 to 1. @default 0.5 */
  failureShare?: number;
  /** How many calls of the window must have ended before their share means anything. @default 20 */
  minCalls?: number;
  /** How far back calls count. @default 30000 */
  window?: number;
  /** How long it stays open the first time; each time that the trials fail it is twice as long. @default 5000 */
  open?: number;
  /** What that never exceeds. @default 60000 */
  maxOpen?: number;
  /** How many calls are let through on trial, and must succeed before it closes. @default 3 */
  trials?: number;
  /** What has a circuit of its own: `endpoint` is origin and path, `model` is credential and model, `all` is one for all calls. @default 'origin' */
  per?: 'origin' | 'endpoint' | 'credential' | 'model' | 'all';
  /** In place of `per`: the key of what has a circuit of its own, for this request. */
  key?: (req: KeyedRequest) => string | null | undefined | Promise<string | null | undefined>;
}

/** Leaves a server alone that fails too often: calls fail at once with a CircuitOpenError, until trials succeed. */
export declare function circuitBreaker(options?: CircuitBreakerOptions): NativeMiddleware;

/** A place that answers calls in place of the client's own; what is not given is the call's own. */
export interface FallbackTarget {
  /** What it is called in `res.target`, in histories and errors. Without one it is `target 1`, `target 2` and so on. */
  name?: string;
  /** What follows the client's `baseURL` follows this one. No credential of the client's goes to another origin. */
  baseURL?: string;
  /** Its key. With one, no credential of the call's own goes along. */
  apiKey?: string;
  /** In which header the key goes: `x-api-key`, or `authorization` as a bearer. @default 'x-api-key' */
  scheme?: 'x-api-key' | 'bearer';
  /** In which header the key goes, bare; in place of `scheme`. */
  header?: string;
  /** Set over those of the call. */
  headers?: Record<string, string>;
  /** In place of the `model` of the JSON that is sent, of which nothing else changes. */
  model?: string;
  /** How often it is the first, against the others; 0 for a last resort. @default 1 */
  weight?: number;
}

/** The client's own target among those of `fallback()`. */
export interface FallbackPrimary {
  /** What it is called. @default 'primary' */
  name?: string;
  /** How often it is the first, against the others; 0 for a last resort. @default 1 */
  weight?: number;
}

/** Options of `fallback()`; docs/middlewares/fallback.md says what is sent where. */
export interface FallbackOptions {
  /** Where a call goes that fails at the client's own target, in this order. */
  targets: FallbackTarget[];
  /** The client's own target, which stands before the others; `false` where no call goes there. */
  primary?: FallbackPrimary | false;
  /** Whether the targets are tried as given, or each time drawn by weight among those that are left. @default 'ordered' */
  strategy?: 'ordered' | 'weighted';
  /** The failures that send a call on, by code or status: in place of limits, overload, 5xx, connections, timeouts, open circuits and full queues. */
  on?: (ErrorCode | number)[];
}

/** Sends a call that fails at one target to the next, while nothing of its answer was handed out. `res.target` says who has answered. */
export declare function fallback(options: FallbackOptions): NativeMiddleware;

/** A key of `keyPool()`. */
export interface PoolKey {
  /** What it is called in `res.key`, in histories, statistics and errors. Without one it is `key 1`, `key 2` and so on. */
  name?: string;
  /** The key itself; it is told nowhere. */
  apiKey: string;
  /** How many calls it can carry at once, against the others. @default 1 */
  weight?: number;
  /** A circuit of this key's alone; `true` for one with all defaults. */
  circuitBreaker?: Omit<CircuitBreakerOptions, 'key'> | boolean;
  /** A limit of this key's alone: a call that would wait for it is sent with another key where one is free. */
  rateLimit?: Omit<RateLimitOptions, 'key'> | boolean;
  /** How many calls may be under way with this key, in the same way. */
  concurrency?: Omit<ConcurrencyOptions, 'key'> | number | boolean;
}

/** Options of `keyPool()`; docs/middlewares/key_pool.md says which key is chosen. Times are in milliseconds. */
export interface KeyPoolOptions {
  /** The keys, of which each call is sent with one; a mere string is one without options of its own. */
  keys: readonly (PoolKey | string)[];
  /** In which header a key goes: `x-api-key`, or `authorization` as a bearer. @default 'x-api-key' */
  scheme?: 'x-api-key' | 'bearer';
  /** In which header a key goes, bare; in place of `scheme`. */
  header?: string;
  /** How long a key is passed over that the server refuses with 401 or 403, and the most that one is for any other reason. @default 60000 */
  rest?: number;
}

/** How a key of a pool does. */
export interface KeyStats {
  /** What it is called. */
  name: string;
  /** Calls under way with it, streams that are still read included. */
  inFlight: number;
  /** All that were made with it, those that its own circuit or limit has refused included. */
  calls: number;
  /** How long it is still passed over, in milliseconds. */
  restsMs: number;
}

/** `keyPool()`. */
export interface KeyPoolMiddleware extends NativeMiddleware {
  /** How each key does. */
  stats(): Promise<KeyStats[]>;
}

/** Sends each call with the key that has least to carry, and with the next one where a key is refused or used up. `res.key` says which. */
export declare function keyPool(options: KeyPoolOptions): KeyPoolMiddleware;

/** Options of `hedge()`; docs/middlewares/hedge.md says what a second attempt costs. Times are in milliseconds. */
export interface HedgeOptions {
  /** The second attempt always begins after this time; without it what answers have taken lately decides. */
  delay?: number;
  /** It begins when the answer is later than this share of them, from 0.5 to 0.999. @default 0.95 */
  percentile?: number;
  /** But no sooner than this. @default 50 */
  minDelay?: number;
  /** And no later than this, which holds also while too few were seen; without it there is no second attempt until then. */
  maxDelay?: number;
  /** How many answers were seen before they mean anything. @default 20 */
  minCalls?: number;
  /** How many second attempts all calls together may make; `false` for as many as are late. */
  budget?: HedgeBudget | false;
  /** Which methods may be sent twice. @default GET, HEAD, OPTIONS, POST */
  methods?: readonly string[];
  /** Whose answers are compared: `endpoint` is origin and path, `model` is credential and model. @default 'model' */
  per?: 'origin' | 'endpoint' | 'credential' | 'model' | 'all';
  /** In place of `per`: the key of those whose answers are compared, for this request. */
  key?: (req: KeyedRequest) => string | null | undefined | Promise<string | null | undefined>;
}

/** How many second attempts all calls together may make. */
export interface HedgeBudget {
  /** Second attempts per call, from 0 to 1. @default 0.1 */
  share?: number;
  /** Those per second that are allowed besides; what is not used is kept for ten seconds. @default 1 */
  minPerSecond?: number;
}

/** Makes a call a second time whose answer is late, and takes the first answer that comes; the other is given up at once. */
export declare function hedge(options?: HedgeOptions): NativeMiddleware;
