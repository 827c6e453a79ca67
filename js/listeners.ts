// Those who listen to a stream, by what they listen for, in the words of the official SDK.

import { bound } from './context.js';
import { AbortError } from './errors.js';
import { MessageSum } from './message.js';
import { PartialJson } from './partial-json.js';
import type { Result } from './result.js';
import { surface } from './words.js';

type Listener = (...args: never[]) => unknown;

/** These are told of events. */
const OF_EVENTS = [
  'event',
  'text',
  'thinking',
  'signature',
  'citation',
  'inputJson',
  'contentBlock',
  'message',
  'ping',
];
/** To listen for these makes a stream flow. */
const FLOWING = [...OF_EVENTS, 'finalMessage'];
export const NAMES: readonly string[] = [...FLOWING, 'error', 'abort', 'end'];

export const hears = (name: string): boolean => OF_EVENTS.includes(name);
export const flows = (name: string): boolean => FLOWING.includes(name);

/** Who else learns how the stream ends. */
export interface Use {
  reader: boolean;
  awaited: boolean;
}

interface Delta {
  type?: unknown;
  text?: unknown;
  thinking?: unknown;
  signature?: unknown;
  citation?: unknown;
  partial_json?: unknown;
}

export class Listeners {
  /** `run` is the listener as it would be called where it was added. */
  readonly #listeners = new Map<string, { listener: Listener; run: Listener; once: boolean }[]>();
  readonly #sum = new MessageSum();
  readonly #inputs = new Map<unknown, PartialJson>();

  add(name: string, listener: Listener, once: boolean): void {
    this.#listeners.set(name, [...(this.#listeners.get(name) ?? []), { listener, run: bound(listener), once }]);
  }

  /** Takes a listener out once, as often as it was added. */
  remove(name: string, listener: Listener): void {
    const listed = this.#listeners.get(name) ?? [];
    const at = listed.findIndex((one) => one.listener === listener);
    this.#listeners.set(
      name,
      listed.filter((_, place) => place !== at),
    );
  }

  hear(events: readonly unknown[]): void {
    for (const event of events) this.#tell(event as { type?: unknown; index?: unknown; delta?: Delta } | null);
  }

  /** The stream is over. A failure that reaches nobody else must not vanish. */
  over(error: unknown, result: Result, use: Use): void {
    if (error === undefined && !result.left) {
      if (this.#has('finalMessage') && result.has) this.#emit('finalMessage', result.final);
    } else if (error === undefined || error instanceof AbortError) {
      if (this.#has('abort')) this.#emit('abort', error ?? result.leaving);
    } else if (this.#has('error')) this.#emit('error', error);
    else if (!use.reader && !use.awaited) void Promise.reject(error);
    this.#emit('end');
  }

  #tell(event: { type?: unknown; index?: unknown; delta?: Delta } | null): void {
    const message = this.#sum.add(event);
    const { type, index } = event ?? {};
    this.#emit('event', event);
    if (type === 'content_block_start') this.#inputs.delete(index);
    else if (type === 'content_block_delta') this.#piece(index, event?.delta ?? {});
    else if (type === 'content_block_stop') {
      const block = this.#sum.block(index);
      if (block) this.#emit('contentBlock', block);
    } else if (type === 'ping') this.#emit('ping', event);
    if (message) this.#emit('message', message);
  }

  /** Rows of JSON may have anything in these places: who listens for a text gets none but texts. */
  #piece(index: unknown, delta: Delta): void {
    const block = this.#sum.block(index);
    switch (delta.type) {
      case 'text_delta':
        if (typeof delta.text === 'string') this.#emit('text', delta.text, block?.['text']);
        break;
      case 'thinking_delta':
        if (typeof delta.thinking === 'string') this.#emit('thinking', delta.thinking, block?.['thinking']);
        break;
      case 'signature_delta':
        this.#emit('signature', block?.['signature']);
        break;
      case 'citations_delta':
        this.#emit('citation', delta.citation, block?.['citations']);
        break;
      case 'input_json_delta':
        if (typeof delta.partial_json === 'string' && this.#has('inputJson'))
          this.#emit('inputJson', delta.partial_json, this.#input(index, delta.partial_json));
        break;
    }
  }

  #input(index: unknown, piece: string): unknown {
    const input = this.#inputs.get(index) ?? new PartialJson();
    this.#inputs.set(index, input);
    return input.add(piece);
  }

  #has(name: string): boolean {
    return (this.#listeners.get(name)?.length ?? 0) > 0;
  }

  /** What a listener throws is its own, and keeps nobody from the rest. */
  #emit(name: string, ...args: unknown[]): void {
    const listed = this.#listeners.get(name);
    if (listed === undefined || listed.length === 0) return;
    if (listed.some(({ once }) => once))
      this.#listeners.set(
        name,
        listed.filter(({ once }) => !once),
      );
    for (const { run } of listed) {
      try {
        const given = run(...(args as never[])) as PromiseLike<unknown> | undefined;
        if (typeof given?.then === 'function') given.then(undefined, surface);
      } catch (thrown) {
        surface(thrown);
      }
    }
  }
}
