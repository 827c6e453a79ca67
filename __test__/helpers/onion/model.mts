// The contract of the onion in plain JavaScript: what docs/write-a-middleware.md and the pages of the native
// middlewares promise, without a network, a thread or a crossing.

import { type Host, isStream } from './build.mts';
import type { Native, Reply } from './pieces.mts';

// biome-ignore lint/suspicious/noExplicitAny: requests and answers are whatever the pieces make of them
type Any = any;
type Next = (given?: unknown) => Promise<Any>;
type Layer = { when?: (req: Any) => unknown; run: (req: Any, next: Next) => Promise<Any> };

/** An error of ours, by what the product's would be known by. */
export class Failure extends Error {
  readonly retryable: boolean;
  attempts = 0;
  readonly status: number | undefined;

  constructor(name: string, status?: number, cause?: unknown) {
    super(name, { cause });
    this.name = name;
    this.status = status;
    this.retryable = status === undefined ? name === 'TimeoutError' : status === 429 || status >= 500;
  }
}

/** What a stream has: events, an end that may be an error, and those who wait for it. */
export class ModelStream {
  readonly #source: AsyncIterator<unknown>;
  #told: ((error: unknown) => void)[] = [];
  #over: { error: unknown } | undefined;

  constructor(source: AsyncIterator<unknown>) {
    this.#source = source;
  }

