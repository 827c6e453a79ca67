/**
 * `trae-native`: a client for language-model APIs whose engine is Rust.
 *
 * This page is the public contract, written by hand. Units stand in the name or the text; each `@default`
 * is checked against the engine by a test.
 */

import type { Agent } from 'node:http';
import type { Readable } from 'node:stream';

/** A list repeats a header; `null` or `undefined` removes a default. */
export type HeaderValue = string | number | boolean | readonly string[] | null | undefined;

/** Headers by name, which is the same in any case: a record, a Map, a list of pairs, or the Headers of fetch. */
export type HeadersInit =
  | Record<string, HeaderValue>
  | ReadonlyMap<string, HeaderValue>
  | readonly (readonly [string, HeaderValue])[]
  | Headers
  | ResponseHeaders;

/** Query parameters: nested objects and lists become `a[b]=1` and `a[]=1`; `null` and `undefined` are left out. */
export type Params = Record<string, unknown> | URLSearchParams | string;

/** Limits in milliseconds; 0 means none. */
export interface Timeouts {
  /** Name look-up, TCP, proxy and TLS. @default 10000 */
  connect?: number;
  /** From having a socket to the response headers. @default 600000 */
  firstByte?: number;
  /** From the response headers to the first event that is no ping. @default 0 */
  firstEvent?: number;
  /** Between two reads of the body; any byte counts, pings too. @default 300000 */
  idle?: number;
  /** The whole call, streams included. @default 0 */
  total?: number;
}

/** Sockets per origin. */
export interface Pool {
  /** Keep sockets open for the next call. @default true */
  keepAlive?: boolean;
  /**
   * Sockets at once per origin. Over HTTP/1.1 each carries one call; over HTTP/2 another one is opened only when
   * those open have `maxStreams` calls each. What comes beyond waits.
   * @default 256
   */
  maxSockets?: number;
  /**
   * Calls at once per HTTP/2 connection. Common servers allow 100 or more. Where one allows fewer, the rest of them
   * waits in the connection, unseen by the queue: then set it to what the server allows.
   * @default 100
   */
  maxStreams?: number;
  /** Idle sockets kept per origin. @default 256 */
  maxFreeSockets?: number;
  /** How long an idle socket is kept, in milliseconds. @default 90000 */
  idleTimeout?: number;
  /** Calls that may wait for room on a socket per origin; one more gets a QueueFullError. @default 10000 */
  queueLimit?: number;
  /** How long a call may wait for room on a socket, in milliseconds; 0 means no limit. @default 0 */
  queueTimeout?: number;
}

export interface Tls {
  /** PEM certificates trusted besides the system's and those of NODE_EXTRA_CA_CERTS. */
  ca?: string | Uint8Array | readonly (string | Uint8Array)[];
  /** PEM client certificate chain; needs `key`. */
  cert?: string | Uint8Array;
  /** PEM private key of `cert`. */
  key?: string | Uint8Array;
  /** The oldest version spoken; by default the engine's own floor, TLS 1.2. */
  minVersion?: 'TLSv1.2' | 'TLSv1.3';
}

/**
 * What an answer becomes.
 * `auto`: JSON by media type, an EventStream for `text/event-stream`, a string for text or no media type,
 * `''` where there is no body, otherwise a Buffer.
 * `message`: a stream of the Messages API as the message that it adds up to; an answer that is whole as by `auto`.
 */
export type ResponseType =
  | 'auto'
  | 'json'
  | 'text'
  | 'buffer'
  | 'arraybuffer'
  | 'stream'
  | 'events'
  | 'event-stream'
  | 'sse'
  | 'message';

/** Options of one call. Names that are not listed are the caller's own and come back as `res.config`. */
export interface RequestConfig {
  /** Sent besides the client's; `null` removes one of them. */
  headers?: HeadersInit;
  /** Appended to the URL, besides the client's. */
  params?: Params;
  /**
   * A number limits a whole answer in milliseconds, for a stream the time until it begins; 0 means no limit.
   * An object limits each stage.
   */
  timeout?: number | Timeouts;
  /** Aborts the call wherever it is; the error's `cause` is the signal's reason. */
  signal?: AbortSignal;
  /** @default 'auto' */
  responseType?: ResponseType;
  /** Which statuses are answers; `null` takes all. By default 200 to 299. */
  validateStatus?: ((status: number) => boolean) | null;
  /**
   * Where redirects are followed: nowhere else than the same origin by default. No credential ever leaves its origin.
   * @default 'same-origin'
   */
  redirect?: 'same-origin' | 'follow' | 'error' | 'manual';
  /** The largest answer that is read whole, decompressed, in bytes. @default 134217728 */
  maxResponseBytes?: number;
  /** The largest server-sent event, in bytes; its id may have 8192. At most 268435456. @default 16777216 */
  maxEventBytes?: number;
  /** Deliver `ping` events too. @default false */
  pings?: boolean;
  /** Changes the data before it is encoded; what it returns is sent. It may not be a promise. */
  transformRequest?: (data: unknown, headers: HeadersInit) => unknown;
  /** Changes the data of a whole answer; what it returns is `res.data`. */
  transformResponse?: (data: any, headers: ResponseHeaders, status: number) => unknown;
  /** For this call alone, further in than the client's. */
  middlewares?: readonly (((req: TraeRequest, next: Next) => unknown) | ReadyMiddleware)[];
  /** Lets this call pass by `validate()`. */
  skipValidation?: boolean;
  /** What `retry()` does for this call; `false` for no retry. */
  retry?: RetryOptions | number | false;
  [field: string]: any;
}

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
/** `any` would pass for an answer; what is in one (`res.data`) is none. */
type NoAny<R> = 0 extends 1 & Awaited<R> ? never : R;

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

