/**
 * `trae-native`: a client for language-model APIs whose engine is Rust.
 *
 * This page is the public contract, written by hand. Units stand in the name or the text; each `@default`
 * is checked against the engine by a test.
 */

import type { Agent, ServerResponse } from 'node:http';
import type { Http2ServerResponse } from 'node:http2';
import type { Readable } from 'node:stream';
import type {
  Batches,
  Completion,
  CompletionRequest,
  EmitOptions,
  Emitted,
  Files,
  Models,
  ToolRun,
  ToolRunOptions,
} from './types/api.js';
import type { CacheCall, CacheControl, CacheOptions, StoreOptions } from './types/cache.js';
import type { Stats, Warmup, WarmupOptions } from './types/connections.js';
import type { AuthOptions, CredentialProvider, JwtOptions } from './types/credentials.js';
import type { ErrorCode } from './types/errors.js';
import type {
  ConcurrencyOptions,
  IdempotencyKeyOptions,
  RateLimitOptions,
  RetryMiddlewareOptions,
  RetryOptions,
} from './types/limits.js';
import type {
  Besides,
  Message,
  MessageEvent,
  MessageRequest,
  SseEvent,
  StreamListeners,
  Usage,
} from './types/messages.js';
import type { EntryOptions, Hooks, Interceptor, Kept, Middleware, Next, TraeRequest } from './types/onion.js';
import type { CircuitBreakerOptions, FallbackOptions, HedgeOptions, KeyPoolOptions } from './types/routes.js';
import type { AnswerMiddleware, EventMiddleware, Outermost, ReadyMiddleware } from './types/schemas.js';
import type { Session, SessionOptions, SessionsOptions } from './types/sessions.js';
import type { LeveledLogger, LoggerOptions, MetricsOptions, RedactOptions } from './types/watch.js';

export * from './types/api.js';
export * from './types/cache.js';
export * from './types/connections.js';
export * from './types/credentials.js';
export * from './types/errors.js';
export * from './types/limits.js';
export * from './types/messages.js';
export * from './types/onion.js';
export * from './types/routes.js';
export * from './types/schemas.js';
export * from './types/sessions.js';
export * from './types/watch.js';

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
 * `jsonl`: an EventStream of rows, a JSON value to each line; blank lines are none.
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
  | 'jsonl'
  | 'message';

/** Options of one call. Names that are not listed are the caller's own and come back as `res.config`. */
export interface RequestConfig {
  /** Sent besides the client's; `null` removes one of them. */
  headers?: HeadersInit | undefined;
  /** Appended to the URL, besides the client's. */
  params?: Params | undefined;
  /**
   * A number limits a whole answer in milliseconds, for a stream the time until it begins; 0 means no limit.
   * An object limits each stage.
   */
  timeout?: number | Timeouts | undefined;
  /** Aborts the call wherever it is; the error's `cause` is the signal's reason. */
  signal?: AbortSignal | undefined;
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
  /** What `cache()` does for this call; `false` to pass by. */
  cache?: CacheCall | false;
  /** What `retry()` does for this call; `false` for no retry. */
  retry?: RetryOptions | number | false;
  /**
   * Who goes first where calls wait for `rateLimit()` or `concurrency()`: `high` is 10, `low` is -10, and a step is
   * worth ten seconds of waiting. From -100 to 100.
   */
  priority?: 'high' | 'normal' | 'low' | number;
  [field: string]: any;
}

declare const native: unique symbol;

/** A middleware that runs in the engine. One instance may serve several clients, and its state with it. */
export interface NativeMiddleware {
  readonly [native]: true;
}

/** Stands in place of the network, or listens to it; trae-native/testing makes it. */
export interface TestTransport {
  /** What sets it apart. */
  readonly testing: true;
}

/**
 * Options of a client; those of a call are its defaults. An unknown name is refused with a ConfigError.
 *
 * The last ones, from `redact` on, are the short form of native middlewares: each is installed with these options,
 * `true` for all defaults, in the order in which they stand here, the outermost first. What `use()` adds stands further in. In `extend()` it takes the place of the one that there is, and `false` takes that out.
 */
