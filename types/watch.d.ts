/** What is told of calls: logger(), redact(), metrics(), tracing(). */

import type { Client, Middleware, NativeMiddleware } from '../index.js';
import type { ErrorCode, Phase } from './errors.js';

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
