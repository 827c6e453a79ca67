// What is sent on of a stream, as text: its events, a sign of life in silence, and last of all what it failed with.

import type { Channel } from '../channel.js';
import type { Options } from '../config.js';
import { aborted } from '../errors.js';
import { EventStream } from '../stream.js';
import { asItCame, failed, frame } from './text.js';

const BEAT = ': still there\n\n';

/**
 * It knows neither the stream nor whoever it is sent to, so that both can be collected; and a timer runs only while
 * a piece is waited for.
 */
export class Frames {
  readonly #channel: Channel<unknown>;
  readonly #write: (event: unknown) => string;
  readonly #heartbeat: number;
  #coming: Promise<string | undefined> | undefined;
  #over = false;
  /** What the stream has failed with. */
  failure: { error: unknown } | undefined;

  /** Takes the stream, which from now on lasts as long as somebody holds `holder`. */
  constructor(stream: EventStream, heartbeat: number, holder: object) {
    this.#write = (stream.response.config as Options)['responseType'] === 'sse' ? asItCame : frame;
    this.#heartbeat = heartbeat;
    this.#channel = EventStream.handOver(stream, holder);
  }

  /** A piece for each wake-up, or a comment where none comes; `undefined` after the last. Never rejects. */
  async next(): Promise<string | undefined> {
    if (this.#over) return undefined;
    // What a comment was given in place of is still waited for.
    this.#coming ??= this.#piece();
    const piece = await this.#orBeat(this.#coming);
    if (piece !== BEAT) this.#coming = undefined;
    return this.#over ? undefined : piece;
  }

  /** Nobody wants more: ends the transfer. */
  leave(): void {
    this.#over = true;
    this.#channel.abort();
  }

  async #orBeat(coming: Promise<string | undefined>): Promise<string | undefined> {
    if (this.#heartbeat === 0) return coming;
    let timer: NodeJS.Timeout | undefined;
    const beat = new Promise<string>((resolve) => {
      // No process has to live for it.
      timer = setTimeout(resolve, this.#heartbeat, BEAT).unref();
    });
    try {
      return await Promise.race([coming, beat]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #piece(): Promise<string | undefined> {
    if (this.failure) return undefined;
    let text = '';
    try {
      const { value, done } = (await this.#channel.next({})) as IteratorResult<unknown[], undefined>;
      if (done) this.#requireWhole();
      else for (const event of value) text += this.#write(event);
      return done ? undefined : text;
    } catch (error) {
      this.failure = { error };
      // It may be an event that can't be written, of a stream that goes on.
      this.#channel.abort();
      return text + failed(error);
    }
  }

  /** To its reader a stream that somebody aborts without a reason is over: the one out there must be told. */
  #requireWhole(): void {
    const { left, text } = this.#channel.result;
    if (left) throw aborted('body', new Error('somebody ended the stream while it was sent on'), text);
  }
}
