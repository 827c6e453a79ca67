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

export * from './types/api.js';

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

/** A request as `key` functions see it. */
export interface KeyedRequest {
  /** As `POST`. */
  method: string;
  /** Absolute. */
  url: string;
  /** All that will be sent from here on, by lower-case name. */
  headers: Record<string, string>;
  /** The content, where that is JSON. */
  data?: any;
}

/** What keeps values for `cache()` besides: Keyv has this shape, and so has a Map. */
export interface CacheStore {
  /** The value, or nothing; what it throws is a miss. */
  get(key: string): unknown;
  /** Keeps a text for so many milliseconds. */
  set(key: string, value: string, ttl?: number): unknown;
  /** Says whether there was one. */
  delete(key: string): unknown;
  /** Forgets all; needed for `client.cache.clear()`. */
  clear?(): unknown;
}

/** How Redis or Valkey is reached. Clients and middlewares with equal options share a connection. */
export interface StoreOptions {
  /**
   * `redis://user:password@host:port/database`, `rediss://` for TLS, `unix://` for a socket. Several are nodes of a
   * cluster, or Sentinels.
   */
  url: string | URL | readonly (string | URL)[];
  /**
   * The URLs are Sentinels; this is the name of the master, or that with the credentials of the Sentinels. User,
   * password and database of the URLs are the master's.
   */
  sentinel?: string | { name: string; username?: string; password?: string };
  /** A single URL is a node of a cluster too; several always are, unless they are Sentinels. @default false */
  cluster?: boolean;
  /** What every key begins with. @default 'trae:' */
  prefix?: string;
  /** Milliseconds that a command may take. @default 500 */
  timeout?: number;
  /** Milliseconds that it may take to connect to one server. @default 2000 */
  connectTimeout?: number;
  /** PEM of the authorities that are trusted instead of the system's, and of the client; for `rediss://`. */
  tls?: {
    /** Authorities, instead of the system's. */
    ca?: string | Uint8Array | readonly (string | Uint8Array)[];
    /** The client's certificate chain, leaf first; needs `key`. */
    cert?: string | Uint8Array;
    /** The key of `cert`. */
    key?: string | Uint8Array;
  };
}

/** Options of `cache()`; docs/middlewares/cache.md says what is kept, and for whom. Times are in milliseconds. */
export interface CacheOptions {
  /** How long an answer is fresh. @default 300000 */
  ttl?: number;
  /** How long after that it is still given while another is fetched in the background. @default 0 */
  staleWhileRevalidate?: number;
  /** How long after that it is still given where the server fails. @default 0 */
  staleIfError?: number;
  /** What all answers in memory may take, in bytes; with 0 none is kept there, only in `store`. @default 67108864 */
  maxBytes?: number;
  /** How many answers may be in memory. @default 10000 */
  maxEntries?: number;
  /** The largest answer that is kept, in bytes. @default 4194304 */
  maxEntryBytes?: number;
  /** Methods whose answers are kept; `GET` and `POST` unless said otherwise. */
  methods?: readonly string[];
  /** Headers that are part of the question; `accept`, `anthropic-beta` and `anthropic-version` unless said otherwise. */
  vary?: readonly string[];
  /** Members of a JSON body that are not, as dotted paths; `metadata.user_id` unless said otherwise. */
  ignore?: readonly string[];
  /** In place of who asks: all calls with the same name share their answers, whatever credentials they have. */
  tenant?: string;
  /** The key of a call, in place of the request; `null` for one that is not kept. */
  key?: (req: KeyedRequest) => string | null | undefined | Promise<string | null | undefined>;
  /** How the events of a kept stream come again: at once, or with the pauses that they came with. @default 'instant' */
  replay?: 'instant' | 'paced';
  /** A second level, which others may share: the URL of a Redis, how it is reached, or an object that keeps values. */
  store?: string | URL | StoreOptions | CacheStore;
  /** What the names of all entries in the store begin with. @default 'cache:' */
  prefix?: string;
}

/** What a single call says to `cache()`; times are in milliseconds. */
export interface CacheCall {
  /** How long its answer is kept, and how old one may be that it takes. */
  ttl?: number;
  /** Its key, in place of the request. */
  key?: string;
  /**
   * `read-only`: its answer is not kept. `write-only`: it asks the server for itself. `refresh`: it asks the server,
   * together with those that ask the same meanwhile. By default it reads and writes.
   */
  mode?: 'read-only' | 'write-only' | 'refresh';
}

/** What a cache has done since it was made, and what it holds. */
export interface CacheStats {
  /** Answers out of the cache that were fresh. */
  hits: number;
  /** Answers from the server, since the cache had none. */
  misses: number;
  /** Answers out of the cache whose time was over. */
  stale: number;
  /** Answers together with another call. */
  shared: number;
  /** Answers of calls that passed by. */
  bypassed: number;
  /** Answers that were kept. */
  stored: number;
  /** Answers that were larger than one may be. */
  tooLarge: number;
  /** Answers that made room for others. */
  evicted: number;
  /** Answers in memory. */
  entries: number;
  /** What they take, in bytes. */
  bytes: number;
  /** Calls under way that others may join. */
  flights: number;
  /** Answers found in the store. */
  storeHits: number;
  /** Questions to the store that failed. */
  storeErrors: number;
  /** Answers in the store that could not be read: broken, or of another version. */
  storeBroken: number;
}

/** What a client's outermost `cache()` is asked besides calls; without one it is a ConfigError. */
export interface CacheControl {
  /** What it has done, and what it holds. */
  stats(): Promise<CacheStats>;
  /**
   * Forgets the answer to a call, or the one with this key, of whoever asks as this client does; says whether there
   * was one. It passes the middlewares outside of the cache as a call does, and goes no further.
   */
  delete(what: string | (RequestConfig & { url: string; method?: string; data?: unknown })): Promise<boolean>;
  /** Forgets everything, in the store too. */
  clear(): Promise<void>;
}

/** Gives an answer again that was given to the same question, and asks once where many ask the same. */
export declare function cache(options?: CacheOptions): NativeMiddleware;

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
export declare function logger(options?: LoggerOptions | LeveledLogger): NativeMiddleware;

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
  /**
   * Sends it on to a browser as server-sent events, by a response of Node's `http` or `http2`. No more is read than is
   * sent; a reader who leaves ends the call. It does not reject for a failure of the stream: it says how that ended.
   */
  toSSE(res: ServerResponse | Http2ServerResponse, options?: EmitOptions): Promise<Emitted>;
  /** The same as a Response of the WHATWG's, for handlers that return one. */
  toResponse(options?: EmitOptions): Response;
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
    body: Omit<MessageRequest, 'max_tokens'>,
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
