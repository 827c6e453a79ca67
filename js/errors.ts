// Failures as classes. They cross as data; this table is the only place that turns a code into a class.

import { inspect } from 'node:util';
import { type Attempt, attempts, type Listed } from './attempts.js';
import { Headers } from './headers.js';
import { heldAs } from './held.js';
import type { Issue } from './schema.js';
import { withoutKeys } from './secrets.js';

/** A failure as Rust describes it (`src/node/text.rs`). */
export interface Failure {
  /** The number of what JavaScript threw, where that is the failure. */
  thrown: number | null;
  code: string;
  phase: string;
  message: string;
  status: number | null;
  type: string | null;
  requestId: string | null;
  retryable: boolean;
  retryAfterMs: number | null;
  attempts: number;
  history: Listed[];
  /** A number stands for what JavaScript threw. */
  causes: (string | number)[];
  /** What had come of the message, as JSON. */
  partial?: string | null;
  response: { status: number; statusText: string; headers: string; body: string } | null;
}

/** The answer that came with a failure. */
export interface ErrorResponse {
  status: number;
  statusText: string;
  headers: Headers;
  data: unknown;
}

/** Those whose causes are being printed. */
const printing = new Set<TraeError>();

export class TraeError extends Error {
  readonly code: string;
  readonly phase: string;
  readonly retryable: boolean;
  attempts: number;
  declare readonly status?: number;
  declare readonly type?: string;
  declare requestId?: string;
  declare readonly retryAfterMs?: number;
  declare readonly response?: ErrorResponse;
  /** What each attempt that `retry()` made came to, the last one included. */
  declare readonly history?: Attempt[];
  /** The call that failed; its query is not shown. */
  declare request?: { method: string; url: string };

  /** As any error, for tests and middlewares of a service; or from what Rust has described, with its cause. */
  constructor(given?: string | (Partial<Failure> & { message: string }), cause?: unknown) {
    const ours = typeof given === 'object';
    const failure: Partial<Failure> & { message: string } = ours ? given : { message: given ?? '' };
    // It may quote a name that the caller has taken for something else, and that is a key.
    super(withoutKeys(failure.message), cause === undefined ? undefined : ours ? { cause } : (cause as ErrorOptions));
    this.code = failure.code ?? codeOf(new.target);
    this.phase = failure.phase ?? 'prepare';
    this.retryable = failure.retryable ?? false;
    this.attempts = failure.attempts ?? 1;
    if (failure.status != null) this.status = failure.status;
    if (failure.type != null) this.type = failure.type;
    if (failure.requestId != null) this.requestId = failure.requestId;
    if (failure.retryAfterMs != null) this.retryAfterMs = failure.retryAfterMs;
    if (failure.history?.length) this.history = attempts(failure.history);
    if (failure.response) {
      const { status, statusText, headers, body } = failure.response;
      const response = { status, statusText, headers: Headers.parse(headers), data: parsed(body) };
      // Not enumerable: a logger that walks an error's fields would print whole answers.
      Object.defineProperty(this, 'response', { value: response });
    }
    this.#partial = failure.partial ?? undefined;
    if (failure.code === 'INTERNAL') Error.captureStackTrace?.(this, TraeError);
  }

  /** Shows who called, in place of where the failure was read. */
  place(below: (...args: never[]) => unknown): void {
    if (this.#placed || !Object.isExtensible(this)) return;
    this.#placed = true;
    Error.captureStackTrace?.(this, below);
  }

  #placed = false;
  #partial: string | object | undefined;

  /** What had come of the message that failed. Of the class and not of the object: nothing that walks an error prints it. */
  get partial(): object | undefined {
    if (typeof this.#partial === 'string') this.#partial = JSON.parse(this.#partial) as object;
    return this.#partial;
  }

  /** The tokens that were counted in it. */
  get usage(): unknown {
    return (this.partial as { usage?: unknown } | undefined)?.usage;
  }

  override get name(): string {
    return this.constructor.name;
  }

  /** The facts, without the answer's body. */
  toJSON(): Record<string, unknown> {
    const { name, message, code, phase, status, type, request, requestId, retryable, retryAfterMs } = this;
    const { attempts, history } = this;
    return { name, message, code, phase, status, type, request, requestId, retryable, retryAfterMs, attempts, history };
  }

  [inspect.custom](_depth: number, options: object): string {
    // A cause may lead back to where it came from.
    if (printing.has(this)) return `[circular ${this.name}]`;
    printing.add(this);
    try {
      return this.#printed(options);
    } finally {
      printing.delete(this);
    }
  }

  #printed(options: object): string {
    const { name: _name, message: _message, ...facts } = this.toJSON();
    const shown = Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
    const cause = this.cause === undefined ? '' : `\n  [cause]: ${inspect(this.cause, options)}`;
    return `${this.stack ?? this.message} ${inspect(shown, options)}${cause}`;
  }
}

export class HttpError extends TraeError {}
export class BadRequestError extends HttpError {}
export class AuthenticationError extends HttpError {}
export class PermissionError extends HttpError {}
export class NotFoundError extends HttpError {}
export class ConflictError extends HttpError {}
export class RequestTooLargeError extends HttpError {}
export class UnprocessableError extends HttpError {}
export class RateLimitError extends HttpError {}
export class OverloadedError extends HttpError {}
export class ServerError extends HttpError {}
export class ConnectionError extends TraeError {}
export class TimeoutError extends TraeError {}
export class AbortError extends TraeError {}
export class StreamError extends TraeError {}
export class IncompleteStreamError extends StreamError {}
export class StreamIdleError extends StreamError {}
export class ParseError extends StreamError {}
export class ApiStreamError extends StreamError {}
export class LimitError extends TraeError {}
export class RedirectError extends TraeError {}
export class QueueFullError extends TraeError {}
export class CircuitOpenError extends TraeError {}
export class StoreError extends TraeError {}
export class SessionBusyError extends TraeError {}
export class ConfigError extends TraeError {}
export class CredentialError extends TraeError {}
export class MiddlewareError extends TraeError {}

/** An answer is not what a schema says. */
export class ValidationError extends TraeError {
  declare readonly issues: readonly Issue[];

