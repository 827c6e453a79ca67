/** Failures as classes; docs/errors.md. */

import type { Attempt, ResponseHeaders } from '../index.js';
import type { Message, Usage } from './messages.js';
import type { ValidationIssue } from './schemas.js';

/** Stable, for programs: docs/errors.md says of each what happened and whether it is retryable. Later versions may have more. */
export type ErrorCode =
  | 'CONFIG'
  | 'BAD_REQUEST'
  | 'AUTHENTICATION'
  | 'PERMISSION'
  | 'NOT_FOUND'
  | 'CONFLICT'
  | 'REQUEST_TOO_LARGE'
  | 'UNPROCESSABLE'
  | 'RATE_LIMIT'
  | 'OVERLOADED'
  | 'SERVER'
  | 'HTTP_STATUS'
  | 'DNS'
  | 'CONNECTION_REFUSED'
  | 'CONNECTION_RESET'
  | 'CONNECTION'
  | 'TLS'
  | 'PROXY'
  | 'INCOMPLETE'
  | 'REQUEST_BODY'
  | 'DECODE'
  | 'TIMEOUT'
  | 'ABORTED'
  | 'QUEUE_FULL'
  | 'TOO_LARGE'
  | 'REDIRECT'
  | 'INCOMPLETE_STREAM'
  | 'STREAM_IDLE'
  | 'PARSE'
  | 'VALIDATION'
  | 'API_STREAM'
  | 'CIRCUIT_OPEN'
  | 'STORE'
  | 'SESSION_BUSY'
  | 'CREDENTIAL'
  | 'MIDDLEWARE'
  | 'INTERNAL'
  | (string & {});

/** Where in its course a call failed. */
export type Phase =
  | 'prepare'
  | 'queue'
  | 'connect'
  | 'firstByte'
  | 'firstEvent'
  | 'idle'
  | 'body'
  | 'total'
  | (string & {});

/** Every failure is one of these. `message` says what happened and what to do; no secret is ever in it. */
export declare class TraeError extends Error {
  /** Stable, for programs; docs/errors.md lists all. */
  readonly code: ErrorCode;
  /** prepare, queue, connect, firstByte, firstEvent, idle, body or total. */
  readonly phase: Phase;
  /** Whether the same call may succeed if it is made again. */
  readonly retryable: boolean;
  /** How many there were. */
  readonly attempts: number;
  /** What each attempt that `retry()` made came to, the last one included. */
  readonly history?: Attempt[];
  /** That of the answer; none where there was no answer. */
  readonly status?: number;
  /** `error.type` of the API. */
  readonly type?: string;
  /** The server's name for the call. */
  readonly requestId?: string;
  /** How long the server wants to be left alone, in milliseconds. */
  readonly retryAfterMs?: number;
  /** The call that failed, as the caller wrote it; the values of its query are not shown. */
  readonly request?: { method: string; url: string };
  /** The answer that said so; not enumerable. */
  readonly response?: { status: number; statusText: string; headers: ResponseHeaders; data: any };
  /** What had come of the message, where a stream of one has failed; not enumerable, and never printed. */
  get partial(): Message | undefined;
  /** The tokens that were counted in it. */
  get usage(): Usage | undefined;
  /** The facts, without the answer and without secrets. */
  toJSON(): Record<string, unknown>;
}

/** A status that is no success. */
export declare class HttpError extends TraeError {
  /** That of the answer, or the one that an `error` event stands for. */
  readonly status: number;
}

/** 400 */
export declare class BadRequestError extends HttpError {}

/** 401 */
export declare class AuthenticationError extends HttpError {}

/** 403 */
export declare class PermissionError extends HttpError {}

/** 404 */
export declare class NotFoundError extends HttpError {}

/** 409 */
export declare class ConflictError extends HttpError {}

/** 413 */
export declare class RequestTooLargeError extends HttpError {}

/** 422 */
export declare class UnprocessableError extends HttpError {}

/** 429 */
export declare class RateLimitError extends HttpError {}

/** 529 */
export declare class OverloadedError extends HttpError {}

/** Any other 5xx. */
export declare class ServerError extends HttpError {}

/** DNS, TCP, TLS, proxy, or a connection that broke. */
export declare class ConnectionError extends TraeError {}

/** A limit of `timeout` or `pool.queueTimeout` passed; `phase` says which. */
export declare class TimeoutError extends TraeError {}

/** The caller gave up; `cause` is the signal's reason. */
export declare class AbortError extends TraeError {}

export declare class StreamError extends TraeError {}

/** The body ended before `message_stop`; see EventStream. */
export declare class IncompleteStreamError extends StreamError {}

/** No byte came for `timeout.idle`. */
export declare class StreamIdleError extends StreamError {}

/** Something that should have been JSON, or a stream of events, is not. */
export declare class ParseError extends StreamError {}

/** An `error` event of a type that has no status. */
export declare class ApiStreamError extends StreamError {}

/** An answer, or an event, is not what a schema says; the message names where. */
export declare class ValidationError extends TraeError {
  /** As the schema gave them; they may quote the answer, so they are not enumerable and never printed. */
  readonly issues: readonly ValidationIssue[];
}

/** An answer, event or header block larger than allowed. */
export declare class LimitError extends TraeError {}

/** A redirect that may not be followed. */
export declare class RedirectError extends TraeError {}

/** `pool.queueLimit` calls wait already. */
export declare class QueueFullError extends TraeError {}

/** The server fails too often and is left alone: `retryAfterMs` says until when. */
export declare class CircuitOpenError extends TraeError {}

/** The store that replicas share is away, or does not understand; `cause` says more. */
export declare class StoreError extends TraeError {}

/** The conversation has a turn under way already, here or in another process. */
export declare class SessionBusyError extends TraeError {}

/** Nothing to authenticate a call with could be had; the cause says why. */
export declare class CredentialError extends TraeError {}

/** A middleware broke the contract of the onion: see Next. */
export declare class MiddlewareError extends TraeError {}

/** An option or argument is wrong; nothing was sent. */
export declare class ConfigError extends TraeError {}