declare const native: unique symbol;
/** A middleware that runs in the engine. One instance may serve several clients, and its state with it. */
export interface NativeMiddleware {
  readonly [native]: true;
}

/** How long a credential is kept, and where it goes; docs/middlewares/auth.md. Times are in milliseconds. */
export interface CredentialOptions {
  /** In which header: `x-api-key`, or `bearer` for `authorization: Bearer …`. `auth()` defaults to the first, `jwt()` to the second. */
  scheme?: 'x-api-key' | 'bearer';
  /** Another header, for the bare credential, in place of `scheme`. */
  header?: string;
}

/** A middleware that keeps a credential. */
export interface CredentialMiddleware extends NativeMiddleware {
  /** Throws away what it keeps: the next call gets another. */
  invalidate(): void;
}

/** Gives a credential when one is needed. What it throws is the cause of the CredentialError of those who waited. */
export type CredentialProvider = (ask: {
  /** There is none yet, the one there is expires, or the server refused it with a 401. */
  reason: 'missing' | 'expiring' | 'refused';
  /** Aborted once nobody waits for the answer. */
  readonly signal: AbortSignal;
}) => ProvidedCredential | Promise<ProvidedCredential>;

/**
 * A key or token; one that expires says when, as a date or milliseconds since 1970, or how long it lives. One that has
 * expired already is refused.
 */
export type ProvidedCredential = string | { token: string; expiresAt?: Date | number; lifetimeMs?: number };

/** Options of `auth()` for a provider. Times are in milliseconds. */
export interface ProviderOptions extends CredentialOptions {
  /** Gives the credential; not together with `value`. */
  provider: CredentialProvider;
  /** How long the provider may take; 0 for as long as it likes. @default 10000 */
  timeout?: number;
  /** How long a credential is kept whose provider does not say; 0 for until it is refused. @default 0 */
  ttl?: number;
  /** Before its end from which on it is replaced in the background. @default 120000 */
  refreshAhead?: number;
  /** Before its end from which on calls wait for the next one. @default 30000 */
  waitAhead?: number;
  /** By how much of itself `refreshAhead` is lengthened at random, from 0 to 1. @default 0.5 */
  jitter?: number;
}

/** A key or token, or a provider of them. */
export type AuthOptions =
  | (ProviderOptions & { value?: undefined })
  | (CredentialOptions & { value: string; provider?: undefined });

/** Sends calls with a key or a token, to the client's own origin and nowhere else. */
export declare function auth(options: AuthOptions): CredentialMiddleware;

/** A token got from a token endpoint: RFC 7523 or RFC 8693. */
export interface TokenExchange {
  /** `https`, or a port of this machine. */
  url: string;
  /** @default 'jwt-bearer' */
  grant?: 'jwt-bearer' | 'token-exchange';
  /** `scope` of the form. */
  scope?: string;
  /** `audience` of the form; a list repeats it. */
  audience?: string | readonly string[];
  /** `resource` of the form; a list repeats it. */
  resource?: string | readonly string[];
  /** `subject_token_type` of the form, for `token-exchange`. */
  subjectTokenType?: string;
  /** `requested_token_type` of the form, for `token-exchange`. */
  requestedTokenType?: string;
  /** More fields of the form, as `client_id` and `client_secret`. */
  params?: Record<string, string>;
  /** More headers of the request for a token. */
  headers?: Record<string, string>;
  /** For one try with its body; 0 for none. @default 10000 */
  timeout?: number;
  /** Tries after the first. @default 2 */
  maxRetries?: number;
}

/** Options of `jwt()`; docs/middlewares/jwt.md has all of them with their defaults. Times are in milliseconds. */
export interface JwtOptions extends CredentialOptions {
  /** How it is signed; to be said whenever `key` is. */
  algorithm?: 'HS256' | 'RS256' | 'ES256' | 'EdDSA';
  /** A shared secret of 32 bytes or more for HS256, otherwise a private key in PEM form. */
  key?: string;
  /** `kid` */
  keyId?: string;
  /** What the token says; `iat` and `exp` are written for you, `nbf` and `jti` where they are `true`. */
  claims?: Record<string, unknown>;
  /** From `iat` to `exp`. @default 300000 */
  lifetime?: number;
  /** By how much `iat` is put back. @default 5000 */
  clockSkew?: number;
  /** A signed statement that you have, for an exchange, in place of `key`. */
  assertion?: string;
  /** A file that holds it, read anew for each exchange. */
  assertionFile?: string;
  /** Before its end from which on it is replaced in the background. @default 120000 */
  refreshAhead?: number;
  /** Before its end from which on calls wait for the next one. @default 30000 */
  waitAhead?: number;
  /** By how much of itself `refreshAhead` is lengthened at random. @default 0.5 */
  jitter?: number;
  /** Where what is signed, or `assertion`, is exchanged for the token that calls are sent with. */
  exchange?: TokenExchange;
}

/** Sends calls with a token that is signed here, or got from a token endpoint for something signed. */
export declare function jwt(options: JwtOptions): CredentialMiddleware;

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
  /** What has a circuit of its own: `endpoint` is origin and path, `all` is one for all calls. @default 'origin' */
  per?: 'origin' | 'endpoint' | 'all';
}

/** Leaves a server alone that fails too often: calls fail at once with a CircuitOpenError, until trials succeed. */
export declare function circuitBreaker(options?: CircuitBreakerOptions): NativeMiddleware;

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

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