  constructor(failure: Partial<Failure> & { message: string }, issues: readonly Issue[]) {
    super(failure);
    // Not enumerable: schemas quote what they found, and a logger that walks an error's fields would print it.
    Object.defineProperty(this, 'issues', { value: issues });
  }
}

const CLASSES: Record<string, typeof TraeError> = {
  BAD_REQUEST: BadRequestError,
  AUTHENTICATION: AuthenticationError,
  PERMISSION: PermissionError,
  NOT_FOUND: NotFoundError,
  CONFLICT: ConflictError,
  REQUEST_TOO_LARGE: RequestTooLargeError,
  UNPROCESSABLE: UnprocessableError,
  RATE_LIMIT: RateLimitError,
  OVERLOADED: OverloadedError,
  SERVER: ServerError,
  HTTP_STATUS: HttpError,
  CONNECTION: ConnectionError,
  DNS: ConnectionError,
  CONNECTION_REFUSED: ConnectionError,
  CONNECTION_RESET: ConnectionError,
  TLS: ConnectionError,
  PROXY: ConnectionError,
  INCOMPLETE: ConnectionError,
  REQUEST_BODY: ConnectionError,
  DECODE: ConnectionError,
  TIMEOUT: TimeoutError,
  ABORTED: AbortError,
  INCOMPLETE_STREAM: IncompleteStreamError,
  STREAM_IDLE: StreamIdleError,
  PARSE: ParseError,
  API_STREAM: ApiStreamError,
  TOO_LARGE: LimitError,
  REDIRECT: RedirectError,
  QUEUE_FULL: QueueFullError,
  CONFIG: ConfigError,
  CIRCUIT_OPEN: CircuitOpenError,
  STORE: StoreError,
  SESSION_BUSY: SessionBusyError,
  CREDENTIAL: CredentialError,
  MIDDLEWARE: MiddlewareError,
  INTERNAL: TraeError,
};

/** Of an error that was made by hand: the first code of its class. */
function codeOf(made: unknown): string {
  return Object.keys(CLASSES).find((code) => CLASSES[code] === made) ?? 'INTERNAL';
}

/** The error that Rust described, with its causes as a chain; what JavaScript threw is itself. */
export function fromFailure(json: string): unknown {
  return described(json).error;
}

/** The same; of what JavaScript threw, which says nothing of that itself, also after how many attempts. */
export function described(json: string): { error: unknown; attempts?: number } {
  const failure = JSON.parse(json) as Failure;
  if (failure.thrown !== null) return { error: heldAs(failure.thrown), attempts: failure.attempts };
  let cause: unknown;
  for (const described of failure.causes.reverse()) {
    if (typeof described === 'number') cause = heldAs(described);
    else {
      const error = cause === undefined ? new Error(described) : new Error(described, { cause });
      error.stack = `Error: ${described}`;
      cause = error;
    }
  }
  return { error: new (CLASSES[failure.code] ?? TraeError)(failure, cause) };
}

/** The caller gave up; `cause` is the signal's reason. */
export function aborted(phase: string, reason?: unknown, partial: string | null = null): AbortError {
  const why = reason instanceof Error && reason.message ? `: ${String(reason.message)}` : '';
  const attempts = phase === 'prepare' ? 0 : 1;
  return new AbortError({ code: 'ABORTED', phase, message: `the call was aborted${why}`, attempts, partial }, reason);
}

/** What `make` gives; an error of ours shows who called `below`, however deep in there it was made. */
export function placed<T>(below: (...args: never[]) => unknown, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (error instanceof TraeError) error.place(below);
    throw error;
  }
}

/** A middleware broke the contract of the onion. */
export function middleware(message: string): MiddlewareError {
  return new MiddlewareError({ code: 'MIDDLEWARE', phase: 'prepare', message });
}

export function config(message: string, cause?: unknown): ConfigError {
  return new ConfigError({ code: 'CONFIG', phase: 'prepare', message, attempts: 0 }, cause);
}

/** What was given in place of what was asked for: its kind, never its content. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return `${value}`;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) return 'an array';
  if (typeof value !== 'object') return `a ${typeof value}`;
  const name = value.constructor?.name;
  return name && name !== 'Object' ? `an instance of ${name}` : 'an object';
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}
