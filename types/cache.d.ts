/** cache() and the stores that replicas share; docs/middlewares/cache.md, docs/store.md. */

import type { NativeMiddleware, RequestConfig } from '../index.js';

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
