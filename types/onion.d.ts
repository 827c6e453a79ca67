/** Middlewares in JavaScript: what they are given, what they may make of it, and how they are added. */

import type { HeadersInit, RequestConfig, TraeResponse } from '../index.js';

/** Headers of a request: names are the same in any case, and spreading gives each once. */
export type RequestHeaders = Record<string, any>;

/** A call as middlewares see it: changed in place, or replaced by what `next(changed)` is given. */
export interface TraeRequest {
  /** As `POST`. */
  method: string;
  /** As the caller wrote it: below `baseURL` unless it is absolute. */
  url: string;
  /** The client's and the call's. One that is deleted or `null` is not sent. */
  get headers(): RequestHeaders;
  set headers(headers: HeadersInit);
  /** The client's and the call's query parameters. */
  params: any;
  /** What is sent, not yet encoded. */
  data: any;
  /** The client's and the call's options, the caller's own fields included. */
  config: RequestConfig;
  /** Aborted when the call is. */
  readonly signal: AbortSignal;
  /** From 1; one more each time that the innermost `next()` is called. */
  readonly attempt: number;
  /** One bag per call, shared by all middlewares. */
  readonly state: Record<string, any>;
  /** As it is printed: without credentials, the values of its query, and its content. */
  toJSON(): Record<string, unknown>;
}

/** An answer that a middleware makes up, with at least one of these. `status` is 200 unless it says otherwise. */
export interface MadeResponse {
  /** 200 unless it says otherwise. */
  status?: number;
  /** Empty unless it says otherwise. */
  statusText?: string;
  /** None unless it says otherwise. */
  headers?: HeadersInit;
  /** What the caller finds as `res.data`. */
  data?: unknown;
  /** What the caller finds as `res.config`. */
  config?: object;
}

/**
 * Hands the request further in; resolves with the answer, rejects with what went wrong there.
 * It may be called again once it has settled. Two calls under way at once, a call that is not awaited and one
 * after the end are MiddlewareErrors.
 */
export type Next = (
  req?: Partial<Pick<TraeRequest, 'method' | 'url' | 'params' | 'data' | 'config'>> & { headers?: HeadersInit },
) => Promise<TraeResponse>;

/** What a middleware answers with: what `next()` gave, or one that it makes up. */
export type Answer = TraeResponse | MadeResponse;

/** A layer of the onion: two parameters. What it throws is what those further out, and the caller, catch. */
export type Middleware = (req: TraeRequest, next: Next) => Answer | Promise<Answer>;

/** One parameter: changes the request, in place or by returning another. */
export type Interceptor = (req: TraeRequest) => unknown;

/** How a call ended: with an answer, whose stream has ended too, or with an error. */
export interface Outcome {
  /** The request, as this hook's place in the list sees it. */
  req: TraeRequest;
  /** The answer, where there was one; where that was a stream, without it. */
  res?: TraeResponse;
  /** A TraeError, or whatever a middleware threw: `any`. */
  error?: any;
}

/** An answer, or nothing for the one that there is. */
// biome-ignore lint/suspicious/noConfusingVoidType: a hook may as well end without `return`.
type Kept = Answer | null | undefined | void;

/** Hooks that belong together, as one entry. `finally` hears of everything, `error` also of `before`. */
export interface Hooks {
  /** Before the request: changes it, in place or by returning another. */
  before?: Interceptor;
  /** What it returns is the answer, `{ data }` for one made up; nothing leaves it as it is. */
  after?: (res: TraeResponse) => Kept | Promise<Kept>;
  /** The answer that it returns heals the call; what it throws is the error. It gets whatever was thrown: `any`. */
  error?: (error: any) => Answer | Promise<Answer>;
  /** Runs once for each call: for a stream when that has ended, been left or dropped. */
  finally?: (outcome: Outcome) => unknown;
}

export interface EntryOptions {
  /** What `inspect()` shows and `eject()` takes; by default the function's own name. */
  name?: string;
  /** Asked for each call; where it says no, the call passes by. */
  when?: (req: TraeRequest) => unknown;
}
