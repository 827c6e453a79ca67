// A group of JavaScript middlewares within native ones, for one call: the mirror of src/node/passage.rs.
// What came from further in and is handed on as it is does not cross again.

import { encode, isJson, piece } from '../body.js';
import { Call, type Plan } from '../call.js';
import { callParams } from '../config.js';
import type { Ending } from '../ending.js';
import { aborted, TraeError } from '../errors.js';
import { hold } from '../held.js';
import { abandon, engine, listen } from '../native.js';
import type { TraeResponse } from '../response.js';
import type { Abortable } from '../signals.js';
import { words } from '../words.js';
import { answered, compose, type Layer } from './compose.js';
import type { TraeRequest } from './request.js';
import type { Condition } from './stack.js';

/** What a passage needs of the call that it is part of. */
export interface Host {
  /** The parts of a plan that do not depend on the passage. */
  plan: Omit<Plan, 'method' | 'over'>;
  /** Which attempt the passage is part of, from 1. */
  attempt: number;
  /** Why the whole call is over, where it is. */
  aborted(): unknown;
  /** The request as the passage hands it on. */
  goesOn(req: TraeRequest): void;
  /** What the call has under way. */
  calls: Set<Abortable>;
  /** A stream that Rust takes back ends when the call's own answer does. */
  follow(ending: Ending): void;
}

/** What came from further in. */
interface Inner {
  call: Call;
  res: TraeResponse | undefined;
  data: unknown;
  /** Whether its data is no longer what came. */
  changed(): boolean;
  error: { thrown: unknown } | undefined;
  opened: boolean;
  /** How many attempts were made before what was thrown. */
  attempts: number | undefined;
}

export class Passage {
  readonly #number: number;
  readonly #host: Host;
  #inner: Inner | undefined;
  #left = false;
  #attempt: number;

  constructor(number: number, host: Host) {
    this.#number = number;
    this.#host = host;
    this.#attempt = host.attempt;
  }

