// One call through a client's middlewares: it settles once, also while a middleware hangs.

import type { Plan } from '../call.js';
import { here } from '../context.js';
import { type Ending, ended } from '../ending.js';
import { aborted, TimeoutError, TraeError } from '../errors.js';
import { Headers } from '../headers.js';
import { type Entry, leaves } from '../native.js';
import type { TraeResponse } from '../response.js';
import { type Abortable, listenTo } from '../signals.js';
import { compose, type Layer } from './compose.js';
import { choose, type Host, lists, Passage } from './passage.js';
import { type Fields, TraeRequest } from './request.js';
import type { Arranged, Condition } from './stack.js';

/** What the attempts of one call of the engine have in common. */
interface Attempts {
  plan: Host['plan'];
  /** The ends of streams that the present attempt's groups have handed on, by its lane and the group. */
  given: Map<number, Ending[][]>;
}

const ANOTHER = new Error('another attempt took its place');

/** Sends a request as it has become, and keeps what it started among the calls under way. */
export type Send = (req: TraeRequest, onion: Onion) => Promise<TraeResponse>;

/** Calls, and who waits for the last of them to end. */
class Calls extends Set<Abortable> {
  readonly #waiting: (() => void)[] = [];

  whenEmpty(tell: () => void): void {
    if (this.size === 0) tell();
    else this.#waiting.push(tell);
  }

  override delete(call: Abortable): boolean {
    const deleted = super.delete(call);
    if (this.size === 0) for (const tell of this.#waiting.splice(0)) tell();
    return deleted;
  }
}

export class Onion implements Abortable {
  /** Calls of the engine that this one has under way: a stream outlives the moment when it is answered. */
  readonly calls = new Calls();
  readonly #given: AbortSignal | undefined;
  readonly layers: Arranged;
  #gone: AbortController | undefined;
  #aborted: { error: unknown } | undefined;
  /** What the engine calls it, once it was sent. */
  name: number | undefined;
  #told: number | undefined;
  /** Attempts that have ended. */
  attempts = 0;
  /** The request as it has gone on, from outside of all native middlewares (0) and from each passage of a group within. */
  readonly #sent = new Map<number, TraeRequest>();
  /** Streams that middlewares saw and Rust took back: they end when the call's own answer does. */
  #followers: Ending[] = [];
  #reject: (error: unknown) => void = () => {};

  constructor(given: AbortSignal | undefined, layers: Arranged) {
    this.#given = given;
    this.layers = layers;
  }

