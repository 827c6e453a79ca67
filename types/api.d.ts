/** The Claude API besides messages: batches, files, models, tokens, completions; docs/claude.md. */

import type { Readable } from 'node:stream';
import type { EventStream, HeadersInit, RequestConfig, TraeResponse } from '../index.js';
import type { ApiError, Besides, Message, MessageRequest, Usage } from './messages.js';

/** How a list is read. */
export interface ListOptions extends RequestConfig {
  /** Whether the next page is under way while the one before it is read. By default it is. */
  prefetch?: boolean;
}

/** A page of a list, as the API answers it. */
export type Page<T> = {
  data: T[];
  has_more?: boolean;
  first_id?: string | null;
  last_id?: string | null;
  [field: string]: any;
};

/** A list that comes in pages: `for await` gives its items. Nothing is asked before it is read. */
export interface Pages<T> extends AsyncIterable<T> {
  /** Item by item. Leaving the loop ends the call that is under way for the next page. */
  [Symbol.asyncIterator](): AsyncGenerator<T, void, undefined>;
  /** Page by page. */
  pages(): AsyncGenerator<Page<T>, void, undefined>;
  /** All of it as one list. */
  all(): Promise<T[]>;
}

/** One call of a batch. */
export type BatchRequest = {
  /** By which its result is known: results come in any order. Each may be there once. */
  custom_id: string;
  params: MessageRequest;
};

/** A batch as far as it has come. */
export type Batch = {
  id: string;
  type: string;
  processing_status: 'in_progress' | 'canceling' | 'ended' | (string & {});
  request_counts: { processing: number; succeeded: number; errored: number; canceled: number; expired: number };
  created_at: string;
  expires_at: string;
  ended_at: string | null;
  results_url: string | null;
  [field: string]: any;
};

/** What became of one call of a batch, told apart by `result.type`. */
export type BatchResult = {
  custom_id: string;
  result:
    | { type: 'succeeded'; message: Message; [field: string]: any }
    | { type: 'errored'; error: { type: string; error: ApiError; [field: string]: any }; [field: string]: any }
    | { type: 'canceled' | 'expired'; [field: string]: any };
  [field: string]: any;
};

/** How `wait()` looks. */
export interface WaitOptions extends RequestConfig {
  /** Milliseconds from one look to the next. By default 5000 at first, and half as much again each time up to 60000. */
  interval?: number;
  /** Hears of each look but the last; what it throws ends the wait. */
  onPoll?: (batch: Batch) => unknown;
}

/** The rows of an answer of JSON lines, read once. Blank lines are none; a line that is no JSON is a ParseError. */
export interface Rows<T> extends AsyncIterable<T> {
  /** Row by row. Leaving the loop ends the transfer. */
  [Symbol.asyncIterator](): AsyncGenerator<T, void, undefined>;
  /** Rows as they were handed over: one list per wake-up of the JavaScript thread. */
  batches(): AsyncGenerator<T[], void, undefined>;
  /** How many rows have been given, those left out by `offset` included: where another call would go on. */
  readonly offset: number;
  /** Ends the transfer. */
  abort(reason?: unknown): void;
  /** The answer that they come in. */
  readonly response: TraeResponse;
  /** The server's name for the call. */
  readonly requestId: string | undefined;
}

/** Message batches: many calls that are answered within a day, at half the price. */
export interface Batches {
  /** Hands calls in. */
  create(requests: readonly BatchRequest[], config?: RequestConfig): Promise<TraeResponse<Batch>>;
  /** What has become of it so far. */
  get(id: string, config?: RequestConfig): Promise<TraeResponse<Batch>>;
  /** Those of the workspace, the newest first. */
  list(options?: ListOptions): Pages<Batch>;
  /** Calls that have not begun will not; `wait()` for it all the same. */
  cancel(id: string, config?: RequestConfig): Promise<TraeResponse<Batch>>;
  /** Forgets one that has ended. */
  delete(id: string, config?: RequestConfig): Promise<TraeResponse<{ id: string; type: string }>>;
  /** Looks again and again until it has ended. */
  wait(id: string, options?: WaitOptions): Promise<TraeResponse<Batch>>;
  /** The results of one that has ended, in any order, as they come; the first `offset` rows are left out. */
  results(batch: string | Batch, options?: RequestConfig & { offset?: number }): Promise<Rows<BatchResult>>;
}

/** A file of the API. */
export type StoredFile = {
  id: string;
  type: string;
  filename: string;
  mime_type: string;
  size_bytes: number;
  created_at: string;
  downloadable?: boolean;
  [field: string]: any;
};

/** How a file is sent. */
export interface UploadOptions extends RequestConfig {
  /** By default the name of the file on disk, or of the File. */
  filename?: string;
  /** By default that of the Blob, or what the name ends with says. */
  mediaType?: string;
}