  /** Runs the group and answers with what it gives. */
  run(layers: readonly Layer[], req: TraeRequest, over: () => void): void {
    const was = req.snapshot();
    const seen = watched(req);
    const centre = {
      call: (changed: TraeRequest) => this.#further(changed, was, seen()),
      abandon: () => {
        engine.giveUp(this.#number);
        this.#inner?.call.abort(new Error('the middleware that waited for it has given up'));
      },
      attempt: () => this.#attempt,
    };
    compose(layers, req, centre)
      .then((res) => this.#answer(res))
      // Also what could not be handed over: Rust waits for an answer.
      .catch((error) => this.#fail(error))
      .finally(() => {
        this.#forget();
        this.#inner = undefined;
        over();
      });
  }

  /** Nobody waits for the group any more: what it waits for itself has ended. */
  left(): void {
    this.#left = true;
    this.#inner?.call.abort(this.#reason());
  }

  #reason(): unknown {
    return (
      (this.#host.aborted() as Error | undefined)?.cause ?? new Error('a middleware further out has given up on it')
    );
  }

  #further(req: TraeRequest, was: ReturnType<TraeRequest['snapshot']>, seen: boolean): Promise<TraeResponse> {
    if (this.#left) return Promise.reject(aborted('prepare', this.#reason()));
    // A stream that came before may still be read, or be the answer in the end.
    if (this.#inner?.res && this.#inner.call.ending && !this.#inner.call.done) this.#open(this.#inner);
    this.#forget();
    this.#host.goesOn(req);
    return new Promise<TraeResponse>((resolve, reject) => {
      // Before anything stands for the call further in: what is thrown here did not come from there.
      const { changes, source } = changesOf(req, was, seen);
      const plan: Plan = {
        ...this.#host.plan,
        method: req.method,
        over: () => this.#host.calls.delete(call),
        open: () => this.#open(inner),
        attempted: (attempts) => {
          inner.attempts = attempts;
        },
      };
      const call = new Call(plan, { resolve, reject });
      const inner: Inner = {
        call,
        res: undefined,
        data: undefined,
        changed: () => false,
        error: undefined,
        opened: false,
        attempts: undefined,
      };
      call.id = listen(call);
      this.#inner = inner;
      engine.next(this.#number, call.id, ...changes);
      if (source) void call.send(source, piece);
    }).then(
      (res) => {
        if (this.#inner) Object.assign(this.#inner, { res, data: res.data, changed: compared(res) });
        this.#ended(res.attempts);
        return res;
      },
      (thrown) => {
        if (this.#inner) this.#inner.error = { thrown };
        this.#ended(this.#inner?.attempts ?? (thrown instanceof TraeError ? thrown.attempts : 0));
        throw thrown;
      },
    );
  }

  /** So many attempts have been made by now; the one that has ended is among them. */
  #ended(attempts: number): void {
    this.#attempt = Math.max(attempts, this.#attempt) + 1;
  }

  #open(inner: Inner): void {
    if (inner.opened) return;
    if (inner.call.done) {
      inner.call.handedOn();
      return;
    }
    inner.opened = true;
    // From now on it may outlive the group: an abort of the call, or of its client, has to reach it.
    this.#host.calls.add(inner.call);
    engine.openStream(this.#number, inner.call.id);
  }

  #answer(res: TraeResponse): void {
    if (this.#left) return;
    const inner = this.#inner;
    const changed = inner?.changed() ?? false;
    if (inner && res === inner.res && !changed && res.data === inner.data && !inner.opened) {
      const { ending } = inner.call;
      if (ending) this.#host.follow(ending);
      // A body that is still being sent must not end with the group, as if that were all of it.
      if (ending && inner.call.sending) {
        this.#inner = undefined;
        ending.add(() => forget(inner));
      }
      engine.asItCame(this.#number);
    } else {
      // Another answer may be made of the stream, which Rust would drop with the group.
      if (inner?.call.ending) this.#open(inner);
      const { status, headers, attempts, data, request } = res;
      const lines = JSON.stringify(lists(headers));
      const made = Number.isInteger(attempts) && attempts >= 0 ? attempts : 0;
      const content = text(data);
      const code = Number.isInteger(status) && status > 0 && status < 1000 ? status : 0;
      engine.made(this.#number, code, lines, request.url || undefined, content, made, hold(data));
    }
  }

  #fail(thrown: unknown): void {
    if (this.#left) return;
    if (this.#inner?.error && this.#inner.error.thrown === thrown) engine.asItCame(this.#number);
    else engine.thrown(this.#number, hold(thrown), words(thrown));
  }

  /** A stream that nobody has opened is Rust's; its letters are for nobody here. */
  #forget(): void {
    if (!this.#inner) return;
    if (!this.#inner.opened) forget(this.#inner);
    letGo(this.#inner);
  }
}

/** What is left of it knows the way to its stream: it must not hold the answer, in which another stream may stand. */
function letGo(inner: Inner): void {
  inner.res = undefined;
  inner.data = undefined;
}

function forget({ call }: Inner): void {
  abandon(call.id);
  call.leave();
}

/** Says whether a call passes through the native middleware that asks. */
export function choose(number: number, condition: Condition, req: TraeRequest): void {
  try {
    engine.chosen(number, answered(condition(req), 'a native middleware'));
  } catch (thrown) {
    engine.thrown(number, hold(thrown), words(thrown));
  }
}

/** What native middlewares further out see of a content that JavaScript has made. */
function text(data: unknown): string {
  if (typeof data === 'string') return data;
  // Their JSON would be a list of numbers.
  if (ArrayBuffer.isView(data) || data instanceof ArrayBuffer) return '';
  try {
    return JSON.stringify(data) ?? '';
  } catch {
    return '';
  }
}

/** Headers as a record, in which a name that comes more than once has a list. */
export function lists(headers: Iterable<[string, string]>): Record<string, unknown> {
  const record: Record<string, unknown> = Object.create(null);
  for (const [name, value] of headers) record[name] = name in record ? [record[name], value].flat() : value;
  return record;
}

/** Tells each time that somebody gets the data in hand, if that is an object that can be changed in place. */
function touched(holder: { data: unknown }, told: () => void): void {
  let { data } = holder;
  if (!isJson(data)) return;
  Object.defineProperty(holder, 'data', {
    get() {
      told();
      return data;
    },
    set(given) {
      data = given;
    },
    enumerable: true,
    configurable: true,
  });
}

/** Says whether somebody has had the data in hand. */
function watched(req: TraeRequest): () => boolean {
  let seen = false;
  touched(req, () => {
    seen = true;
  });
  return () => seen;
}

/** Says whether the data has been changed since somebody had it in hand for the first time. */
function compared(res: TraeResponse): () => boolean {
  const came = res.data;
  let was: string | undefined;
  touched(res, () => {
    was ??= text(came);
  });
  return () => was !== undefined && res.data === came && text(came) !== was;
}

/** Only what has become different crosses, and what may have: of an attempt before this one it may be changed still. */
function changesOf(req: TraeRequest, was: ReturnType<TraeRequest['snapshot']>, seen: boolean) {
  const moved = req.url !== was.url || req.params !== was.params;
  const changed = req.data !== was.data || seen;
  const encoded = changed ? encode(req.data) : undefined;
  const stream = encoded?.kind === 'stream' ? encoded : undefined;
  const changes = [
    req.method === was.method ? undefined : req.method,
    moved ? req.url : undefined,
    moved ? callParams(req.params) : undefined,
    req.headersChanged ? JSON.stringify({ ...req.headers }) : undefined,
    changed,
    encoded?.kind === 'json' ? encoded.text : undefined,
    encoded?.kind === 'bytes' ? encoded.bytes : undefined,
    encoded?.kind === 'bytes' || encoded?.kind === 'stream' ? encoded.type : undefined,
    stream !== undefined,
    stream?.length,
  ] as const;
  return { changes, source: stream?.source };
}
