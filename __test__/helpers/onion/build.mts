// Pieces as middlewares. The same functions run in the product and in the model: only the onion around them differs.

import type { Js, Native, Piece } from './pieces.mts';

// biome-ignore lint/suspicious/noExplicitAny: what the product and the model have in common has no type of its own
type Any = any;

/** A client, or the model of one. */
export interface Host {
  use(middleware: Any, options?: object): unknown;
  before(hook: Any, options?: object): unknown;
  after(onResponse: Any, onError: Any, options?: object): unknown;
  finally(hook: Any, options?: object): unknown;
}

export interface World {
  /** One of ours, which a piece may throw. */
  trae: unknown;
  native(native: Native, index: number): unknown;
  /** A piece was entered; the caller may give up just then. */
  entered(index: number): void;
}

/** What a run has shown. */
export class Seen {
  readonly trace: [index: number, what: string][] = [];
  /** What each entrance into a piece with a `finally` was told at the end. */
  readonly ends: string[] = [];
  /** How many ends are still to come. */
  awaited = 0;
  /** What answers and errors say of the number of attempts. */
  readonly attempts: string[] = [];
  readonly labels = new Map<unknown, string>();

  tell(index: number, what: string): void {
    this.trace.push([index, what]);
  }

  /** Who was thrown, and not merely what: an error of a piece is known by its identity. */
  describe(error: Any): string {
    const label = this.labels.get(error) ?? (typeof error === 'string' ? `text ${error}` : undefined);
    if (label !== undefined) return label;
    const why = error.name === 'AbortError' ? error.cause?.message : undefined;
    return [error.name, error.status, why].filter(Boolean).join(' ');
  }
}

export const isStream = (data: Any): boolean =>
  typeof data === 'object' && data !== null && Symbol.asyncIterator in data;
const shape = (data: Any): string => (isStream(data) ? 'a stream' : JSON.stringify(data));

/** The headers that pieces know of. */
function headers(all: Record<string, unknown>): string {
  const known = Object.entries(all).filter(([name]) => name.startsWith('x-h-'));
  const others = ['idempotency-key', 'x-api-key'].filter((name) => all[name] !== undefined);
  return JSON.stringify([...known.map((one) => one.join('=')), ...others].sort());
}

function request({ method, url, params, data, headers: all }: Any): string {
  return `${method} ${url} ${JSON.stringify(params ?? null)} ${JSON.stringify(data)} ${headers(all)}`;
}

/** Puts a piece into the list. */
export function install(host: Host, piece: Piece, index: number, world: World, seen: Seen): void {
  if ('native' in piece) host.use(world.native(piece.native, index));
  else {
    const options = piece.when ? { when: (req: Any) => req.headers['x-h-a'] !== undefined } : {};
    for (const { verb, handlers } of entries(piece.js, index, world, seen))
      (host[verb] as Any).call(host, ...handlers, options);
  }
}

/** As it stands in a call's own list. */
export function standalone(piece: Piece, index: number, world: World, seen: Seen): unknown {
  return 'native' in piece ? world.native(piece.native, index) : entries(piece.js, index, world, seen)[0]?.handlers[0];
}

interface Entry {
  verb: keyof Host;
  handlers: unknown[];
}

function entries(js: Js, index: number, world: World, seen: Seen): Entry[] {
  const enter = (req: Any): void => {
    seen.tell(index, `in ${request(req)}`);
    seen.attempts.push(`${index} in attempt ${req.attempt}`);
    world.entered(index);
  };
  const end = (outcome: Any): void => {
    seen.awaited--;
    seen.ends.push(
      `${index} ended: ${outcome.error === undefined ? outcome.res.status : seen.describe(outcome.error)}`,
    );
  };
  const enterAndAwait = (req: Any): void => {
    seen.awaited++;
    enter(req);
    append(req, 'x-h-b', index);
  };
  switch (js.do) {
    case 'before':
      return [{ verb: 'before', handlers: [(req: Any) => Object.assign({ url: `${req.url}/b${index}` }, enter(req))] }];
    case 'after': {
      const replaced = new Error(`after ${index}`);
      seen.labels.set(replaced, `the error of after ${index}`);
      const fail = (error: unknown): never => {
        seen.tell(index, `after: ${seen.describe(error)}`);
        throw replaced;
      };
      const wrapped = (res: Any) => {
        seen.tell(index, `after: ${res.status} ${shape(res.data)}`);
        return isStream(res.data) ? undefined : { status: 201, data: { after: index } };
      };
      return [{ verb: 'after', handlers: [wrapped, fail] }];
    }
    case 'finally': {
      // The hook hears only of ends: a neighbour counts the beginnings.
      const counted = (req: Any, next: Any): unknown => {
        seen.awaited++;
        enter(req);
        return next();
      };
      return [
        { verb: 'use', handlers: [counted] },
        { verb: 'finally', handlers: [end] },
      ];
    }
    case 'hooks': {
      const after = (res: Any): void => seen.tell(index, `after: ${res.status} ${shape(res.data)}`);
      const error = (error: unknown): never => {
        seen.tell(index, `error: ${seen.describe(error)}`);
        throw error;
      };
      return [{ verb: 'use', handlers: [{ before: enterAndAwait, after, error, finally: end }] }];
    }
  }
  const act = ACTS[js.do](index, js, world, seen);
  const watched = async (req: Any, next: Any): Promise<unknown> => {
    enter(req);
    try {
      const res = await act(req, next);
      seen.tell(index, `out ${res?.status} ${shape(res?.data)}`);
      if (res?.attempts !== undefined) seen.attempts.push(`${index} out after ${res.attempts}`);
      return res;
    } catch (error) {
      seen.tell(index, `threw ${seen.describe(error)}`);
      throw error;
    }
  };
  return [{ verb: 'use', handlers: [watched] }];
}