  ended(told: (error: unknown) => void): void {
    if (this.#over) told(this.#over.error);
    else this.#told.push(told);
  }

  abort(): void {
    if (this.#over) return;
    this.end(undefined);
    void this.#source.return?.();
  }

  end(error: unknown): void {
    if (this.#over) return;
    this.#over = { error };
    for (const told of this.#told) told(error);
  }

  [Symbol.asyncIterator](): AsyncIterator<unknown> {
    return {
      next: async () => {
        if (this.#over) return { value: undefined, done: true };
        try {
          const step = await this.#source.next();
          if (step.done) this.end(undefined);
          return step;
        } catch (error) {
          this.end(error);
          throw error;
        }
      },
      return: async () => {
        this.abort();
        return { value: undefined, done: true };
      },
    };
  }
}

/** What stands inside of one that has passed sends nothing more. */
interface Limit {
  passed: boolean;
}

/** Streams that fail before their first event. */
const failing = new WeakMap<object, Failure>();

/** A failure of the engine that nobody in JavaScript has thrown: what retry() may judge. */
const judged = (error: unknown, handed: unknown): error is Failure =>
  error instanceof Failure && error === handed && error.name !== 'AbortError';

/** What a layer goes on with: with another request it leaves its own as it is, headers included. */
function another(req: Any, given: Any): Any {
  if (given === undefined || given === req) return req;
  return { ...req, ...given, headers: { ...(given.headers ?? req.headers) } };
}

export class Model implements Host {
  readonly received: string[] = [];
  readonly #layers: Layer[] = [];
  readonly #replies: [Reply, number][];
  #aborted: Failure | undefined;
  #giveUp: (error: Failure) => void = () => {};
  /** Limits that are running, the innermost last. */
  readonly #limits: (() => void)[] = [];
  /** What has come to an endpoint last, which JavaScript may hand on as it is. */
  #handed: unknown;
  hang: () => void = () => {};
  /** An answer was made up, or an attempt never left: nobody says what that counts for. */
  unsent = false;
  /** A stream has failed that JavaScript had let pass: further in nobody hears why. */
  retaken = false;

  constructor(replies: readonly Reply[]) {
    this.#replies = replies.map((reply, number) => [reply, number]);
  }

  // ----- the list -----

  use(middleware: Any, { when }: Any = {}): void {
    if (middleware instanceof NativeModel) this.#layers.push({ run: middleware.run.bind(undefined, this) });
    else if (typeof middleware === 'function') this.#js(middleware, when);
    else {
      const { before, after, error, finally: end } = middleware;
      if (end) this.finally(end, { when });
      if (after || error) this.after(after, error, { when });
      if (before) this.before(before, { when });
    }
  }

  before(hook: Any, { when }: Any = {}): void {
    this.#js(async (req: Any, next: Next) => next((await hook(req)) ?? undefined), when);
  }

  after(onResponse: Any, onError: Any, { when }: Any = {}): void {
    const handle = async (_req: Any, next: Next): Promise<Any> => {
      let res: Any;
      try {
        res = await next();
      } catch (error) {
        return onError(error);
      }
      return (await onResponse(res)) ?? res;
    };
    this.#js(handle, when);
  }

  finally(hook: Any, { when }: Any = {}): void {
    const handle = async (req: Any, next: Next): Promise<Any> => {
      let res: Any;
      try {
        res = await next();
      } catch (error) {
        hook({ req, error });
        throw error;
      }
      if (res.data instanceof ModelStream) res.data.ended((error: unknown) => hook({ req, res, error }));
      else hook({ req, res });
      return res;
    };
    this.#js(handle, when);
  }

  /** A layer in JavaScript, and what is held against it. */
  #js(handle: (req: Any, next: Next) => Any, when: Any): void {
    const run = async (req: Any, further: Next): Promise<Any> => {
      let state = 'free' as 'free' | 'under way' | 'closed';
      const once = async (given: unknown): Promise<Any> => {
        if (state !== 'free') throw new Failure('MiddlewareError');
        state = 'under way';
        try {
          return await further(given);
        } finally {
          if (state === 'under way') state = 'free';
        }
      };
      const next: Next = (given) => {
        const inner = once(given);
        inner.catch(() => {});
        return inner;
      };
      try {
        const res = await handle(req, next);
        if (state === 'under way' || typeof res !== 'object' || res === null) throw new Failure('MiddlewareError');
        return this.#answer(res);
      } finally {
        state = 'closed';
      }
    };
    this.#layers.push({ when, run });
  }

  /** What a piece returns, as those further out see it. */
  #answer(res: Any): Any {
    if (res.attempts === undefined) this.unsent = true;
    const { data } = res;
    if (isStream(data) && !(data instanceof ModelStream)) res.data = new ModelStream(data[Symbol.asyncIterator]());
    return res.status === undefined ? { status: 200, ...res } : res;
  }

  // ----- the call -----

  send(req: Any, signal: AbortSignal): Promise<Any> {
    if (signal.aborted) return Promise.reject(new Failure('AbortError', undefined, signal.reason));
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => {
        this.#aborted = new Failure('AbortError', undefined, signal.reason);
        this.#giveUp(this.#aborted);
        reject(this.#aborted);
      });
      this.#enter(0, req).then(resolve, reject);
    });
  }

  async #enter(at: number, req: Any): Promise<Any> {
    const layer = this.#layers[at];
    req.attempt = this.received.length + 1;
    if (layer === undefined) return this.#endpoint(req);
    if (layer.when && !layer.when(req)) return this.#enter(at + 1, req);
    return layer.run(req, (given) => this.#enter(at + 1, another(req, given)));
  }

  async #endpoint(req: Any): Promise<Any> {
    if (this.#aborted) throw this.#aborted;
    if (req.limits?.some((limit: Limit) => limit.passed)) throw new Failure('AbortError');
    const [reply, number] = this.#replies.shift() ?? [{ status: 200 } as const, MORE];
    this.received.push(sent(req));
    const attempts = this.received.length;
    try {
      if ('hang' in reply) await this.#hang();
      return { ...replied(reply, number), attempts };
    } catch (error) {
      (error as Failure).attempts = attempts;
      // What was given up on comes too late to be judged.
      if ((error as Failure).name !== 'AbortError') this.#handed = error;
      throw error;
    }
  }

  #hang(): Promise<never> {
    return new Promise((_, reject) => {
      this.#giveUp = reject;
      this.hang();
      this.#limits.at(-1)?.();
    });
  }

  // ----- what native middlewares need -----

