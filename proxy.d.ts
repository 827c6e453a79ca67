/**
 * The caching proxy before the Messages API, in this process.
 *
 * Sections that are named as middlewares take their options; see docs/proxy.md for all of them.
 */

/** Options of a proxy. Times are in milliseconds. */
export interface ProxyOptions {
  /**
   * Where to listen: `host:port`, `unix:/path`, or `systemd` for the sockets that it has opened.
   * @default '127.0.0.1:8787'
   */
  listen?: string | string[];
  /** Paths of a certificate and its key (PEM); HTTP/2 is then spoken by ALPN. */
  tls?: { cert: string; key: string };
  /**
   * Listen beyond this machine though there are no `callers`.
   * @default false
   */
  allowAnonymous?: boolean;
  /** Names that browsers may call it by, besides addresses and names without a dot. */
  hosts?: string[];
  /** The API behind it, or its URL alone. */
  upstream?: string | Upstream;
  /** Redis or Valkey, by URL or options: cache, limits, sessions and budgets of all replicas stand there. */
  store?: string | Record<string, unknown>;
  cache?: boolean | Record<string, unknown>;
  retry?: boolean | Record<string, unknown>;
  circuitBreaker?: boolean | Record<string, unknown>;
  logger?: boolean | Record<string, unknown>;
  redact?: boolean | Record<string, unknown>;
  metrics?: boolean | Record<string, unknown>;
  rateLimit?: false | Record<string, unknown>;
  concurrency?: boolean | Record<string, unknown>;
  fallback?: false | Record<string, unknown>;
  keyPool?: false | Record<string, unknown>;
  hedge?: boolean | Record<string, unknown>;
  timeout?: boolean | Record<string, unknown>;
  idempotencyKey?: boolean | Record<string, unknown>;
  /** Conversations by `x-session-id`: `{ ttl, window, maxSessions, … }`, or `false` for none. */
  sessions?: boolean | Record<string, unknown>;
  /** Who may ask. Without any, whoever reaches the proxy may. */
  callers?: Caller[];
  /** What tokens cost, in US dollars per million; the first that fits a model is taken. */
  prices?: Price[];
  limits?: Limits;
  /**
   * The page at `/`; with `bodies`, what was asked and answered last can be shown there.
   * @default true
   */
  page?: boolean | { bodies?: boolean };
}

/** The API behind a proxy: options of `createClient`, but for these. */
export interface Upstream {
  /**
   * The API's own URL, without `/v1`.
   * @default 'https://api.anthropic.com'
   */
  url?: string;
  /** The key that stays in the proxy: itself, `env:NAME` or `file:/path`. Without one, callers send their own. */
  key?: string;
  /** @default 'x-api-key' */
  scheme?: 'x-api-key' | 'bearer';
  headers?: Record<string, string>;
  timeout?: number | Record<string, number>;
  pool?: Record<string, unknown>;
  http2?: 'auto' | 'off' | 'only';
  [option: string]: unknown;
}

/** One caller of a proxy. */
export interface Caller {
  /** Stands in logs and figures. */
  name: string;
  /** `sha256:` and the digest of its key in hexadecimal, or the key: itself, `env:NAME` or `file:/path`. */
  key: string;
  /**
   * May see the page, the figures and the last requests.
   * @default false
   */
  admin?: boolean;
  /** Models that it may name, with `*` for any text. Default: all. */
  models?: string[];
  rateLimit?: Record<string, unknown>;
  concurrency?: Record<string, unknown>;
  /** What it may use up in one day, by UTC. */
  budget?: { tokens?: number; usd?: number };
}

/** What tokens of a model cost, in US dollars per million. */
export interface Price {
  /** A model, with `*` for any text. */
  model: string;
  input: number;
  output: number;
  cacheRead?: number;
  cacheCreation?: number;
}

/** What connections may take. */
export interface Limits {
  /**
   * Connections at once; further ones wait.
   * @default 10000
   */
  connections?: number;
  /**
   * All headers of a request, in bytes.
   * @default 65536
   */
  headerBytes?: number;
  /**
   * The body of a request, in bytes; files may have 512 MiB.
   * @default 33554432
   */
  requestBytes?: number;
  /**
   * From the begin of a connection, or the request before, to the last header of a request.
   * @default 30000
   */
  headersTimeout?: number;
  /**
   * Between two pieces of a request's body; 0 for no limit.
   * @default 30000
   */
  bodyTimeout?: number;
  /**
   * How long a caller may take nothing of an answer that is there; 0 for no limit.
   * @default 60000
   */
  writeTimeout?: number;
  /**
   * How long streams may go on after the proxy was told to stop.
   * @default 30000
   */
  drainTimeout?: number;
}

/** Where options are read besides those that are given. */
export interface ProxySources {
  /** A file in TOML, or in JSON where its name ends so. Options that are given stand over those in it. */
  file: string;
  /** Variables such as `TRAE_PROXY_CACHE_TTL`; others are let be. */
  environment: Record<string, string | undefined>;
  /** Texts by the names of options, as `{ 'cache.ttl': '60000' }`: over all others. */
  flags: Record<string, string>;
  /**
   * Tell the service manager (systemd) when it is ready, reloads and stops.
   * @default false
   */
  service: boolean;
  /**
   * How many threads of its own the proxy has, each with connections of its own; for none it shares those of all
   * clients of this process.
   * @default 0
   */
  threads: number;
}

/** A running proxy. */
export interface ProxyServer extends AsyncDisposable {
  /** Where it is reached. */
  readonly url: string;
  /** The same for each place that it listens at. */
  readonly urls: readonly string[];
  /**
   * Reads its sources again and goes on with what they say now, and with these options; what is under way ends as it
   * began, and what did not change keeps its state.
   * @throws ConfigError where an option is wrong; the proxy then goes on as before.
   */
  reload(options?: ProxyOptions): void;
  /**
   * Takes no request any more, and lets those under way end. Those left after `drainTimeout` milliseconds are told of
   * it and cut off; resolves to their number.
   */
  stop(options?: { drainTimeout?: number }): Promise<number>;
  /** Stops at once. */
  close(): Promise<void>;
}

export declare const ProxyServer: abstract new (...args: never) => ProxyServer;

/**
 * Starts a proxy.
 * @throws ConfigError where an option is wrong or a place is taken; it says where the option stands.
 *
 * @example
 * const proxy = await createProxy({ upstream: { key: 'env:ANTHROPIC_API_KEY' } });
 * const client = new Anthropic({ baseURL: proxy.url, apiKey: 'any' });
 */
export declare function createProxy(options?: ProxyOptions, sources?: Partial<ProxySources>): Promise<ProxyServer>;
