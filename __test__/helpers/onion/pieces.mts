// The language in which random onions are written: plain data, so that a counterexample shrinks and can be read.

import fc from 'fast-check';

export type Thrown = 'error' | 'text' | 'trae';

export type Js =
  | { do: 'watch' | 'append' | 'delete' | 'data' | 'inPlace' | 'url' | 'params' | 'other' | 'method' }
  | { do: 'short' | 'heal' | 'again' | 'retries' | 'nothing' | 'wrap' | 'map' | 'consume' }
  | { do: 'atOnce' | 'races' | 'forgets' }
  | { do: 'throwBefore' | 'throwAfter'; what: Thrown }
  | { do: 'before' | 'after' | 'finally' | 'hooks' };

export type Native =
  | { do: 'retry'; maxRetries: number }
  | { do: 'timeout' }
  | { do: 'idempotencyKey' }
  | { do: 'auth' };

/** A piece in JavaScript may have a condition: a header that another piece may have set. */
export type Piece = { js: Js; when?: boolean } | { native: Native };

export type Reply =
  | { status: 200 | 400 | 429 | 500 | 529 }
  | { stream: 'whole' | 'overloadedFirst' | 'invalidFirst' | 'overloadedLater' | 'cut' }
  | { hang: true };

/** When the caller gives up: at a piece's first entrance, while a request hangs, or after so many events. */
export type Abort = { at: 'start' | 'hang' } | { at: 'entrance'; piece: number } | { at: 'event'; after: number };

export interface Case {
  pieces: Piece[];
  /** How many of the last pieces come with the call and not with the client, as far as they can. */
  own: number;
  replies: Reply[];
  abort: Abort | undefined;
}

/** These leave a next() under way, so nobody can say how far it comes. */
const LOOSE = ['races', 'forgets'];

export const isLoose = (piece: Piece): boolean => 'js' in piece && LOOSE.includes(piece.js.do);
/** What can stand in a call's own list: no condition, and none of the client's verbs. */
const isStandalone = (piece: Piece): boolean =>
  'native' in piece || !(piece.when || ['before', 'after', 'finally'].includes(piece.js.do));

/** Where the call's own list begins. */
export function ownFrom({ pieces, own }: Case): number {
  let from = pieces.length;
  while (from > pieces.length - own && from > 0 && isStandalone(pieces[from - 1] as Piece)) from--;
  return from;
}

export const isJs = (piece: Piece, name: string): boolean => 'js' in piece && piece.js.do === name;
export const isNative = (piece: Piece, name: Native['do']): boolean => 'native' in piece && piece.native.do === name;

const plain = fc.constantFrom(
  ...(['watch', 'append', 'delete', 'data', 'inPlace', 'url', 'params', 'other', 'method'] as const),
  ...(['short', 'heal', 'again', 'retries', 'nothing', 'wrap', 'map', 'consume'] as const),
  ...(['atOnce', 'races', 'forgets', 'before', 'after', 'finally', 'hooks'] as const),
);
const thrown = fc.constantFrom<Thrown>('error', 'text', 'trae');
const js: fc.Arbitrary<Js> = fc.oneof(
  { weight: 10, arbitrary: plain.map((name) => ({ do: name })) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom('throwBefore' as const, 'throwAfter' as const), what: thrown }),
  },
);
const native: fc.Arbitrary<Native> = fc.oneof(
  fc.record({ do: fc.constant('retry' as const), maxRetries: fc.nat(3) }),
  fc.constantFrom<Native>({ do: 'timeout' }, { do: 'idempotencyKey' }, { do: 'auth' }),
);
const conditions = fc.option(fc.constant(true), { freq: 5, nil: undefined });
const piece: fc.Arbitrary<Piece> = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(js, conditions).map(([js, when]) => (when ? { js, when } : { js })) },
  { weight: 2, arbitrary: fc.record({ native }) },
);
const reply: fc.Arbitrary<Reply> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ status: fc.constantFrom(200, 400, 429, 500, 529) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      stream: fc.constantFrom('whole', 'overloadedFirst', 'invalidFirst', 'overloadedLater', 'cut'),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ hang: true as const }) },
) as fc.Arbitrary<Reply>;
const abort: fc.Arbitrary<Abort> = fc.oneof(
  { weight: 1, arbitrary: fc.constant({ at: 'start' as const }) },
  { weight: 4, arbitrary: fc.record({ at: fc.constant('entrance' as const), piece: fc.nat(6) }) },
  { weight: 3, arbitrary: fc.record({ at: fc.constant('event' as const), after: fc.nat(3) }) },
);

export const cases: fc.Arbitrary<Case> = fc
  .record({
    pieces: fc.array(piece, { maxLength: 7, size: 'max' }),
    own: fc.nat(3),
    replies: fc.array(reply, { maxLength: 5, size: 'max' }),
    abort: fc.option(abort, { freq: 3, nil: undefined }),
  })
  .map((drawn) => legible(settled(drawn)));

/** Takes out what would leave the end of a run to luck. */
function settled({ pieces, own, replies, abort }: Case): Case {
  if (pieces.some(isLoose)) {
    // What a piece has left under way may take a reply or not: all of them are the same.
    const [first = { status: 200 }] = replies.filter((reply) => !('hang' in reply));
    return { pieces, own, replies: [first, first, first, first, first], abort: undefined };
  }
  // One request may hang, and something must end it.
  const at = replies.findIndex((reply) => 'hang' in reply);
  const once = replies.filter((reply, index) => !('hang' in reply) || index === at);
  if (at < 0 || pieces.some((piece) => isNative(piece, 'timeout')))
    return { pieces, own, replies: once, abort: at < 0 ? abort : undefined };
  return { pieces, own, replies: once, abort: { at: 'hang' } };
}

/** Shown as one line where a counterexample is printed. */
function legible(drawn: Case): Case {
  return Object.defineProperty(drawn, fc.toStringMethod, { value: () => written(drawn) });
}

export function written({ pieces, own, replies, abort }: Case): string {
  const list = pieces.map((piece) => {
    const { do: name, ...more } = 'js' in piece ? piece.js : piece.native;
    const detail = Object.values(more).join();
    return `${'native' in piece ? 'native ' : ''}${name}${detail && `(${detail})`}${'when' in piece ? '?' : ''}`;
  });
  const script = replies.map((reply) => ('hang' in reply ? 'hang' : Object.values(reply).join()));
  const end = abort ? ` | abort at ${Object.values(abort).join(' ')}` : '';
  return `${list.join(' > ') || 'nothing'}${own ? ` (own: ${own})` : ''} | ${script.join(', ') || 'no script'}${end}`;
}
