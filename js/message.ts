// The message that the events of a stream of the Messages API add up to: what the whole answer would have been.
// The mirror of src/claude/fold, for events that JavaScript has made, and for listeners.

interface Event {
  type?: unknown;
  index?: unknown;
  message?: unknown;
  content_block?: unknown;
  delta?: unknown;
  usage?: unknown;
}

export type Block = Record<string, unknown>;

/** The field of a piece of content, by the kind of the piece. */
const PIECES: Record<string, string> = {
  text_delta: 'text',
  thinking_delta: 'thinking',
  signature_delta: 'signature',
  compaction_delta: 'content',
};

/** Adds up events without changing them: they are the reader's. */
export class MessageSum {
  #message: Block | undefined;
  readonly #blocks = new Map<unknown, Block>();
  /** The input of tools as text, until their block is over. */
  readonly #inputs = new Map<unknown, string>();
  #complete = false;
  #lost = false;

  /** Takes the next event in; with the last one it gives the message. */
  add(given: unknown): object | undefined {
    const event = given as Event | null;
    switch (event?.type) {
      case 'message_start':
        // Servers have been seen to start twice.
        this.#blocks.clear();
        this.#inputs.clear();
        this.#lost = false;
        this.#message = isObject(event.message) ? { ...event.message } : undefined;
        break;
      case 'content_block_start':
        if (isObject(event.content_block)) this.#blocks.set(event.index, begun(event.content_block));
        break;
      case 'content_block_delta':
        if (isObject(event.delta)) this.#piece(event.index, event.delta);
        break;
      case 'content_block_stop':
        this.#stop(event.index);
        break;
      case 'message_delta':
        this.#close(event);
        break;
      case 'message_stop':
        this.#complete = true;
        return this.message;
    }
    return undefined;
  }

  /** The message so far. */
  get message(): Block | undefined {
    if (this.#message === undefined) return undefined;
    return { ...this.#message, content: [...this.#blocks.keys()].map((index) => this.block(index)) };
  }

  /** Whether it has come to its end. */
  get complete(): boolean {
    return this.#complete;
  }

  /** Whether a piece has come for a block that nobody began. */
  get lost(): boolean {
    return this.#lost;
  }

  get usage(): unknown {
    return this.#message?.['usage'];
  }

  /** A block so far; what a tool's input is before its end, its text says. */
  block(index: unknown): Block | undefined {
    const [block, input] = [this.#blocks.get(index), this.#inputs.get(index)];
    return block && input ? { ...block, input: asValue(input) } : block;
  }

  /** Kinds that nobody knows add nothing. */
  #piece(index: unknown, delta: Block): void {
    const block = this.#blocks.get(index);
    if (block === undefined) {
      this.#lost = true;
      return;
    }
    const field = PIECES[delta['type'] as string];
    const piece = delta[field ?? 'partial_json'];
    if (field !== undefined && typeof piece === 'string') block[field] = `${block[field] ?? ''}${piece}`;
    else if (delta['type'] === 'input_json_delta' && typeof piece === 'string')
      this.#inputs.set(index, (this.#inputs.get(index) ?? '') + piece);
    else if (delta['type'] === 'citations_delta') {
      if (!Array.isArray(block['citations'])) block['citations'] = [];
      (block['citations'] as unknown[]).push(delta['citation']);
    }
  }

  #stop(index: unknown): void {
    const [block, text] = [this.#blocks.get(index), this.#inputs.get(index)];
    if (block && text) block['input'] = asValue(text);
    this.#inputs.delete(index);
  }

  /** Counts of usage are totals so far: a later one replaces the one before. */
  #close({ type: _type, delta, usage, ...more }: Event): void {
    if (this.#message === undefined) return;
    const message: Block = isObject(delta) ? { ...this.#message, ...delta } : this.#message;
    if (isObject(usage)) {
      const told = Object.entries(usage).filter(([, count]) => count !== null);
      message['usage'] = { ...(message['usage'] as object | undefined), ...Object.fromEntries(told) };
    }
    this.#message = { ...message, ...more };
  }
}

/** An input that was cut off, as by `max_tokens`, stays the text that it is. */
function asValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** A block at its start; its citations are added to a list of our own. */
function begun(block: Block): Block {
  const { citations } = block;
  return Array.isArray(citations) ? { ...block, citations: [...citations] } : { ...block };
}

function isObject(value: unknown): value is Block {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
