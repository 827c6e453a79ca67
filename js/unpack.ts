// Events as they cross: the mirror of src/node/pack.rs. A text is a piece of the content block that the last
// `[kind, index]` named; an event that is itself a text or a list comes as `[0, event]`; all others are themselves.

const enum Kind {
  Itself = 0,
  Text = 1,
  InputJson = 2,
  Thinking = 3,
  Signature = 4,
}

/** The content block whose pieces come as mere texts; it holds from batch to batch. */
export interface Block {
  kind: number;
  index: number;
}

export function noBlock(): Block {
  return { kind: Kind.Text, index: 0 };
}

/** Events of any source, packed so that they come out as they are. */
export function pack(events: readonly unknown[]): unknown[] {
  return events.map((event) => (typeof event === 'string' || Array.isArray(event) ? [Kind.Itself, event] : event));
}

/** The events of a batch. The batch is left as it was: two readers may unpack the same one. */
export function unpack<E>(packed: readonly unknown[], block: Block): E[] {
  const events: unknown[] = [];
  for (const item of packed) {
    if (typeof item === 'string') events.push(delta(block, item));
    else if (!Array.isArray(item)) events.push(item);
    else if (item[0] === Kind.Itself) events.push(item[1]);
    else [block.kind, block.index] = item as [number, number];
  }
  return events as E[];
}

/** The text in a batch, joined. */
export function texts(packed: readonly unknown[], block: Block): string {
  let text = '';
  for (const item of packed) {
    if (typeof item === 'string') {
      if (block.kind === Kind.Text) text += item;
    } else if (!Array.isArray(item)) text += textOf(item);
    else if (item[0] !== Kind.Itself) [block.kind, block.index] = item as [number, number];
  }
  return text;
}

interface Piece {
  type?: unknown;
  delta?: { type?: unknown; text?: unknown } | null;
  /** Of the API before messages. */
  completion?: unknown;
}

/** The text that an event adds. */
function textOf(event: unknown): string {
  const { type, delta, completion } = (event ?? {}) as Piece;
  if (type === 'completion') return typeof completion === 'string' ? completion : '';
  if (type !== 'content_block_delta' || delta?.type !== 'text_delta') return '';
  return typeof delta.text === 'string' ? delta.text : '';
}

/** Those events of a batch that are no mere pieces of content. */
export function whole(packed: readonly unknown[]): unknown[] {
  const events: unknown[] = [];
  for (const item of packed) {
    if (Array.isArray(item)) {
      if (item[0] === Kind.Itself) events.push(item[1]);
    } else if (typeof item !== 'string') events.push(item);
  }
  return events;
}

/** The event around a piece, its fields in the order in which the API writes them. */
function delta({ kind, index }: Block, piece: string): object {
  switch (kind) {
    case Kind.InputJson:
      return { type: 'content_block_delta', index, delta: { type: 'input_json_delta', partial_json: piece } };
    case Kind.Thinking:
      return { type: 'content_block_delta', index, delta: { type: 'thinking_delta', thinking: piece } };
    case Kind.Signature:
      return { type: 'content_block_delta', index, delta: { type: 'signature_delta', signature: piece } };
    default:
      return { type: 'content_block_delta', index, delta: { type: 'text_delta', text: piece } };
  }
}