/** A line of `logger()`, in the shape of pino's. What is not known is left out. */
export interface LogLine {
  /** 10 trace, 20 debug, 30 info, 40 warn, 50 error, 60 fatal */
  level: number;
  /** Milliseconds since 1970. */
  time: number;
  /** As `POST https://host/path 200`. */
  msg: string;
  /** The request; `id` is the same over its attempts. */
  req: { id: number; method: string; url: string; attempt: number; headers?: Record<string, string>; body?: unknown };
  /** The answer, where there was one. */
  res?: { statusCode: number; headers?: Record<string, string>; body?: unknown };
  /** Milliseconds to the end of the answer, that of a stream included. */
  responseTime?: number;
  /** How many there were. */
  attempts?: number;
  /** The server's name for the call. */
  requestId?: string;
  /** Milliseconds to the response headers. */
  firstByteMs?: number;
  /** Milliseconds to the first event that is no ping. */
  firstEventMs?: number;
  /** Of a stream, pings not counted. */
  events?: number;
  /** The reader of the stream went before its end. */
  left?: true;
  /** Tokens, as the API counted them. */
  usage?: {
    input_tokens?: number;
    output_tokens?: number;
    cache_read_input_tokens?: number;
    cache_creation_input_tokens?: number;
  };
  /** What went wrong, in the words of docs/errors.md. */
  err?: {
    type: string;
    message: string;
    code: ErrorCode;
    phase: Phase;
    status?: number;
    retryable: boolean;
    retryAfterMs?: number;
  };
  /** Those of `base`. */
  [field: string]: unknown;
}

/**
 * As pino's loggers and the console: methods by level that take fields and a message. A line whose level has none goes
 * to the next one below, or else to `info`.
 */
export interface LeveledLogger {
  /** Lines of its level, and of those that there is no method for. */
  info(fields: object, message?: string): void;
  /** Lines of its level, where there is such a method; so with the others. */
  trace?(fields: object, message?: string): void;
  /** Lines of its level. */
  debug?(fields: object, message?: string): void;
  /** Lines of its level. */
  warn?(fields: object, message?: string): void;
  /** Lines of its level. */
  error?(fields: object, message?: string): void;
  /** Lines of its level. */
  fatal?(fields: object, message?: string): void;
}

export interface LoggerOptions {
  /** Where lines go: standard error, a function, or a logger as pino's. @default 'stderr' */
  sink?: 'stderr' | ((line: LogLine) => void) | LeveledLogger;
  /** The least grave lines that are written. @default 'info' */
  level?: LogLevel;
  /** How grave each kind of line is. */
  levels?: {
    /** @default 'info' */
    request?: LogLevel;
    /** @default 'info' */
    response?: LogLevel;
    /** @default 'error' */
    error?: LogLevel;
  };
  /** Fields of every line, in place of `pid` and `hostname`; `null` for none. None that a line has itself. */
  base?: Record<string, unknown> | null;
  /** Show headers, those of credentials by name only. @default false */
  headers?: boolean;
  /** Show bodies, `true` up to 16384 bytes, or up to a number of them; those of streams never. @default false */
  bodies?: boolean | number;
}

/** Writes a line for each request, each answer and each failure; docs/middlewares/logger.md. */
export declare function logger(options?: LoggerOptions): NativeMiddleware;

/** What is never shown, besides credentials by their names and keys by their looks. */
export interface RedactOptions {
  /** Names of headers. */
  headers?: string | readonly string[];
  /** Names of query parameters. */
  query?: string | readonly string[];
  /** Places in JSON bodies; they begin at the body itself, as `messages[*].content`. */
  paths?: string | readonly string[];
  /** How secrets begin, or expressions for them. */
  patterns?: string | RegExp | readonly (string | RegExp)[];
}

/** Says what is never shown by the log, errors and anything that is printed; docs/middlewares/redact.md. */
export declare function redact(options?: RedactOptions): NativeMiddleware;

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

/** A schema of zod, valibot, arktype or any other library that speaks Standard Schema (standardschema.dev). */
export interface Schema<Output = unknown> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
}

export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly ValidationIssue[] };