export interface ClientConfig {
  /** What relative URLs are appended to. */
  baseURL?: string | undefined;
  /** The same as `baseURL`. */
  baseUrl?: string | undefined;
  /** Sent with each call; those of a call come on top. */
  headers?: HeadersInit | undefined;
  /** Appended to each URL; those of a call come on top. */
  params?: Params | undefined;
  /** Milliseconds for a whole answer, or until a stream begins; 0 means no limit. An object limits each stage. */
  timeout?: number | Timeouts | undefined;
  /** Aborts the calls that have no signal of their own. */
  signal?: AbortSignal | undefined;
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
  /**
   * Where state stands that replicas share: Redis or Valkey, by URL or by options. Sessions are kept there, and short
   * forms that can keep state there do. By default it is this process's memory; docs/store.md.
   */
  store?: string | URL | StoreOptions;
  /** How much the sessions of this client may take in memory; with `store` they stand there. */
  sessions?: SessionsOptions;
  /** An agent of node:http or the like; its keepAlive, maxSockets, maxFreeSockets and timeout become `pool`. */
  httpAgent?: Agent;
  /** The same as `httpAgent`, and wins over it. */
  httpsAgent?: Agent;
  /** In place of the network: the `transport` of `createScripted()`, `replay()` or `record()` of trae-native/testing. */
  transport?: TestTransport;
  /** Let absolute URLs go to other origins than `baseURL`, without this client's credentials. @default false */
  allowAbsoluteUrls?: boolean;
  /** What is never shown, besides credentials by their names and keys by their looks; `false` takes this list out. */
  redact?: RedactOptions | false;
  /** A line for each request, answer and failure: to standard error unless `sink` says otherwise. Off by default. */
  logger?: LoggerOptions | LeveledLogger | boolean;
  /** Counts calls for `client.metrics()`. Off by default. */
  metrics?: MetricsOptions | boolean;
  /** Gives answers again, and asks once where many ask the same. Off by default. */
  cache?: CacheOptions | boolean;
  /** Names each call to the server by a header, the same over its attempts. Off by default. */
  idempotencyKey?: IdempotencyKeyOptions | boolean;
  /** Sends calls that fail to other targets, each of which is retried first. Off by default. */
  fallback?: FallbackOptions | false;
  /** Makes calls again that failed in a way that may heal; a number is `maxRetries`. Off by default. */
  retry?: RetryMiddlewareOptions | number | boolean;
  /** Begins a second attempt where an answer is late. Off by default. */
  hedge?: HedgeOptions | boolean;
  /** Leaves a server alone that fails too often; each attempt counts. Off by default. */
  circuitBreaker?: CircuitBreakerOptions | boolean;
  /** Holds each attempt to a rate of requests and tokens. Off by default. */
  rateLimit?: RateLimitOptions | boolean;
  /** Lets only so many attempts be under way; a number is `limit`. Off by default. */
  concurrency?: ConcurrencyOptions | number | boolean;
  /** Sends each call with the key that has least to carry, in place of `auth`. Off by default. */
  keyPool?: KeyPoolOptions | false;
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
  apiKey?: string | CredentialProvider | undefined;
  /** A token for `authorization: Bearer`, or what gives one, in place of a key; by default that of `ANTHROPIC_AUTH_TOKEN`. */
  authToken?: string | CredentialProvider | undefined;
  /** `anthropic-version`; `2023-06-01` unless said otherwise. */
  version?: string | undefined;
  /** `anthropic-beta`; none for an empty list. */
  betas?: string | readonly string[] | undefined;
}

