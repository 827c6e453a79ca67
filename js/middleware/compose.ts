// The onion in JavaScript: handlers around a centre, and the guards that keep each honest.
//
// Held by these guards: a handler has at most one call of next() under way; it ends no sooner than that call;
// and what it returns is a response. Calling next() again after it has settled is how a retry works.

import { middleware as fault, kindOf } from '../errors.js';
import { isMade, TraeResponse } from '../response.js';
import { EventStream } from '../stream.js';
import type { TraeRequest } from './request.js';

export type Next = (req?: unknown) => Promise<TraeResponse>;
export type Handler = (req: TraeRequest, next: Next) => unknown;

/** A handler in the list. */
export interface Layer {
  name: string;
  /** Whether its author has named it; what nobody has named is told by its place. */
  named: boolean;
  /** Its number in `inspect()`. */
  place?: number;
  handle: Handler;
  when: ((req: TraeRequest) => unknown) | undefined;
}

/** What an `error` hook leaves that neither heals a failure nor throws. */
export const UNHEALED = Symbol('unhealed');

/** What stands in the middle, and how to end what it has under way. */
export interface Centre {
  call(req: TraeRequest): Promise<TraeResponse>;
  abandon(): void;
  /** The number of the attempt that would begin now. */
  attempt(): number;
}

/** Everything within one call of next(). Once its handler has given up on it, nothing in there may begin. */
interface Scope {
  outer: Scope | undefined;
  left: boolean;
}

/** Runs a request through the layers, the first outermost, and the centre. */
export function compose(layers: readonly Layer[], req: TraeRequest, centre: Centre): Promise<TraeResponse> {
  return enter({ layers, centre }, 0, req, undefined);
}

interface Onion {
  layers: readonly Layer[];
  centre: Centre;
}

async function enter(onion: Onion, at: number, req: TraeRequest, scope: Scope | undefined): Promise<TraeResponse> {
  for (let outer = scope; outer; outer = outer.outer)
    if (outer.left) throw fault('a middleware further out has given up on this call');
  req.attempt = onion.centre.attempt();
  const layer = onion.layers[at];
  if (layer === undefined) return onion.centre.call(req);
  if (layer.when && !answered(layer.when(req), layer.name)) return enter(onion, at + 1, req, scope);
  const inner = (given: unknown, within: Scope): Promise<TraeResponse> => enter(onion, at + 1, req.with(given), within);
  const passage = new Passage(called(layer), scope, inner);
  try {
    return passage.leave(await layer.handle(req, passage.next));
  } finally {
    if (passage.close()) onion.centre.abandon();
  }
}

/** What a condition says; a promise would always be true. */
export function answered(given: unknown, whose: string): boolean {
  if (typeof (given as PromiseLike<unknown> | null | undefined)?.then !== 'function') return Boolean(given);
  (given as PromiseLike<unknown>).then(undefined, () => {});
  throw fault(`the \`when\` of ${whose} gave a promise: it must answer at once`);
}

function called({ name, named, place }: Layer): string {
  return named || place === undefined ? `the middleware ${name}` : `the middleware number ${place} (${name})`;
}

/** What a handler has returned, as an answer; anything that is none is an error that says whose it is. */
export function answerOf(result: unknown, who: string): TraeResponse {
  if (result instanceof TraeResponse) return adopted(result);
  if (isMade(result)) return adopted(TraeResponse.made(result));
  if (result === UNHEALED)
    throw fault(`${who} returned nothing for a failure: return \`{ data: … }\`, or throw the error again`);
  const got = typeof result === 'object' && result !== null ? `${kindOf(result)} that is none` : kindOf(result);
  throw fault(`${who} must return a response, got ${got}: return \`res\`, or \`{ data: … }\``);
}

/** Whoever stands further out finds a stream, whatever a handler has put in its place. */
function adopted(res: TraeResponse): TraeResponse {
  const data = res.data as AsyncIterable<unknown> | null | undefined;
  const foreign = typeof data === 'object' && data !== null && Symbol.asyncIterator in data && !('pipe' in data);
  if (foreign && !(data instanceof EventStream)) res.data = EventStream.from(data, res);
  return res;
}

/** What one handler may do with its `next`. */
class Passage {
  #state: 'free' | 'under way' | 'closed' = 'free';
  #scope: Scope | undefined;
  readonly #who: string;
  readonly #outer: Scope | undefined;
  readonly #inner: (given: unknown, scope: Scope) => Promise<TraeResponse>;

  constructor(who: string, outer: Scope | undefined, inner: (given: unknown, scope: Scope) => Promise<TraeResponse>) {
    this.#who = who;
    this.#outer = outer;
    this.#inner = inner;
  }

  readonly next: Next = (given) => {
    if (this.#state === 'closed') return Promise.reject(fault(`${this.#who} called next() after it had returned`));
    if (this.#state === 'under way')
      return Promise.reject(
        fault(`${this.#who} called next() again before the call before had settled: await it first`),
      );
    this.#state = 'under way';
    this.#scope = { outer: this.#outer, left: false };
    const inner = this.#within(given, this.#scope);
    const settled = (): void => {
      if (this.#state === 'under way') this.#state = 'free';
    };
    // Also keeps a call that nobody awaits from becoming an unhandled rejection: leave() reports it.
    inner.then(settled, settled);
    return inner;
  };

  async #within(given: unknown, scope: Scope): Promise<TraeResponse> {
    return this.#inner(given, scope);
  }

  /** The handler has returned this. */
  leave(result: unknown): TraeResponse {
    if (this.#state === 'under way')
      throw fault(`${this.#who} returned before its next() had settled: await it, or return it`);
    return answerOf(result, this.#who);
  }

  /** The handler is over; says whether it has left something under way. */
  close(): boolean {
    const left = this.#state === 'under way';
    if (left && this.#scope) this.#scope.left = true;
    this.#state = 'closed';
    return left;
  }
}
