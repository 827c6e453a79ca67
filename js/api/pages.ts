// A list that comes in pages: the next one is under way while the one before it is read.

import { type Options, requireObject } from '../config.js';
import { kindOf, type ParseError, config as wrong } from '../errors.js';
import { requireSpelt } from '../names.js';
import type { TraeResponse } from '../response.js';
import { heed } from '../signals.js';
import type { Caller } from './caller.js';
import { unlike } from './object.js';

/** What the API answers: by the ids of its ends, or by a token of its own. */
export interface Page<T> {
  data: T[];
  has_more?: boolean;
  first_id?: string | null;
  last_id?: string | null;
  next_page?: string | null;
}

/** As they are sent: names of a query may be there more than once. */
type Params = Options | URLSearchParams;

/** Options of the API that are easily given beside `params` and not in it; any other name may be the caller's own. */
const OF_PARAMS = ['limit', 'after_id', 'before_id', 'page'];

export interface PagesOptions extends Options {
  prefetch?: unknown;
}

export class Pages<T> implements AsyncIterable<T> {
  readonly #get: (config: Options) => Promise<TraeResponse>;
  readonly #config: Options;
  readonly #prefetch: boolean;
  readonly #signal: AbortSignal | undefined;
  readonly #params: Params;

  constructor(get: (config: Options) => Promise<TraeResponse>, caller: Caller, options: PagesOptions = {}) {
    requireObject(options, 'the options of a list');
    requireSpelt(options, ['prefetch']);
    const { prefetch = true, ...config } = options;
    if (typeof prefetch !== 'boolean') throw wrong('`prefetch` of a list must be true or false');
    for (const name of OF_PARAMS)
      if (name in config) throw wrong(`\`${name}\` of a list is sent to the API: give it as \`params: { ${name} }\``);
    this.#signal = caller.signal(config['signal']);
    this.#params = paramsOf(config['params']);
    this.#get = get;
    this.#config = config;
    this.#prefetch = prefetch;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for await (const { data } of this.pages()) yield* data;
  }

  /** Page by page. Leaving the loop ends the call that is under way for the next one. */
  async *pages(): AsyncGenerator<Page<T>, void, undefined> {
    const left = new AbortController();
    const unlisten = this.#signal && heed(this.#signal, left);
    const config = { ...this.#config, signal: left.signal };
    try {
      let params = this.#params;
      const course = new Course();
      let coming = this.#ask(config, params);
      while (true) {
        const { page, res } = await coming;
        const next: Next = course.after(page, params, res);
        if ('params' in next && this.#prefetch) coming = this.#ask(config, next.params);
        yield page;
        // What is wrong with the way on is no fault of the page.
        if ('wrong' in next) throw next.wrong;
        if (!('params' in next)) return;
        params = next.params;
        if (!this.#prefetch) coming = this.#ask(config, params);
      }
    } finally {
      unlisten?.();
      left.abort();
    }
  }

  /** All that are left, at once. */
  async all(): Promise<T[]> {
    const all: T[] = [];
    for await (const item of this) all.push(item);
    return all;
  }

  #ask(config: Options, params: Params): Promise<{ page: Page<T>; res: TraeResponse }> {
    const coming = this.#get({ ...config, params }).then((res) => ({ page: required<T>(res), res }));
    // One that was asked for ahead may fail while nobody waits for it yet.
    coming.catch(() => {});
    return coming;
  }
}

function required<T>(res: TraeResponse): Page<T> {
  if (Array.isArray((res.data as Partial<Page<T>> | null)?.data)) return res.data as Page<T>;
  throw unlike(res, 'the answer is no page of a list: it has no list called `data`');
}

function paramsOf(params: unknown): Params {
  if (params instanceof URLSearchParams || typeof params === 'string') return new URLSearchParams(params);
  if (params instanceof Map || (params != null && typeof params !== 'object'))
    throw wrong(`\`params\` of a list is an object, a string or URLSearchParams, got ${kindOf(params)}`);
  return { ...(params as Options | undefined) };
}

function given(params: Params, name: string): unknown {
  return params instanceof URLSearchParams ? (params.get(name) ?? undefined) : params[name];
}

function moved(params: Params, name: string, to: string): Params {
  if (!(params instanceof URLSearchParams)) return { ...params, [name]: to };
  const next = new URLSearchParams(params);
  next.set(name, to);
  return next;
}

/** Where a list goes on: with these, nowhere since it is over, or nobody knows where. */
type Next = { params: Params } | { wrong: ParseError } | { over: true };

/** The way through a list, which leads past no page twice: it would lead there for ever. */
class Course {
  readonly #seen = new Set<unknown>();

  after<T>(page: Page<T>, params: Params, res: TraeResponse): Next {
    const { has_more, first_id, last_id, next_page } = page;
    if (next_page) return this.#on(params, 'page', next_page, res);
    if (!has_more) return { over: true };
    const back = given(params, 'before_id') !== undefined;
    return this.#on(params, back ? 'before_id' : 'after_id', back ? first_id : last_id, res);
  }

  #on(params: Params, name: string, to: unknown, res: TraeResponse): Next {
    if (this.#seen.size === 0) this.#seen.add(given(params, name));
    const more = `page ${this.#seen.size} of the list says that there is more, and`;
    if (typeof to !== 'string' || to === '') {
      const end = name === 'before_id' ? 'first_id' : name === 'after_id' ? 'last_id' : 'next_page';
      return { wrong: unlike(res, `${more} not where: its \`${end}\` is ${to === '' ? 'empty' : kindOf(to)}`) };
    }
    if (this.#seen.has(to)) return { wrong: unlike(res, `${more} leads back to where the list was before`) };
    this.#seen.add(to);
    return { params: moved(params, name, to) };
  }
}
