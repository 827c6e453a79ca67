// What a stream comes to: its message, while it comes and when it is over, or why there is none.

import type { Ending } from './ending.js';
import { aborted, fromFailure, IncompleteStreamError, ParseError } from './errors.js';

/** Whoever adds the events of a stream up. */
export interface Sum {
  /** Where events have to be shown to it. */
  add?(event: unknown): unknown;
  /** Whether nothing of the message is missing at the end of the stream. */
  readonly complete: boolean;
  /** Whether a piece has come for a block that nobody began. */
  readonly lost?: boolean;
  readonly message: object | undefined;
  readonly usage: unknown;
  /** The message so far as JSON, where that is how it is kept. */
  readonly text?: string | undefined;
}

/** The text of a message: that of all its blocks of text. */
export function textOf(message: object): string {
  const { content } = message as { content?: { type?: unknown; text?: unknown }[] };
  const texts = (content ?? []).filter((block) => block.type === 'text' && typeof block.text === 'string');
  return texts.map((block) => block.text).join('');
}

/** As the engine tells it. */
function lacking(partial: string | undefined): ParseError {
  const message = 'the stream has pieces of content for a block that it never began: the message lacks them';
  return new ParseError({ code: 'PARSE', phase: 'body', message, partial: partial ?? null });
}

/** How a stream ended: with its message as JSON, with why that can't be had, or because its reader left. */
export type Last = { message?: string; why?: string; left?: boolean } | undefined;

export class Result {
  readonly #ending: Ending;
  readonly #sum: Sum;
  #last: Last;
  #message: object | undefined;

  constructor(ending: Ending, sum: Sum) {
    this.#ending = ending;
    this.#sum = sum;
  }

  /** Shows it events that are packed. */
  add(packed: readonly unknown[] | string): void {
    if (!this.#sum.add) return;
    const items: unknown[] = typeof packed === 'string' ? JSON.parse(packed) : packed;
    for (const item of items) this.#sum.add(Array.isArray(item) ? item[1] : item);
  }

  /** The stream is over. */
  come(last: Last): void {
    this.#last = last;
  }

  /** The message so far. */
  get soFar(): object | undefined {
    return this.#whole ?? this.#sum.message;
  }

  get usage(): unknown {
    return (this.#whole as { usage?: unknown } | undefined)?.usage ?? this.#sum.usage;
  }

  /** The message so far as JSON. */
  get text(): string | undefined {
    if (this.#sum.text !== undefined) return this.#sum.text;
    const { soFar } = this;
    return soFar && JSON.stringify(soFar);
  }

  /** For another stream of the same events. */
  get shared(): Sum {
    const result = this;
    return {
      complete: true,
      get lost() {
        return result.#sum.lost === true;
      },
      get message() {
        return result.soFar;
      },
      get usage() {
        return result.usage;
      },
    };
  }

  get last(): Last {
    return this.#last;
  }

  /** Whether its reader left before its end. */
  get left(): boolean {
    return this.#last?.left === true;
  }

  get leaving(): unknown {
    return aborted('body', new Error('its reader left the stream before its end'), this.text);
  }

  /** Whether there is a message. */
  get has(): boolean {
    return this.#whole !== undefined || (this.#sum.complete && this.#sum.message !== undefined);
  }

  /** Throws what the stream has failed with. */
  requireEnd(): void {
    const { error } = this.#ending;
    if (error !== undefined) throw error;
    if (this.left) throw this.leaving;
  }

  /** The message of a stream that is over; what it has failed with is thrown. */
  get final(): object {
    this.requireEnd();
    if (this.#last?.why !== undefined) throw fromFailure(this.#last.why);
    if (this.#sum.lost) throw lacking(this.text);
    // The same for all who ask.
    this.#message ??= this.#whole ?? (this.#sum.complete ? this.#sum.message : undefined);
    if (this.#message !== undefined) return this.#message;
    const why = this.#sum.message ? 'ended before message_stop' : 'had no message: it is none of the Messages API';
    throw new IncompleteStreamError({
      code: 'INCOMPLETE_STREAM',
      phase: 'body',
      message: `the stream ${why}`,
      partial: this.text ?? null,
    });
  }

  /** Parsed once, when it is first asked for. */
  get #whole(): object | undefined {
    if (this.#message === undefined && this.#last?.message !== undefined) {
      this.#message = JSON.parse(this.#last.message) as object;
      this.#last = {};
    }
    return this.#message;
  }
}
