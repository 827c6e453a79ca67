/** The Messages API: requests, answers, events. */

import type { AbortError } from './errors.js';

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

/** A type without some of its members; `Omit` would forget all that it names where others may be there. */
export type Besides<T, K> = { [P in keyof T as P extends K ? never : P]: T[P] };

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