  /** Whether what came was thrown further in than JavaScript, and is worth another attempt. */
  worth(error: unknown): boolean {
    return judged(error, this.#handed) && error.retryable;
  }

  /** Runs what stands inside of a limit, which passes only when a request hangs in there. */
  async limited(run: (limit: Limit) => Promise<Any>): Promise<Any> {
    const limit: Limit = { passed: false };
    let late = (): void => {};
    const passed = new Promise<never>((_, reject) => {
      late = () => {
        limit.passed = true;
        const error = new Failure('TimeoutError');
        error.attempts = this.received.length;
        this.#handed = error;
        reject(error);
        this.#giveUp(new Failure('AbortError'));
      };
    });
    this.#limits.push(late);
    try {
      return await Promise.race([run(limit), passed]);
    } finally {
      this.#limits.splice(this.#limits.indexOf(late), 1);
    }
  }

  /** A stream whose beginning has failed is a failure. */
  async begun(res: Any): Promise<Any> {
    const first = failing.get(res.data);
    if (first === undefined) return res;
    this.retaken = true;
    res.data.end(first);
    first.attempts = this.received.length;
    this.#handed = first;
    throw first;
  }
}

/** A middleware of the engine, by what its page promises. Each attempt has a request of its own. */
export class NativeModel {
  readonly run: (model: Model, req: Any, next: Next) => Promise<Any>;

  constructor(native: Native, index: number) {
    this.run = (model, req, next) => {
      const further = async (given: Any): Promise<Any> => {
        const before = model.received.length;
        try {
          return await next({ ...given, headers: { ...given.headers } });
        } finally {
          if (model.received.length === before) model.unsent = true;
        }
      };
      return RUNS[native.do](model, req, further as Next, { ...native, index });
    };
  }
}

const RUNS: Record<Native['do'], (model: Model, req: Any, next: Next, native: Any) => Promise<Any>> = {
  timeout: (model, req, next) => model.limited((limit) => next({ ...req, limits: [...(req.limits ?? []), limit] })),
  auth: (_model, req, next) => next({ ...req, headers: { 'x-api-key': 'secret', ...req.headers } }),
  idempotencyKey: (_model, req, next, { index }) =>
    next({ ...req, headers: { 'idempotency-key': `of-${index}`, ...req.headers } }),
  async retry(model, req, next, { maxRetries }) {
    if (maxRetries === 0) return next(req);
    for (let left = maxRetries; ; left--) {
      try {
        return await model.begun(await next(req));
      } catch (error) {
        if (left === 0 || !model.worth(error)) throw error;
      }
    }
  },
};

// ----- the endpoint -----

/** The number of the reply to what the script has none for. */
export const MORE = 99;

/** What of a request the simulator and the model can be compared by. */
function sent({ method, url, params, data, headers: all }: Any): string {
  const query = Object.entries(params ?? {}).map((one) => one.join('='));
  const known = Object.entries(all).filter(([name]) => KNOWN.test(name));
  return request(method, [url, query.join('&')].filter(Boolean).join('?'), known as [string, string][], data);
}

const KNOWN = /^(x-h-.*|x-api-key|idempotency-key)$/;

export function request(method: string, path: string, headers: [string, string][], data: unknown): string {
  const known = headers.filter(([name]) => KNOWN.test(name)).map((header) => header.join('='));
  return `${method} ${path} ${known.sort().join()} ${JSON.stringify(data)}`;
}

const NAMES = { 400: 'BadRequestError', 429: 'RateLimitError', 500: 'ServerError', 529: 'OverloadedError' };

/** The events of a script's stream, and the type of the error that follows them. */
export const STREAMS: Record<string, { events: string[]; error?: 400 | 529 | 'cut' }> = {
  whole: { events: ['message_start', 'content', 'message_stop'] },
  overloadedFirst: { events: [], error: 529 },
  invalidFirst: { events: [], error: 400 },
  overloadedLater: { events: ['message_start', 'content'], error: 529 },
  cut: { events: ['message_start', 'content'], error: 'cut' },
};

function replied(reply: Reply, number: number): Any {
  if ('hang' in reply) throw new Error('a request that hangs has no answer');
  if ('stream' in reply) return { status: 200, data: stream(reply.stream) };
  if (reply.status === 200) return { status: 200, data: { reply: number } };
  throw new Failure(NAMES[reply.status], reply.status);
}

function stream(kind: string): ModelStream {
  const { events, error } = STREAMS[kind] as (typeof STREAMS)[string];
  const failure = typeof error === 'number' ? new Failure(NAMES[error], error) : new Failure('IncompleteStreamError');
  const made = new ModelStream(
    (async function* () {
      for (const type of events) yield { type };
      if (error !== undefined) throw failure;
    })(),
  );
  if (events.length === 0) failing.set(made, failure);
  return made;
}
