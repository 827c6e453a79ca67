// A list that comes in pages: the next one is under way while the one before it is read.

import { type Options, requireObject } from '../config.js';
import { ParseError, config as wrong } from '../errors.js';
import { requireSpelt } from '../names.js';
import type { TraeResponse } from '../response.js';

/** What the API answers: by the ids of its ends, or by a token of its own. */
export interface Page<T> {
  data: T[];
  has_more?: boolean;
  first_id?: string | null;
  last_id?: string | null;
  next_page?: string | null;
}

export interface PagesOptions extends Options {
  prefetch?: unknown;
}

export class Pages<T> implements AsyncIterable<T> {
  readonly #get: (config: Options) => Promise<TraeResponse>;
  readonly #config: Options;
  readonly #prefetch: boolean;

  constructor(get: (config: Options) => Promise<TraeResponse>, options: PagesOptions = {}) {
    requireObject(options, 'the options of a list');
    requireSpelt(options, ['prefetch']);
    const { prefetch = true, ...config } = options;
    if (typeof prefetch !== 'boolean') throw wrong('`prefetch` of a list must be true or false');
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
    const { signal } = this.#config as { signal?: AbortSignal };
    const config = { ...this.#config, signal: signal ? AbortSignal.any([signal, left.signal]) : left.signal };
    try {
      let params: Options | undefined = paramsOf(this.#config['params']);
      let coming = this.#ask(config, params);
      while (true) {
        const page = await coming;
        params = following(page, params as Options);
        if (params === undefined) {
          yield page;
          return;
        }
        if (this.#prefetch) coming = this.#ask(config, params);
        yield page;
        if (!this.#prefetch) coming = this.#ask(config, params);
      }
    } finally {
      left.abort();
    }
  }

  /** All that are left, at once. */
  async all(): Promise<T[]> {
    const all: T[] = [];
    for await (const item of this) all.push(item);
    return all;
  }

  #ask(config: Options, params: Options): Promise<Page<T>> {
    const page = this.#get({ ...config, params }).then(required<T>);
    // One that was asked for ahead may fail while nobody waits for it yet.
    page.catch(() => {});
    return page;
  }
}

function required<T>({ data, status, requestId }: TraeResponse): Page<T> {
  if (Array.isArray((data as Partial<Page<T>> | null)?.data)) return data as Page<T>;
  const message = 'the answer is no page of a list: it has no list called `data`';
  throw new ParseError({ code: 'PARSE', phase: 'body', message, status, requestId: requestId ?? null });
}

function paramsOf(params: unknown): Options {
  if (params instanceof URLSearchParams || typeof params === 'string')
    return Object.fromEntries(new URLSearchParams(params));
  return { ...(params as Options | undefined) };
}

/** What the next page is asked for with, if there is one: a page that ends where it began would come for ever. */
function following<T>({ data, has_more, first_id, last_id, next_page }: Page<T>, params: Options): Options | undefined {
  if (next_page) return next_page === params['page'] ? undefined : { ...params, page: next_page };
  if (!has_more || data.length === 0) return undefined;
  const [name, id] = params['before_id'] === undefined ? ['after_id', last_id] : ['before_id', first_id];
  return typeof id === 'string' && id !== '' && id !== params[name] ? { ...params, [name]: id } : undefined;
}