type Act = (req: Any, next: (req?: unknown) => Promise<Any>) => Promise<Any>;
type Other = Exclude<Js['do'], 'before' | 'after' | 'finally' | 'hooks'>;

const isObject = (data: unknown): data is Record<string, unknown> =>
  typeof data === 'object' && data !== null && !Array.isArray(data);

/** What is left aside is ended: its transfer would go on until it is collected. */
function drop(res: Any): void {
  if (isStream(res?.data)) res.data.abort();
}

function thrower(js: Js, index: number, world: World, seen: Seen): () => never {
  const what = 'what' in js ? js.what : 'error';
  const error = new RangeError(`of ${index}`);
  seen.labels.set(error, `the error of ${index}`);
  return () => {
    throw { error, text: `text of ${index}`, trae: world.trae }[what];
  };
}

const changing =
  (change: (req: Any, index: number) => unknown) =>
  (index: number): Act =>
  (req, next) =>
    next(change(req, index) ?? undefined);

function append(req: Any, header: string, index: number): void {
  req.headers[header] = `${req.headers[header.toLowerCase()] ?? ''}${index}`;
}

const ACTS: Record<Other, (index: number, js: Js, world: World, seen: Seen) => Act> = {
  watch: changing(() => {}),
  append: changing((req, index) => append(req, 'x-h-a', index)),
  delete: changing((req) => {
    for (const name of ['x-h-a', 'x-h-default']) delete req.headers[name];
  }),
  data: changing((req, index) => {
    req.data = { ...req.data, trail: [...(req.data.trail ?? []), index] };
  }),
  url: changing((req, index) => {
    req.url = `${req.url}/${index}`;
  }),
  params: changing((req, index) => {
    req.params = { ...req.params, [`p${index}`]: index };
  }),
  method: changing((req) => {
    req.method = 'PUT';
  }),
  other: changing((req, index) => ({
    url: `${req.url}/o${index}`,
    data: { ...req.data, other: index },
    headers: { ...req.headers, 'x-h-o': String(index) },
  })),
  short: (index) => async () => ({ status: 203, headers: { 'x-short': 'yes' }, data: { short: index } }),
  throwBefore: (index, js, world, seen) => async () => thrower(js, index, world, seen)(),
  throwAfter: (index, js, world, seen) => async (_req, next) => {
    drop(await next());
    return thrower(js, index, world, seen)();
  },
  heal: (index, _js, _world, seen) => (_req, next) =>
    next().catch((error) => ({ status: 299, data: { healed: index, from: seen.describe(error) } })),
  again: () => async (_req, next) => {
    await next().then(drop, () => {});
    return next();
  },
  retries: () => (_req, next) => next().catch(() => next()),
  nothing: () => async (_req, next) => drop(await next()),
  inPlace: (index) => async (req, next) => {
    if (isObject(req.data)) req.data[`p${index}`] = index;
    const res = await next();
    if (isObject(res.data) && !isStream(res.data)) res.data[`q${index}`] = index;
    return res;
  },
  wrap: (index) => async (_req, next) => {
    const res = await next();
    if (!isStream(res.data)) res.data = { [`w${index}`]: res.data };
    return res;
  },
  map: (index) => async (_req, next) => {
    const res = await next();
    const { data } = res;
    if (isStream(data)) res.data = mapped(data, index);
    return res;
  },
  consume: () => async (_req, next) => {
    const res = await next();
    if (!isStream(res.data)) return res;
    const types: string[] = [];
    for await (const { type } of res.data) types.push(type);
    res.data = { read: types };
    return res;
  },
  atOnce: (index, _js, _world, seen) => async (_req, next) => {
    const first = next();
    const [, second] = await Promise.allSettled([first, next()]);
    seen.tell(index, `at once: ${'reason' in second ? seen.describe(second.reason) : 'an answer'}`);
    return first;
  },
  races: () => async (_req, next) => (await Promise.all([next(), next()]))[0],
  forgets: () => async (_req, next) => {
    void next();
    return { data: 'forgot' };
  },
};

async function* mapped(source: AsyncIterable<Any>, index: number): AsyncGenerator<unknown> {
  for await (const event of source) yield { ...event, mapped: [...(event.mapped ?? []), index] };
}