/** One attempt, as it ended. */
export interface Attempt {
  /** The status of its answer, or the one that its failure stands for. */
  status?: number;
  /** The code of its failure; none where it was answered. */
  code?: ErrorCode;
  /** The name of the target that it went to, where `fallback()` had several. */
  target?: string;
  /** The name of the key that it was sent with, where `keyPool()` had several. */
  key?: string;
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
  /** What each attempt that `retry()`, `fallback()`, `keyPool()` or `hedge()` made came to, this one included; empty where none of them stands. */
  readonly history: Attempt[];
  /** The name of the target of `fallback()` that has answered. */
  readonly target: string | undefined;
  /** The name of the key of `keyPool()` that the call was sent with. */
  readonly key: string | undefined;
  /**
   * What `cache()` had to do with it: `hit` and `stale` came out of it, `shared` together with another call, `miss`
   * from the server; `bypass` is whatever passed none, or by.
   */
  readonly cache: 'hit' | 'miss' | 'stale' | 'shared' | 'bypass';
  /** How old it was when it came out of a cache, in milliseconds. */
  readonly cacheAgeMs: number | null;
  /** The facts and the data; of the options no secret. */
  toJSON(): Record<string, unknown>;
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
  /**
   * Sends it on to a browser as server-sent events, by a response of Node's `http` or `http2`. No more is read than is
   * sent; a reader who leaves ends the call. It does not reject for a failure of the stream: it says how that ended.
   * Options that can't be sent, and a stream that has a reader, are a ConfigError.
   */
  toSSE(res: ServerResponse | Http2ServerResponse, options?: EmitOptions): Promise<Emitted>;
  /** The same as a Response of the WHATWG's, for handlers that return one. One that is dropped ends the call. */
  toResponse(options?: EmitOptions): Response;
  /** The server's name for the call. */
  readonly requestId: string | undefined;
  /** The answer that opened the stream. */
  readonly response: TraeResponse<EventStream<E>>;
  /** From the start of the call to the first event, in milliseconds. */
  readonly firstEventMs: number | null;
}

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

type StreamType = 'events' | 'event-stream' | 'sse' | 'jsonl';

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

type ByStream<R, E> = unknown extends R
  ? any
  : Outermost<E, R extends 'sse' ? SseEvent : R extends 'jsonl' ? any : MessageEvent>;

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

/** `any` would pass for an answer; what is in one (`res.data`) is none. */
type NoAny<R> = 0 extends 1 & Awaited<R> ? never : R;

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
   * As the WHATWG standard has it, for whatever takes a `fetch` (docs/fetch.md). Calls pass through this client's
   * middlewares and pool; every status is an answer. Relative URLs are below `baseURL`; `validateStatus`,
   * `transformRequest`, `transformResponse` and `maxResponseBytes` are not applied. Works without its client.
   */
  readonly fetch: typeof globalThis.fetch;
  /**
   * Posts to `/messages` of the Claude API, or to `url`, with `stream: true`, and gives the message that the events add up to as one
   * answer. However long it takes, no limit on a whole answer strikes: a `timeout` that is a number holds until the
   * stream begins, `timeout.idle`, `firstEvent` and `total` hold within it.
   */
  message(
    body: MessageRequest,
    config?: Verb & RequestConfig & { url?: string | URL; responseType?: 'message' },
  ): Promise<TraeResponse<unknown extends D ? Message : D>>;
  /** Message batches of the Claude API. */
  readonly batches: Batches;
  /** Files of the Claude API. */
  readonly files: Files;
  /** Models of the Claude API. */
  readonly models: Models;
  /** How many tokens a call would have as its input. */
  countTokens(
    body: Besides<MessageRequest, 'max_tokens'>,
    config?: RequestConfig,
  ): Promise<TraeResponse<{ input_tokens: number; [field: string]: any }>>;
  /** The API before messages, as a stream of its events. */
  complete(body: CompletionRequest & { stream: true }, config?: RequestConfig): Promise<EventStream<Completion>>;
  /** The same, whole. */
  complete(body: CompletionRequest & { stream?: false }, config?: RequestConfig): Promise<TraeResponse<Completion>>;
  /** An answer, the tools that it calls, their results, and again, until the model comes to an end. */
  runTools(options: ToolRunOptions): ToolRun;
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
  /** What its `cache()` is asked besides calls. */
  readonly cache: CacheControl;
  /** Figures of this moment: calls under way and waiting, connections, by origin. */
  stats(): Stats;
  /**
   * What its `metrics()` have counted, and what its pool does: `prometheus` text (version 0.0.4), `openmetrics` text
   * (1.0.0), or `json`, a list of families. A client without `metrics()` throws a ConfigError.
   */
  metrics(format?: 'prometheus' | 'openmetrics' | 'json'): string;
  /**
   * A conversation by its id: with the messages before it each turn is sent. It stands in this process's memory, or
   * where `store` says; docs/sessions.md. A client that was extended has the sessions of the other.
   */
  session(id: string, options?: SessionOptions): Session<D, E>;
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
