// What the Claude API's resources are built on: the calls that any service could make.

import type { Options } from '../config.js';
import type { TraeResponse } from '../response.js';
import type { Abortable } from '../signals.js';
import type { EventStream } from '../stream.js';

export interface Caller {
  request(config: Options): Promise<TraeResponse>;
  stream(url: string, data: unknown, config: Options): Promise<EventStream>;
  /** Of the Claude API, where this client has it: `/messages` is `/v1/messages` where no version is in the base URL. */
  path(below: string): string;
  /** What ends a call: its own signal, or the client's where it has none. */
  signal(own: unknown): AbortSignal | undefined;
  /** What is between two calls, and ends when the client is closed. */
  readonly under: Set<Abortable>;
}
