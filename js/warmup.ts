// Connections ready before the first call: how a warm-up is asked for, and what is kept up after it.

import { Call } from './call.js';
import { json, type Options, requireObject } from './config.js';
import { AbortError, fromFailure, kindOf, type TraeError, config as wrong } from './errors.js';
import { engine, listen, type NativeClient, type NativeKeeper } from './native.js';
import type { TraeResponse } from './response.js';
import { type Abortable, listenTo } from './signals.js';
import { EventStream } from './stream.js';

/** One connection, as index.d.ts has it. */
interface WarmConnection {
  connectMs: number | null;
  reused: boolean;
  inUse: boolean;
  status?: number;
  httpVersion?: string;
  error?: TraeError;
}

export interface Warmed {
  connections: WarmConnection[];
  totalMs: number;
  prompt?: Prompted;
}

interface Prompted {
  totalMs: number;
  response?: TraeResponse;
  error?: unknown;
}

/** What a warm-up was told: what Rust reads of it, and what it does not. */
export interface Wish {
  options: string;
  path: string | undefined;
  /** What an error says of it. */
  asked: { method: string; url: string };
  signal: unknown;
  prompt: object | undefined;
}

export function wishOf(given: Options): Wish {
  requireObject(given, 'the options of warmup()');
  const { signal, prompt, ...options } = given;
  if (prompt != null && (typeof prompt !== 'object' || Array.isArray(prompt)))
    throw wrong(`\`warmup.prompt\` must be an object, the body of a call, got ${kindOf(prompt)}`);
  const { path, method } = options;
  const asked = { method: String(method ?? 'HEAD'), url: String(path ?? '') };
  return { options: json(options), path: path ?? undefined, asked, signal, prompt: prompt ?? undefined };
}

/** Has connections ready; `calls` knows it while it is under way. */
export async function warm(
  client: NativeClient,
  { options, asked }: Wish,
  signal: AbortSignal | undefined,
  calls: Set<Abortable>,
): Promise<Warmed> {
  const response = await new Promise<TraeResponse>((resolve, reject) => {
    const plan = {
      ...asked,
      config: () => ({}),
      signal,
      validateStatus: null,
      transformResponse: undefined,
      responseType: 'json',
      describe: (status: number, headers: string, body: Uint8Array) =>
        client.describeStatus(status, headers, body, '{}'),
      over: () => calls.delete(call),
    };
    const call: Call = new Call(plan, { resolve, reject });
    call.id = listen(call);
    calls.add(call);
    engine.warmup(client, call.id, options);
  });
  const report = response.data as { connections: (WarmConnection & { error?: string })[]; totalMs: number };
  for (const connection of report.connections) {
    if (connection.error !== undefined) connection.error = fromFailure(connection.error) as TraeError & string;
  }
  return report;
}

/** Makes the small real call, and hears it to its end; what becomes of it is told and not thrown. */
export async function prompted(prompt: object, post: (body: object) => Promise<TraeResponse>): Promise<Prompted> {
  const started = performance.now();
  const outcome: Omit<Prompted, 'totalMs'> = {};
  try {
    outcome.response = await post(prompt);
    if (outcome.response.data instanceof EventStream) for await (const _ of outcome.response.data.batches());
  } catch (error) {
    if (error instanceof AbortError) throw error;
    outcome.error = error;
  }
  return { ...outcome, totalMs: performance.now() - started };
}

/** Keeps up a number of connections, until it is given up or nobody holds it any more. */
export class Keeper implements Abortable {
  readonly #native: NativeKeeper;
  readonly #unlisten: (() => void) | undefined;

  constructor(native: NativeKeeper, signal: AbortSignal | undefined) {
    this.#native = native;
    if (signal) this.#unlisten = listenTo(signal, this);
  }

  /** What the options ask for; nothing, where they do not. */
  static of(client: NativeClient, { options }: Wish, signal: AbortSignal | undefined): Keeper | undefined {
    const made = engine.keepWarm(client, options);
    if (typeof made === 'string') throw fromFailure(made);
    return made == null ? undefined : new Keeper(made, signal);
  }

  abort(): void {
    this.#native.stop();
    this.#unlisten?.();
  }
}