/** Files: sent and fetched as they are read and written, never whole in memory. */
export interface Files {
  /**
   * Sends a file: by its path, as a Blob, as bytes, or as a stream of bytes. One that has no name needs `filename`.
   * Bytes and Blobs of up to 8 MiB may be sent again by `retry()`; what is streamed, as a file on disk, is sent once.
   */
  upload(
    source: string | URL | Blob | ArrayBufferView | ArrayBuffer | AsyncIterable<Uint8Array | string>,
    options?: UploadOptions,
  ): Promise<TraeResponse<StoredFile>>;
  /** What is known of it. */
  get(id: string, config?: RequestConfig): Promise<TraeResponse<StoredFile>>;
  /** Those of the workspace. */
  list(options?: ListOptions): Pages<StoredFile>;
  /** Forgets it. */
  delete(id: string, config?: RequestConfig): Promise<TraeResponse<{ id: string; type: string }>>;
  /**
   * Writes its content to a path, where it is whole or not at all. A file that is replaced keeps its mode, links are
   * followed, and a place that can't be written is a ConfigError before anything is asked. A number as `timeout` limits
   * it all.
   */
  download(
    id: string,
    options: RequestConfig & { to: string | URL },
  ): Promise<TraeResponse<{ path: string; bytes: number }>>;
  /** Its content as a stream. A number as `timeout` limits it until it begins, `timeout.total` to its end. */
  download(id: string, options?: RequestConfig): Promise<TraeResponse<Readable>>;
}

/** A model of the API. */
export type Model = { id: string; type: string; display_name: string; created_at: string; [field: string]: any };

/** Models that the key may use. */
export interface Models {
  /** The newest first. */
  list(options?: ListOptions): Pages<Model>;
  /** One, by its id or an alias. */
  get(id: string, config?: RequestConfig): Promise<TraeResponse<Model>>;
}

/** What the API before messages is asked. */
export type CompletionRequest = {
  model: string;
  prompt: string;
  max_tokens_to_sample: number;
  stop_sequences?: readonly string[];
  stream?: boolean;
  [field: string]: any;
};

/** What it answers, whole or as an event of a stream. */
export type Completion = {
  id: string;
  type: string;
  completion: string;
  stop_reason: 'stop_sequence' | 'max_tokens' | (string & {}) | null;
  model: string;
  [field: string]: any;
};

/** How a stream is sent on. */
export interface EmitOptions {
  /** Milliseconds of silence after which a comment is sent; 0 for none. By default 15000. */
  heartbeat?: number;
  /** Of an answer that has a body. By default 200. */
  status?: number;
  /** Besides those of an event stream; `null` removes one of these. */
  headers?: HeadersInit;
}

/** How a stream that was sent on has ended. */
export type Emitted =
  /** All of it was sent. */
  | { ended: 'complete'; error?: undefined }
  /** It failed with this, or somebody else ended it (AbortError); the reader was told by an `error` event. */
  | { ended: 'failed'; error: any }
  /** The reader left, and the call was ended for it. */
  | { ended: 'left'; error?: undefined };

/** What a tool is told besides its input. */
export interface ToolOccasion {
  /** That of the block which calls it. */
  readonly id: string;
  /** The tool's own. */
  readonly name: string;
  /** Of the answer that calls it, from 1. */
  readonly turn: number;
  /** Aborted when the run is. */
  readonly signal: AbortSignal;
}

/** What a schema of Standard Schema takes out of what it is given. */
type OutputOf<S> = S extends { readonly '~standard': { readonly types?: { readonly output: infer O } | undefined } }
  ? O
  : any;

/** A tool that this process runs. `run` gets a copy of its input, and only of one that is a JSON object. What it throws is told to the model as its result. */
export interface Tool<S = any> {
  /** By which the model calls it. */
  name: string;
  /** What it is for. */
  description?: string;
  /**
   * Standard Schema: checks, and may change, what the model calls it with. Where the schema can say itself as JSON Schema
   * (zod, arktype), the model is told that.
   */
  input?: S;
  /** What the model is told of the input, where `input` does not say so itself. */
  input_schema?: object;
  /** Gives a text, blocks of content, or a value that becomes JSON. */
  run(input: OutputOf<S>, occasion: ToolOccasion): unknown;
  [member: string]: any;
}

/** The tool itself, checked, with `run` typed by `input`. */
export declare function tool<S>(tool: Tool<S>): Tool<S>;

/** A tool that the API runs itself, as its search of the web. */
export type ServerTool = {
  type: string;
  name?: string;
  run?: undefined;
  execute?: undefined;
  input?: undefined;
  inputSchema?: undefined;
  [member: string]: any;
};

/** A run: members of the body, and what is ours. Options of its calls go to `config`. */
export type ToolRunOptions = Besides<MessageRequest, 'tools' | 'stream'> & {
  stream?: undefined;
  headers?: undefined;
  timeout?: undefined;
  retry?: undefined;
  /** Those that the model may call. */
  tools: readonly (Tool | ServerTool)[];
  /** Answers of the model at most. By default 10. */
  maxTurns?: number;
  /** Ends the run wherever it is. */
  signal?: AbortSignal;
  /** Options of each call. */
  config?: RequestConfig;
};

/** An answer, the tools that it calls, their results, and again. It begins when it is read or waited for. */
export interface ToolRun extends AsyncIterable<EventStream> {
  /** A stream for each answer of the model. One that is not read is let go, its message is not. */
  [Symbol.asyncIterator](): AsyncIterator<EventStream, void, undefined>;
  /** The last answer; without a reader the run goes on by itself. */
  finalMessage(): Promise<Message>;
  /** Its text. */
  finalText(): Promise<string>;
  /**
   * The conversation so far: what it began with, answers and results. It can be given on: an input that was no JSON
   * object is an empty one here.
   */
  readonly messages: MessageRequest['messages'];
  /** How many answers the model has given. */
  readonly turns: number;
  /** The tokens of all of them together. */
  readonly usage: Usage;
  /** Why it is over: the model has come to an end, or `maxTurns` has. */
  readonly stopped: 'end' | 'maxTurns' | undefined;
  /** Ends it, with the call and the tools that are under way. */
  abort(reason?: unknown): void;
}