/** What a schema found wrong, and where; libraries add fields of their own. */
export interface ValidationIssue {
  /** In the words of the schema's library: it may quote what it found. */
  readonly message: string;
  /** The place, from the outside in. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

declare const answers: unique symbol;
/** Answers have this type where it stands: `use()` gives a client that knows, `middlewares` of a call an answer. */
export interface AnswerMiddleware<T> {
  readonly [answers]: T;
}

declare const events: unique symbol;
/** Events have this type where it stands: `use()` gives a client that knows. */
export interface EventMiddleware<E> {
  readonly [events]: E;
}

type ReadyMiddleware = Hooks | NativeMiddleware | AnswerMiddleware<unknown> | EventMiddleware<unknown>;

/**
 * Holds answers to a schema, whose output takes the place of `res.data`; what is not so is a ValidationError.
 * `answer`, the default: whole answers, and of a Messages stream the message that it makes, when it is complete.
 * `event`: each event of a stream, which the schema's output replaces; whole answers pass by.
 */
export declare function validate<T>(schema: Schema<T>, options?: { on?: 'answer' }): AnswerMiddleware<T>;
export declare function validate<E>(schema: Schema<E>, options: { on: 'event' }): EventMiddleware<E>;

/** What a function of `mapEvents()` gives: an event, several, none (`null`), or nothing for the same one. */
export type MappedEvent<E, R> =
  Awaited<R> extends infer A
    ? A extends readonly (infer I)[]
      ? I
      : A extends null
        ? never
        : A extends void
          ? E
          : A
    : never;

/**
 * Makes other events of those of a stream, batch by batch; whole answers pass by. The function may return another
 * event, a list that takes its place, `null` to drop it, nothing to leave it as it is, or a promise of these.
 */
export declare function mapEvents<E = MessageEvent, R = unknown>(
  change: (event: E) => R,
): EventMiddleware<MappedEvent<E, R>>;

/** Options of `metrics()`; docs/middlewares/metrics.md lists what is counted. */
export interface MetricsOptions {
  /** What all names begin with. @default 'claude_' */
  prefix?: string;
  /**
   * Upper bounds of `request_duration_seconds`, in seconds.
   * @default 0.005,0.01,0.025,0.05,0.1,0.25,0.5,1,2.5,5,10
   */
  buckets?: readonly number[];
  /** More labels: the `model` that is asked for, the `host` that is called. */
  labels?: readonly ('model' | 'host')[];
  /** How many values each of these may have; any further one is `other`. At most 100. @default 20 */
  maxValues?: number;
}

/** Counts what passes: outermost it sees calls, inside of `retry()` attempts. `client.metrics()` tells it. */
export declare function metrics(options?: MetricsOptions): NativeMiddleware;

/**
 * Puts the families of `client.metrics()` into a Registry of prom-client, by the same names and so that its page shows
 * them; what it returns takes them out again.
 */
export declare function registerMetrics(
  client: Pick<Client, 'metrics'>,
  registry: { registerMetric(metric: any): void; removeSingleMetric(name: string): void },
): () => void;

export interface TracingOptions {
  /** Whose tracer makes the spans; that of `@opentelemetry/api` unless said otherwise. */
  tracerProvider?: { getTracer(name: string): any };
  /** `gen_ai.provider.name`; `anthropic` unless said otherwise. */
  provider?: string;
}

/**
 * A span of OpenTelemetry for each call that passes, streams until their end, and the `traceparent` that carries it on;
 * docs/tracing.md. It needs `@opentelemetry/api`, and throws a ConfigError without it.
 */
export declare function tracing(options?: TracingOptions): Middleware;

export interface EntryOptions {
  /** What `inspect()` shows and `eject()` takes; by default the function's own name. */
  name?: string;
  /** Asked for each call; where it says no, the call passes by. */
  when?: (req: TraeRequest) => unknown;
}

/**
 * Options of a client; those of a call are its defaults. An unknown name is refused with a ConfigError.
 *
 * The last seven are the short form of native middlewares: each is installed with these options, `true` for all
 * defaults, in this order from the outermost: redact, logger, metrics, idempotencyKey, retry, auth or jwt. What `use()`
 * adds stands further in. In `extend()` it takes the place of the one that there is, and `false` takes that out.
 */
export interface ClientConfig {
  /** What relative URLs are appended to. */
  baseURL?: string;
  /** The same as `baseURL`. */
  baseUrl?: string;
  /** Sent with each call; those of a call come on top. */
  headers?: HeadersInit;
  /** Appended to each URL; those of a call come on top. */
  params?: Params;
  /** Milliseconds for a whole answer, or until a stream begins; 0 means no limit. An object limits each stage. */
  timeout?: number | Timeouts;
  /** Aborts the calls that have no signal of their own. */
  signal?: AbortSignal;
  /** What answers become unless a call says otherwise. @default 'auto' */
  responseType?: ResponseType;
  /** Which statuses are answers; `null` takes all. By default 200 to 299. */
  validateStatus?: ((status: number) => boolean) | null;
  /** Where redirects are followed: nowhere else than the same origin by default. @default 'same-origin' */
  redirect?: RequestConfig['redirect'];
  /** The largest answer that is read whole, decompressed, in bytes. @default 134217728 */
  maxResponseBytes?: number;
  /** The largest server-sent event, in bytes. At most 268435456. @default 16777216 */
  maxEventBytes?: number;
  /** Deliver `ping` events too. @default false */
  pings?: boolean;
  /** Changes the data of each call before it is encoded. */
  transformRequest?: RequestConfig['transformRequest'];
  /** Changes the data of each whole answer. */
  transformResponse?: RequestConfig['transformResponse'];
  /** Sockets per origin, and the queue for them; one pool for this client and those extended from it. */
  pool?: Pool;
  /** `auto` speaks HTTP/2 where a TLS server offers it; `only` also without TLS. @default 'auto' */
  http2?: 'auto' | 'off' | 'only';
  /** A proxy's URL (http, https, socks5, socks5h); `true`: from HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY; `false`: none. */
  proxy?: string | boolean | { url: string; noProxy?: string | readonly string[] };
  /** Certificates, of authorities and of the client, and the oldest version of TLS. */
  tls?: Tls;
  /** An agent of node:http or the like; its keepAlive, maxSockets, maxFreeSockets and timeout become `pool`. */
  httpAgent?: Agent;
  /** The same as `httpAgent`, and wins over it. */
  httpsAgent?: Agent;
  /** Let absolute URLs go to other origins than `baseURL`, without this client's credentials. @default false */
  allowAbsoluteUrls?: boolean;
  /** What is never shown, besides credentials by their names and keys by their looks; `false` takes this list out. */
  redact?: RedactOptions | false;
  /** A line for each request, answer and failure: to standard error unless `sink` says otherwise. Off by default. */
  logger?: LoggerOptions | boolean;
  /** Counts calls for `client.metrics()`. Off by default. */
  metrics?: MetricsOptions | boolean;
  /** Names each call to the server by a header, the same over its attempts. Off by default. */
  idempotencyKey?: IdempotencyKeyOptions | boolean;
  /** Makes calls again that failed in a way that may heal; a number is `maxRetries`. Off by default. */
  retry?: RetryMiddlewareOptions | number | boolean;
  /** Sends calls with a key or a token, or what a provider gives, to the client's own origin only. Off by default. */
  auth?: AuthOptions | false;
  /**
   * Sends calls with a token that is signed here or exchanged. Off by default. With `auth` too, both are installed:
   * `auth` as `x-api-key` and `jwt` as `authorization`, unless their `scheme` or `header` says otherwise.
   */
  jwt?: JwtOptions | false;
}

/** Options of `claude()`, besides those of any client. A header `x-api-key` or `authorization` is a credential, too. */
export interface ClaudeOptions extends ClientConfig {
  /** A key, or what gives one; by default that of `CLAUDE_API_KEY` or `ANTHROPIC_API_KEY`. */
  apiKey?: string | CredentialProvider;
  /** A token for `authorization: Bearer`, or what gives one, in place of a key; by default that of `ANTHROPIC_AUTH_TOKEN`. */
  authToken?: string | CredentialProvider;
  /** `anthropic-version`; `2023-06-01` unless said otherwise. */
  version?: string;
  /** `anthropic-beta`; none for an empty list. */
  betas?: string | readonly string[];
}

/** One attempt, as it ended. */
export interface Attempt {
  /** The status of its answer, or the one that its failure stands for. */
  status?: number;
  /** The code of its failure; none where it was answered. */
  code?: ErrorCode;
  /** Before it. */
  waitedMs: number;
  /** Until it was answered or had failed. */
  tookMs: number;
}

/** Headers of an answer by lower-case name. Iterating gives each cookie by itself. */
export interface ResponseHeaders {
  readonly [name: string]: any;
  /** A list, as in Node and axios; every other header that comes more than once is joined by commas. */
  readonly 'set-cookie'?: string[];
  /** One by its name in any case; what came more than once is joined by commas. */
  get(name: string): string | null;
  /** Whether there is one of this name. */
  has(name: string): boolean;
  /** Each cookie by itself. */
  getSetCookie(): string[];
  /** Names and values, each cookie by itself. */
  entries(): IterableIterator<[string, string]>;
  [Symbol.iterator](): IterableIterator<[string, string]>;
}

/** Milliseconds; `null` where a part did not happen or is not over. */
export interface Timing {
  /** Waiting for room on a socket. */
  queuedMs: number;
  /** Name look-up, TCP, proxy and TLS; `null` on a socket that was open. */
  connectMs: number | null;
  /** From the start of the call to the response headers. */
  firstByteMs: number | null;
  /** From the start of the call to the first event. */
  firstEventMs: number | null;
  /** From the start of the call to the end of its body. */
  totalMs: number | null;
}

export interface TraeResponse<T = any> {
  /** As 200. */
  readonly status: number;
  /** The status in words, as `OK`. */
  readonly statusText: string;
  /** `1.1` or `2`. */
  readonly httpVersion: string;
  /** By name in any case. */
  readonly headers: ResponseHeaders;
  /** What `responseType` makes of the body. */
  data: T;
  /** The client's and the call's options, merged. */
  readonly config: RequestConfig;
  /** What was answered; after redirects the last. */
  readonly request: { method: string; url: string };
  /** The server's name for the call: `request-id`, or `x-request-id`. */
  readonly requestId: string | undefined;
  /** How long its parts took. */
  readonly timing: Timing;
  /** How many it took, this one included. */
  readonly attempts: number;
  /** What each attempt that `retry()` made came to, this one included; empty where it made no other. */
  readonly history: Attempt[];
  /** Whether a cache has answered; so far always `bypass`. */
  readonly cache: 'hit' | 'miss' | 'stale' | 'shared' | 'bypass';
  /** The facts and the data; of the options no secret. */
  toJSON(): Record<string, unknown>;
}

/** An event whose data is text. */
export interface SseEvent {
  /** Its `event` line; `message` where there was none. */
  event: string;
  /** Its `data` lines, joined by line feeds. */
  data: string;
  /** The `id` that goes with it. */
  id?: string;
  /** Milliseconds. */
  retry?: number;
}

/** Tokens, as the Messages API counts them; those of a stream's end are totals. */
export type Usage = {
  input_tokens?: number | null;
  output_tokens?: number;
  cache_read_input_tokens?: number | null;
  cache_creation_input_tokens?: number | null;
  [field: string]: any;
};

/** Why a message ended; later versions of the API may have more. */
export type StopReason =
  | 'end_turn'
  | 'max_tokens'
  | 'stop_sequence'
  | 'tool_use'
  | 'pause_turn'
  | 'refusal'
  | 'model_context_window_exceeded'
  | (string & {});

/** A message of the Messages API, whole or as far as it has come. */
export type Message = {
  id: string;
  type: string;
  role: string;
  model: string;
  content: ContentBlock[];
  stop_reason: StopReason | null;
  stop_sequence: string | null;
  usage: Usage;
  [field: string]: any;
};

/** The message that a stream begins with; its content is still to come. */
export type StartedMessage = Message;

/** A block of content, told apart by `type`; of kinds that are not listed all fields may be read. */
export type ContentBlock =
  | { type: 'text'; text: string; citations?: Citation[] | null; [field: string]: any }
  | { type: 'thinking'; thinking: string; signature: string; [field: string]: any }
  | { type: 'redacted_thinking'; data: string; [field: string]: any }
  | { type: 'tool_use' | 'server_tool_use'; id: string; name: string; input: any; [field: string]: any }
  | UnknownBlock;

/** Fields have the type of their namesakes, so that looking at `type` tells them apart. */
interface UnknownBlock {
  type: string;
  text: string;
  citations?: Citation[] | null;
  thinking: string;
  signature: string;
  data: string;
  id: string;
  name: string;
  /** An object; of a block that was cut off, the text as far as it came. */
  input: any;
  [field: string]: any;
}

/** Where a text has something from. */
export type Citation = { type: string; cited_text?: string; [field: string]: any };

/** What a turn says: a text, or blocks. */
export type TurnContent = string | readonly { type: string; [field: string]: any }[];

/** What the Messages API is asked; fields that are not listed go along as they are. */
export type MessageRequest = {
  model: string;
  /** The most tokens that may be written. */
  max_tokens: number;
  messages: readonly { role: 'user' | 'assistant' | (string & {}); content: TurnContent; [field: string]: any }[];
  system?: string | readonly { type: string; [field: string]: any }[];
  /** Whether events are wanted; `client.message()` sees to it. */
  stream?: boolean;
  temperature?: number;
  top_k?: number;
  top_p?: number;
  stop_sequences?: readonly string[];
  tools?: readonly { name?: string; description?: string; input_schema?: object; [field: string]: any }[];
  tool_choice?: { type: 'auto' | 'any' | 'tool' | 'none' | (string & {}); [field: string]: any };
  thinking?: { type: 'enabled' | 'disabled' | (string & {}); budget_tokens?: number; [field: string]: any };
  metadata?: { user_id?: string | null; [field: string]: any };
  service_tier?: 'auto' | 'standard_only' | (string & {});
  [field: string]: any;
};

/** What a piece of content adds to its block. `type` says which fields there are; of other kinds all are `any`. */
export type ContentDelta =
  | { type: 'text_delta'; text: string; [field: string]: any }
  | { type: 'input_json_delta'; partial_json: string; [field: string]: any }
  | { type: 'thinking_delta'; thinking: string; [field: string]: any }
  | { type: 'signature_delta'; signature: string; [field: string]: any }
  | { type: 'citations_delta'; citation: Citation; [field: string]: any }
  | UnknownDelta;

/** Fields have the type of their namesakes, so that looking at `type` tells them apart. */
interface UnknownDelta extends StopDelta {
  type: string;
  text: string;
  partial_json: string;
  thinking: string;
  signature: string;
}

/** Why the message ended. */
interface StopDelta {
  stop_reason: StopReason | null;
  stop_sequence: string | null;
  [field: string]: any;
}

/** Any event of the Messages API, told apart by `type`; unknown kinds pass through, and all fields may be read. */
export type MessageEvent =
  | { type: 'message_start'; message: StartedMessage; [field: string]: any }
  | { type: 'content_block_start'; index: number; content_block: ContentBlock; [field: string]: any }
  | { type: 'content_block_delta'; index: number; delta: ContentDelta; [field: string]: any }
  | { type: 'content_block_stop'; index: number; [field: string]: any }
  | { type: 'message_delta'; delta: StopDelta; usage: Usage; [field: string]: any }
  | { type: 'message_stop'; [field: string]: any }
  | { type: 'ping'; [field: string]: any }
  | { type: 'error'; error: ApiError; [field: string]: any }
  | UnknownEvent;

/** As UnknownDelta. */
interface UnknownEvent {
  type: string;
  message: StartedMessage;
  index: number;
  content_block: ContentBlock;
  delta: UnknownDelta;
  usage: Usage;
  error: ApiError;
  [field: string]: any;
}

/** What the API says went wrong. */
export type ApiError = { type: string; message: string; [field: string]: any };

/** What a stream tells its listeners, and with what. Snapshots are what there is so far; they grow. */
export interface StreamListeners<E = MessageEvent> {
  /** Every event. */
  event: (event: E) => void;
  /** A piece of text, and the text of its block so far. */
  text: (delta: string, snapshot: string) => void;
  /** A piece of thinking, and all of its block so far. */
  thinking: (delta: string, snapshot: string) => void;
  /** The signature of a block of thinking. */
  signature: (signature: string) => void;
  /** A citation, and those of its block so far. */
  citation: (citation: Citation, citations: Citation[]) => void;
  /** A piece of a tool's input, and the input as far as it can be read; what a piece costs is its own length. */
  inputJson: (partialJson: string, snapshot: unknown) => void;
  /** A block that is complete. */
  contentBlock: (block: ContentBlock) => void;
  /** The message, at its last event. */
  message: (message: Message) => void;
  /** A ping, where the call has `pings: true`. */
  ping: (event: E) => void;
  /** The message, at the end of the stream. */
  finalMessage: (message: Message) => void;
  /** What the stream has failed with. */
  error: (error: any) => void;
  /** The caller gave up, or the reader left. */
  abort: (error: AbortError) => void;
  /** The last of all. */
  end: () => void;
}

/**
 * Events as they come. Leaving the loop ends the transfer. One reader; `tee()` makes two.
 * Where the path of the request ends in `/messages`, a body that ends without `message_stop` is an
 * IncompleteStreamError, also before the first event; elsewhere only once a `message_start` has come.
 */
export declare class EventStream<E = MessageEvent> implements AsyncIterable<E> {
  private constructor();
  [Symbol.asyncIterator](): AsyncIterableIterator<E>;
  /** Events as they were handed over: one list per wake-up of the JavaScript thread. */
  batches(): AsyncIterableIterator<E[]>;
  /** The text as it comes: a piece for each wake-up of the JavaScript thread. No other event crosses to it. */
  text(): AsyncIterableIterator<string>;
  /**
   * The message when it is whole; rejects with what the stream fails with. It may be asked for before, while and after
   * the stream is read. Without a reader no event crosses to JavaScript; with one, what that has not read is kept.
   */
  finalMessage(): Promise<Message>;
  /** The text of all its blocks of text, joined. */
  finalText(): Promise<string>;
  /** When the stream is over; rejects with what it fails with. Without a reader everything comes at once. */
  done(): Promise<void>;
  /** The message as far as it has come from the server, made anew each time; docs/streams.md. */
  readonly currentMessage: Message | undefined;
  /** The tokens counted so far. */
  readonly usage: Usage | undefined;
  /**
   * Tells of what comes. Without a reader in the same turn the stream flows by itself, `error`, `abort` and `end`
   * excepted, which only listen. A failure that nobody reads, awaits or listens for is an unhandled rejection.
   */
  on<N extends keyof StreamListeners<E>>(name: N, listener: StreamListeners<E>[N]): this;
  /** The same, for one time. */
  once<N extends keyof StreamListeners<E>>(name: N, listener: StreamListeners<E>[N]): this;
  /** Takes a listener out. */
  off<N extends keyof StreamListeners<E>>(name: N, listener: StreamListeners<E>[N]): this;
  /** Ends the transfer. With a reason a waiting reader gets an AbortError, without one the stream is over. */
  abort(reason?: unknown): void;
  /** Two streams of the same events; what one has read and the other has not is kept in memory. */
  tee(): [EventStream<E>, EventStream<E>];
  /** A WHATWG stream of the events. */
  toReadableStream(): ReadableStream<E>;
  /** A stream of Node's, in object mode. */
  toNodeReadable(): Readable;
  /** The server's name for the call. */
  readonly requestId: string | undefined;
  /** The answer that opened the stream. */
  readonly response: TraeResponse<EventStream<E>>;
  /** From the start of the call to the first event, in milliseconds. */
  readonly firstEventMs: number | null;
}

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

/** What the client has already stands further out, and has the last word. */
type Outermost<D, T> = unknown extends D ? T : D;

/** The middlewares of a call; the outermost that says what answers, or events, are is heard. */
type Entries = NonNullable<RequestConfig['middlewares']>;
type AnswerOf<M> = M extends readonly [infer First, ...infer Rest]
  ? First extends AnswerMiddleware<infer T>
    ? T
    : AnswerOf<Rest>
  : any;
type EventOf<M> = M extends readonly [infer First, ...infer Rest]
  ? First extends EventMiddleware<infer T>
    ? T
    : EventOf<Rest>
  : any;

type StreamType = 'events' | 'event-stream' | 'sse';
/** What `responseType` makes of an answer, where those who hold or change it say `T` of whole ones and `E` of events. */
type ByType<R, T, E> = unknown extends R
  ? any
  : R extends StreamType
    ? EventStream<ByStream<R, E>>
    : R extends 'stream'
      ? Readable
      : R extends 'message'
        ? unknown extends T
          ? Message
          : T
        : R extends 'text'
          ? string
          : R extends 'buffer' | 'arraybuffer'
            ? Buffer
            : T;
type ByStream<R, E> = unknown extends R ? any : Outermost<E, R extends 'sse' ? SseEvent : MessageEvent>;
/** Where a call passes by `validate()`, nobody says what comes. */
type Unheld<R> = unknown extends R ? any : R extends StreamType ? EventStream<any> : ByType<R, any, any>;

type Skipping<R> = RequestConfig & { skipValidation: true; responseType?: R };
type Typed<R, M> = RequestConfig & { responseType: R; middlewares?: M };
type With<M> = RequestConfig & { middlewares: M };
type Verb = { method?: string };
type Asked = Verb & { url: string; data?: unknown };
type Answered<R, M, D, E> = Promise<TraeResponse<ByType<R, Outermost<D, AnswerOf<M>>, Outermost<E, EventOf<M>>>>>;

interface WithoutBody<D, E> {
  /** Passes by `validate()`: the data may be anything. */
  <R extends ResponseType = 'auto'>(url: string | URL, config: Skipping<R>): Promise<TraeResponse<Unheld<R>>>;
  /** What `responseType` makes of the answer. */
  <R extends ResponseType, const M extends Entries = Entries>(
    url: string | URL,
    config: Typed<R, M>,
  ): Answered<R, M, D, E>;
  /** The answer as the call's own middlewares make it. */
  <const M extends Entries>(url: string | URL, config: With<M>): Answered<'auto', M, D, E>;
  /** Gives the answer, or rejects with a TraeError. `T` is what you know of its data. */
  <T = D>(url: string | URL, config?: RequestConfig): Promise<TraeResponse<T>>;
}

interface WithBody<D, E> {
  /** Passes by `validate()`: the data may be anything. */
  <R extends ResponseType = 'auto'>(
    url: string | URL,
    data: unknown,
    config: Skipping<R>,
  ): Promise<TraeResponse<Unheld<R>>>;
  /** What `responseType` makes of the answer. */
  <R extends ResponseType, const M extends Entries = Entries>(
    url: string | URL,
    data: unknown,
    config: Typed<R, M>,
  ): Answered<R, M, D, E>;
  /** The answer as the call's own middlewares make it. */
  <const M extends Entries>(url: string | URL, data: unknown, config: With<M>): Answered<'auto', M, D, E>;
  /** Gives the answer, or rejects with a TraeError. `T` is what you know of its data. */
  <T = D>(url: string | URL, data?: unknown, config?: RequestConfig): Promise<TraeResponse<T>>;
}

/**
 * Data may be a JSON value, a string (sent as it is, as JSON unless a header says otherwise), Buffer, typed array,
 * ArrayBuffer, URLSearchParams, FormData, Blob, a Node Readable, a ReadableStream or any async iterable of bytes.
 * What has a length is sent with it, the rest in chunks unless the call has a `content-length`.
 *
 * `D` is what answers are unless a call says otherwise, `E` what the events of streams are, where middlewares
 * have said so.
 */
export interface Client<D = any, E = any> {
  /** GET. */
  get: WithoutBody<D, E>;
  /** DELETE; a body may be given as `data` among the options. */
  delete: WithoutBody<D, E>;
  /** HEAD. */
  head: WithoutBody<D, E>;
  /** OPTIONS; a body may be given as `data` among the options. */
  options: WithoutBody<D, E>;
  /** POST. */
  post: WithBody<D, E>;
  /** PUT. */
  put: WithBody<D, E>;
  /** PATCH. */
  patch: WithBody<D, E>;
  /** Any verb, GET unless `method` says otherwise. */
  request<R extends ResponseType = 'auto'>(config: Asked & Skipping<R>): Promise<TraeResponse<Unheld<R>>>;
  request<R extends ResponseType, const M extends Entries = Entries>(config: Asked & Typed<R, M>): Answered<R, M, D, E>;
  request<const M extends Entries>(config: Asked & With<M>): Answered<'auto', M, D, E>;
  request<T = D>(config: Asked & RequestConfig): Promise<TraeResponse<T>>;
  /** Posts and gives the stream of events itself; `responseType` may only be one of events. */
  stream(url: string | URL, data: unknown, config: Verb & Skipping<StreamType>): Promise<EventStream<any>>;
  stream<R extends StreamType = 'events', const M extends Entries = Entries>(
    url: string | URL,
    data: unknown,
    config: Verb & RequestConfig & { responseType?: R; middlewares?: M },
  ): Promise<EventStream<ByStream<R, Outermost<E, EventOf<M>>>>>;
  stream<T = Outermost<E, MessageEvent>>(
    url: string | URL,
    data?: unknown,
    config?: Verb & RequestConfig,
  ): Promise<EventStream<T>>;
  /**
   * Posts to `/messages`, or to `url`, with `stream: true`, and gives the message that the events add up to as one
   * answer. However long it takes, no limit on a whole answer strikes: a `timeout` that is a number holds until the
   * stream begins, `timeout.idle`, `firstEvent` and `total` hold within it.
   */
  message(
    body: MessageRequest,
    config?: Verb & RequestConfig & { url?: string | URL; responseType?: 'message' },
  ): Promise<TraeResponse<unknown extends D ? Message : D>>;
  /**
   * A client with these options over this one's, and its middlewares as they are now; it shares the pool unless
   * pool, proxy, tls or http2 differ.
   * It is closed together with this one; a client that is closed throws a ConfigError.
   */
  extend(config?: ClientConfig): Client<D, E>;
  /** The same as `extend()`. */
  create(config?: ClientConfig): Client<D, E>;
  /** What is changed in it, also `httpAgent` or a header, holds from the next call on. */
  readonly config: ClientConfig;
  /**
   * Adds a Middleware, an Interceptor or Hooks; the first is the outermost. Anything else is a TypeError at once.
   * A function is a Middleware when it has two parameters, an Interceptor when it has one; one that has none that can
   * be counted (`...args`, or a default) is refused.
   * What it gives is this client; of `validate()` and `mapEvents()` the outermost decides its types.
   */
  use<T>(middleware: AnswerMiddleware<T>, options?: EntryOptions & { when?: undefined }): Client<Outermost<D, T>, E>;
  use<T>(middleware: EventMiddleware<T>, options?: EntryOptions & { when?: undefined }): Client<D, Outermost<E, T>>;
  use(middleware: Middleware, options?: EntryOptions): this;
  use(middleware: Interceptor | ReadyMiddleware, options?: EntryOptions): this;
  // Once more, since compilers tell of the last overload why it will not do.
  use(middleware: Middleware, options?: EntryOptions): this;
  /** Before each request: changes it in place, or by returning another. */
  before(hook: Interceptor, options?: EntryOptions): this;
  /**
   * After an answer: what `onResponse` returns takes its place, nothing leaves it as it is; it is never mere data.
   * After an error: what `onError` returns heals the call, what it throws is the error.
   */
  after<R extends Kept | Promise<Kept> = void>(
    onResponse?: ((res: TraeResponse) => NoAny<R>) | null,
    onError?: Hooks['error'],
    options?: EntryOptions,
  ): this;
  /** Once for each call, whatever its end: for a stream when that has ended, been left or dropped. */
  finally(hook: NonNullable<Hooks['finally']>, options?: EntryOptions): this;
  /** Takes a middleware out by its name; calls under way keep it. Says whether there was one. */
  eject(name: string): boolean;
  /** The pipeline, a line for each layer, the outermost first. */
  inspect(): string;
  /**
   * Has connections ready before the first call, and says of each what it took. What is ready is only asked again, so
   * that another call opens what is missing. Where none could be had it rejects with what the first has failed with.
   */
  warmup(options?: WarmupOptions): Promise<Warmup>;
  /** Figures of this moment: calls under way and waiting, connections, by origin. */
  stats(): Stats;
  /**
   * What its `metrics()` have counted, and what its pool does: `prometheus` text (version 0.0.4), `openmetrics` text
   * (1.0.0), or `json`, a list of families. A client without `metrics()` throws a ConfigError.
   */
  metrics(format?: 'prometheus' | 'openmetrics' | 'json'): string;
  /** Aborts what is under way and takes no more calls, here and in all clients extended from this one. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export declare function createClient(config?: ClientConfig): Client;

/**
 * A client for the Claude API with the defaults of production: a key of the environment, `anthropic-version`, retries,
 * a log of failures to standard error, no limit on a stream but on its silence; docs/claude.md. Paths are below `/v1`.
 */
export declare function claude(options?: ClaudeOptions): Client;

/** A client that is ready, for URLs that are absolute; `trae.create` is `createClient`. */
export declare const trae: Client;
export default trae;

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