  /** Runs the call; `fields` are those of the request before any middleware has seen it. */
  async run(fields: Fields, send: Send, limit?: Limit): Promise<TraeResponse> {
    const timer = limit && setTimeout(() => this.#end(late(limit), undefined), limit.ms + GRACE);
    const unlisten = this.#given && listenTo(this.#given, this);
    const req = new TraeRequest(fields, () => this.#signal());
    const end = follow(this.#followers);
    const centre = {
      call: (changed: TraeRequest) => this.#centre(changed, send),
      abandon: () => this.#abandon(),
      attempt: () => this.attempts + 1,
    };
    try {
      const res = await new Promise<TraeResponse>((resolve, reject) => {
        this.#reject = reject;
        compose(this.layers.outer, req, centre).then(resolve, reject);
      });
      if (!ended(res.data, end)) end(undefined);
      return res;
    } catch (error) {
      end(error);
      throw error;
    } finally {
      clearTimeout(timer);
      if (unlisten) this.calls.whenEmpty(unlisten);
      // A settled promise holds its answer, and that the stream, which nobody but the caller may hold.
      this.#reject = () => {};
    }
  }

  abort(reason?: unknown): void {
    this.#end(aborted(this.name === undefined ? 'prepare' : 'firstByte', reason), reason);
  }

  /** The call is over from outside; whatever of it is under way is given up. */
  #end(error: TraeError, reason: unknown): void {
    if (this.#aborted) return;
    this.#aborted = { error };
    this.#gone?.abort(reason ?? error);
    this.#abandon(reason ?? error);
    this.#reject(error);
  }

  /** The call has come to a group within native middlewares. */
  entered({ passage: number, group, attempt, parent, lane }: Entry, headers: string, { plan, given }: Attempts): void {
    const endings = given.get(lane) ?? [];
    given.set(lane, endings);
    // An attempt that is made again has handed out nothing: its stream was given up unread. One in another lane may
    // still be the answer.
    for (const ending of endings.splice(group).flat()) ending.come(aborted('body', ANOTHER));
    const sent = this.#sent.get(parent) as TraeRequest;
    const { method, url, params, data, state } = sent;
    const config = () => sent.config;
    const fields = { method, url, params, data, state, config, headers: () => lists(Headers.parse(headers)) };
    const req = new TraeRequest(fields, () => this.#signal());
    const host = {
      plan,
      calls: this.calls,
      attempt,
      aborted: () => this.#aborted?.error,
      goesOn: (changed: TraeRequest) => {
        this.#sent.set(number, changed);
      },
      follow: (ending: Ending) => {
        endings[group] = [ending];
        this.#followers.push(ending);
      },
    };
    const layers = this.layers.groups[group] as readonly Layer[] | Condition;
    if (typeof layers === 'function') {
      req.attempt = attempt;
      choose(number, layers, req);
      return;
    }
    const passage = new Passage(number, host);
    leaves.set(number, () => passage.left());
    passage.run(layers, req, () => leaves.delete(number));
  }

  /** What was thrown came after so many attempts. */
  attempted(attempts: number): void {
    this.#told = attempts;
  }

  #abandon(reason?: unknown): void {
    for (const call of [...this.calls]) call.abort(reason);
  }

  async #centre(req: TraeRequest, send: Send): Promise<TraeResponse> {
    if (this.#aborted) throw this.#aborted.error;
    this.#sent.clear();
    this.#sent.set(0, req);
    this.#told = undefined;
    try {
      const res = await send(req, this);
      this.attempts = Math.max(res.attempts, this.attempts + 1);
      res.attempts = this.attempts;
      return res;
    } catch (error) {
      const told = error instanceof TraeError ? error.attempts : 1;
      if (this.#told !== undefined) this.attempts = Math.max(this.#told, this.attempts);
      // None where nothing was sent.
      else if (told > 0) this.attempts = Math.max(told, this.attempts + 1);
      // It may be frozen, and somebody's own.
      if (error instanceof TraeError) Reflect.set(error, 'attempts', this.attempts);
      throw error;
    }
  }

  /** Made when somebody asks: most middlewares never do. */
  #signal(): AbortSignal {
    if (this.#gone === undefined) {
      this.#gone = new AbortController();
      if (this.#aborted) this.#gone.abort();
    }
    return this.#given ? AbortSignal.any([this.#given, this.#gone.signal]) : this.#gone.signal;
  }
}

/** A limit on the whole call, which no middleware outlives. */
export interface Limit {
  ms: number;
  /** As the user wrote it. */
  option: 'timeout' | 'timeout.total';
}

/** The longest that a timer of Node's can wait. */
const LONGEST = 2 ** 31 - 1 - 1000;

/** The limit on a whole call; what is none the engine refuses, or knows none. */
export function limitOf(timeout: unknown, shape: unknown): Limit | undefined {
  // A message is a stream until it is whole: a mere number holds until that begins, and Rust knows when.
  if (shape === 'message' && typeof timeout !== 'object') return undefined;
  const total = typeof timeout === 'object' ? (timeout as { total?: unknown } | null)?.total : timeout;
  if (typeof total !== 'number' || !(total > 0) || total > LONGEST) return undefined;
  return { ms: total, option: total === timeout ? 'timeout' : 'timeout.total' };
}

/** What the engine is asked for it limits itself, and says more of it: here it strikes only where a middleware waits. */
const GRACE = 20;

function late({ ms, option }: Limit): TraeError {
  const message = `the call was not answered within ${ms} ms (\`${option}\`): a middleware was still at work`;
  return new TimeoutError({ code: 'TIMEOUT', phase: 'total', message, retryable: true });
}

/** Apart, so that it holds nothing else of the call. */
function follow(followers: Ending[]): (error: unknown) => void {
  return (error) => {
    for (const ending of followers.splice(0)) ending.come(error);
  };
}

/** What a plan has to know of the onion that it is part of. */
export function within(onion: Onion, plan: Plan): Plan {
  const { method: _method, over: _over, ...host } = plan;
  const inner = { ...host, signal: undefined, validateStatus: undefined, transformResponse: undefined };
  const attempts: Attempts = { plan: inner, given: new Map() };
  const run = here();
  return {
    ...plan,
    attempted: (attempts) => onion.attempted(attempts),
    entered: (entry, headers) => run(() => onion.entered(entry, headers, attempts)),
  };
}
