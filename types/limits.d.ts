/** How much is sent, and how often: rateLimit(), concurrency(), retry(), timeout(), idempotencyKey(). */

import type { NativeMiddleware } from '../index.js';
import type { KeyedRequest, StoreOptions } from './cache.js';

/** A middleware that makes calls wait. */
export interface LimiterMiddleware<Stats> extends NativeMiddleware {
  /** What it has decided so far, for all clients that it serves. */
  stats(): Promise<Stats>;
}

/** What a limit has done with calls. */
export interface LimiterStats {
  /** How many passed at once. */
  passed: number;
  /** How many passed after they had waited. */
  waited: number;
  /** How many were turned away, or waited for longer than they may. */
  refused: number;
  /** How many wait now. */
  waiting: number;
}

/** What `rateLimit()` has done. */
export interface RateLimitStats extends LimiterStats {
  /** How often the store has failed. */
  storeFailures: number;
}

/** What `concurrency()` has done, over all that it keeps apart. */
export interface ConcurrencyStats extends LimiterStats {
  /** How many calls may be under way. */
  limit: number;
  /** How many are. */
  underWay: number;
}

/** Those who wait for a limit. Times are in milliseconds. */
export interface LimitQueue {
  /** How many may wait; whoever comes then fails at once, with the wait that it would have had. @default 1000 */
  queueLimit?: number;
  /** How long one may wait; 0 for as long as the call's own limits let it. @default 0 */
  queueTimeout?: number;
}

/** How much may pass in a time. What is not given is not limited. */
export interface RateLimitAmounts {
  /** Requests. */
  requests?: number;
  /** Tokens that are read, those from the API's cache not counted: estimated before, corrected by `usage` after. */
  inputTokens?: number;
  /** Tokens that are written: expected to be what such calls have written, corrected by `usage` after. */
  outputTokens?: number;
  /** The time, in milliseconds. @default 60000 */
  interval?: number;
  /** The share of each that may pass at once, from 0 to 1; one call may always. @default 0.1 */
  burst?: number;
}

/** Options of `rateLimit()`; docs/middlewares/rate_limit.md. */
export interface RateLimitOptions extends RateLimitAmounts, LimitQueue {
  /** More limits, that hold at once with those above. */
  limits?: readonly RateLimitAmounts[];
  /** What has limits of its own: `model` is each credential and model, as the API's own limits are. @default 'model' */
  per?: 'credential' | 'model' | 'origin' | 'endpoint' | 'all';
  /** In place of `per`: calls with the same key share the limits. */
  key?: (req: KeyedRequest) => string | null | undefined | Promise<string | null | undefined>;
  /** Whether `anthropic-ratelimit-*` headers and a 429 with `retry-after` are obeyed. @default true */
  adapt?: boolean;
  /** Redis or Valkey, where replicas share the limits: its URL, or more. */
  store?: string | StoreOptions;
  /** What calls do while the store is away: all pass, all fail, or each replica holds the limits by itself. @default 'local' */
  onStoreFailure?: 'open' | 'closed' | 'local';
  /** How much a replica takes ahead of the store: what the whole rate brings in so many milliseconds. @default 1000 */
  lease?: number;
}

/**
 * Holds requests and tokens to a rate; calls wait for their turn. Outside of `retry()` a call counts once, inside of it
 * each attempt does. Without limits of its own it follows what the API says of its limits.
 */
export declare function rateLimit(options?: RateLimitOptions): LimiterMiddleware<RateLimitStats>;

/** How `concurrency()` finds its limit. */
export interface AdaptiveConcurrency {
  /** What it begins with. @default 8 */
  initial?: number;
  /** What is left of it when the server is overloaded, from 0.1 to 0.95. @default 0.75 */
  backoff?: number;
  /** An answer whose headers take longer, in milliseconds, says that the server is overloaded; 0 for none. @default 0 */
  slow?: number;
}

/** Options of `concurrency()`; docs/middlewares/concurrency.md. */
export interface ConcurrencyOptions extends LimitQueue {
  /** How many calls may be under way, streams until their end. Without it the limit adapts. */
  limit?: number;
  /** In place of `limit`: up by one with each round that goes well, down by a share when the server is overloaded. */
  adaptive?: boolean | AdaptiveConcurrency;
  /** The least that an adaptive limit becomes. @default 1 */
  min?: number;
  /** The most that it becomes. @default 256 */
  max?: number;
  /** What has a limit of its own. @default 'origin' */
  per?: 'credential' | 'model' | 'origin' | 'endpoint' | 'all';
  /** In place of `per`: calls with the same key share a limit. */
  key?: (req: KeyedRequest) => string | null | undefined | Promise<string | null | undefined>;
}

/** Lets only so many calls be under way; the others wait for their turn. A number is `limit`. */
export declare function concurrency(options?: number | ConcurrencyOptions): LimiterMiddleware<ConcurrencyStats>;

/** Options of `retry()`; docs/middlewares/retry.md says what is retried. Times are in milliseconds. */
export interface RetryOptions {
  /** Attempts after the first; 0 for none. @default 2 */
  maxRetries?: number;
  /** The longest wait before the second attempt. @default 500 */
  base?: number;
  /** What the longest wait is multiplied by after each attempt. @default 2 */
  factor?: number;
  /** What the longest wait never exceeds; 0 for no cap. @default 8000 */
  cap?: number;
  /** How a wait is drawn. @default 'full' */
  jitter?: 'full' | 'equal' | 'decorrelated' | 'none' | 'fixed';
  /** From the start of the call until it is answered, attempts and waits included; 0 for none. @default 0 */
  deadline?: number;
  /** The longest wait that a server may ask for; 0 for any. @default 60000 */
  maxRetryAfter?: number;
}

/** Retries per call that all calls together may make, and per second besides. */
export interface RetryBudget {
  /** From 0 to 1. @default 0.2 */
  share?: number;
  /** @default 10 */
  minPerSecond?: number;
}

/** What a middleware has for all its calls, and a call can't set. */
export interface RetryMiddlewareOptions extends RetryOptions {
  /** Keeps retries from becoming a storm when much fails; `false` for no such limit. */
  budget?: RetryBudget | false;
  /**
   * In place of our judgement of a failure, which is `error.retryable`; lifts no other limit. `attempt` counts from
   * 1. `error` is `any`: a TraeError, or whatever else a middleware further in has thrown.
   */
  shouldRetry?: (error: any, attempt: number) => boolean | Promise<boolean>;
  /**
   * Hears of each retry before its wait, which it does not delay. What it throws is an uncaught exception. `error` is
   * `any`, as for `shouldRetry`.
   */
  onRetry?: (error: any, attempt: number, waitMs: number) => void;
}

/** Makes a call again that failed in a way that may heal. A number is `maxRetries`. */
export declare function retry(options?: number | RetryMiddlewareOptions): NativeMiddleware;

/** Gives up on what stands inside of it. A number is `after`. */
export declare function timeout(
  options?:
    | number
    | {
        /** Milliseconds; 0 for no limit. @default 600000 */
        after?: number;
        /** Whether it limits a stream to its end, and not only until it begins. @default false */
        stream?: boolean;
      },
): NativeMiddleware;

export interface IdempotencyKeyOptions {
  /** @default 'idempotency-key' */
  header?: string;
  /** The methods whose requests get a key. @default POST, PUT, PATCH, DELETE */
  methods?: readonly string[];
}

/** Names each call to the server by a header, the same over its attempts. */
export declare function idempotencyKey(options?: IdempotencyKeyOptions): NativeMiddleware;
