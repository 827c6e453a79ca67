// The message that the events of a stream of the Messages API add up to: what the whole answer would have been.

interface Event {
  type?: unknown;
  index?: unknown;
  message?: { content?: unknown; usage?: object };
  content_block?: object;
  delta?: Record<string, unknown>;
  usage?: object;
}

type Block = Record<string, unknown>;

/** The field of a piece of content, by the kind of the piece; in its block it has the same name. */
const PIECES: Record<string, string> = { text_delta: 'text', thinking_delta: 'thinking', signature_delta: 'signature' };

/** Adds up events without changing them: they are the reader's. */
export class MessageSum {
  #message: Block | undefined;
  readonly #blocks = new Map<unknown, Block>();
  /** The input of tools as text, until their block is over. */
  readonly #inputs = new Map<unknown, string>();

  /** Takes the next event in; with the last one it gives the message. */
  add(given: unknown): object | undefined {
    const event = given as Event | null;
    switch (event?.type) {
      case 'message_start':
        // Servers have been seen to start twice.
        this.#blocks.clear();
        this.#inputs.clear();
        this.#message = { ...event.message };
        break;
      case 'content_block_start':
        this.#blocks.set(event.index, { ...event.content_block });
        break;
      case 'content_block_delta':
        this.#piece(event.index, event.delta ?? {});
        break;
      case 'content_block_stop':
        this.#input(event.index);
        break;
      case 'message_delta':
        this.#close(event);
        break;
      case 'message_stop':
        return this.#message && { ...this.#message, content: [...this.#blocks.values()] };
    }
    return undefined;
  }

  /** Kinds that nobody knows add nothing. */
  #piece(index: unknown, delta: Record<string, unknown>): void {
    const block = this.#blocks.get(index);
    if (block === undefined) return;
    const field = PIECES[delta['type'] as string];
    if (field !== undefined) block[field] = `${block[field] ?? ''}${delta[field] ?? ''}`;
    else if (delta['type'] === 'input_json_delta')
      this.#inputs.set(index, `${this.#inputs.get(index) ?? ''}${delta['partial_json'] ?? ''}`);
    else if (delta['type'] === 'citations_delta')
      block['citations'] = [...((block['citations'] as unknown[] | null) ?? []), delta['citation']];
  }

  /** An input that was cut off, as by `max_tokens`, stays the text that it is. */
  #input(index: unknown): void {
    const [block, text] = [this.#blocks.get(index), this.#inputs.get(index)];
    if (!block || !text) return;
    try {
      block['input'] = JSON.parse(text);
    } catch {
      block['input'] = text;
    }
  }

  /** Counts of usage are totals so far: a later one replaces the one before. */
  #close({ delta, usage }: Event): void {
    const told = Object.entries(usage ?? {}).filter(([, count]) => count !== null);
    const before = this.#message?.['usage'] as object | undefined;
    if (this.#message) Object.assign(this.#message, delta, { usage: { ...before, ...Object.fromEntries(told) } });
  }
}
