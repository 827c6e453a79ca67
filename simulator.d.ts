/** `trae-native/simulator`: a scriptable Claude API on a real socket, for tests, demos and benchmarks. */

export interface SimulatorOptions {
  /** 0, the default, takes a free port. */
  port?: number;
  /** Default 127.0.0.1. */
  host?: string;
  /** Speak TLS with a certificate for localhost, made at start. Default false. */
  tls?: boolean;
  /** The HTTP versions spoken. Default both: by ALPN over TLS, by prior knowledge in the clear. */
  http?: 'auto' | '1' | '2';
  /** How many requests are remembered. Default 1000; 0 remembers none. */
  keep?: number;
  /** Answer 401 to API calls that carry no key. Default false. */
  requireKey?: boolean;
  /** Ask for a client certificate of this CA (PEM); `own` issues one: see `clientIdentity`. Needs `tls`. */
  clientCa?: string;
  /** Act as an HTTP proxy too. Default false. */
  proxy?: boolean;
  /** The `user:password` that the proxy asks for. */
  proxyAuth?: string;
}

/** What to answer and how; nothing at all gives a made-up answer that depends on the prompt. */
export interface Reply {
  /** Which requests it is for; a path ending in `*` is a prefix. Default: all. */
  match?: { method?: string; path?: string };
  /** How many requests it serves; 0 is for ever. Default 1. */
  times?: number;
  /** Obeyed on any path. Default 200. From 400 on, an answer without content has the API's error body. */
  status?: number;
  headers?: Record<string, string | string[] | null>;
  /** A JSON value, a string sent as it is, or bytes. */
  body?: unknown;
  /** Written on the socket in place of an HTTP answer; then the connection ends. */
  raw?: string | Uint8Array;
  bodyBase64?: string;
  rawBase64?: string;
  /** Events: JSON texts or values, or the path of a file with one in each line. */
  transcript?: string | unknown[];
  /** The text of the answer. */
  text?: string;
  /** So many made-up text deltas. */
  events?: number;
  /** A literal body of server-sent events. */
  sse?: string;
  /** Answer with what was received, as JSON. */
  echo?: boolean;
  /** Each made-up delta carries the time of its writing: 20 digits, µs since the Unix epoch. */
  stamp?: boolean;
  /** Before the headers, in ms. */
  delayMs?: number;
  /** Between writes, in ms. */
  paceMs?: number;
  /** Between writes, in µs. */
  paceUs?: number;
  /** Default 1. */
  eventsPerWrite?: number;
  /** Cut the body into pieces of this size, each flushed by itself. */
  bytesPerWrite?: number;
  /** Undone by every client. `br` is valid Brotli of stored blocks: it makes nothing smaller. */
  encoding?: 'gzip' | 'br' | 'zstd' | 'deflate';
  /** Stop after so many bytes of the body. */
  cutAfterBytes?: number;
  /** Stop after so many events. */
  cutAfterEvents?: number;
  /** `close`: without ending the body (default); `reset`: TCP RST; `end`: the body ends cleanly, early. */
  cut?: 'close' | 'reset' | 'end';
  /** Fall silent, before the headers or in the body, until the client leaves. */
  hang?: 'headers' | 'body';
  hangAfterEvents?: number;
  /** End a stream with an `error` event at this place. */
  errorAt?: { index: number; type?: string; message?: string };
  /** Read the request's body before answering (default), never, or slowly. */
  readBody?: boolean | 'slow';
}

/** One request as it arrived, and what became of its answer. */
export interface Received {
  readonly connection: number;
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly httpVersion: '1.0' | '1.1' | '2';
  /** In order, names in lower case. */
  readonly headers: [string, string][];
  /** The first mebibyte. */
  readonly body: Buffer;
  readonly bodyLength: number;
  /** The client left before it had the whole answer. */
  readonly aborted: boolean;
  readonly complete: boolean;
  readonly bytesWritten: number;
  readonly timeMs: number;
  readonly proxied: boolean;
  header(name: string): string | undefined;
  json(): unknown;
}

export declare class Simulator {
  private constructor();
  readonly url: string;
  /** The certificate to trust, as PEM, where it speaks TLS. */
  readonly ca: string | undefined;
  /** A client certificate that it accepts, where `clientCa` is `own`. */
  readonly clientIdentity: { cert: string; key: string } | undefined;
  /** Queues replies; a request takes the first that fits. A header `x-simulator: <reply as JSON>` goes first. */
  reply(replies: Reply | Reply[]): this;
  /** The reply to whatever the queue has none for. */
  always(reply: Reply): this;
  readonly received: Received[];
  readonly counters: { connectionsOpen: number; connectionsTotal: number; requests: number; aborted: number };
  /** Forgets what arrived, the queue and the default. */
  clear(): void;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A wrong option, here or in a reply, is a ConfigError that names it. */
export declare function createSimulator(options?: SimulatorOptions): Promise<Simulator>;
