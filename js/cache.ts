// What a client's cache is asked besides calls.

import type { Options } from './config.js';
import { kindOf, config as wrong } from './errors.js';
import { Native } from './middleware/native.js';
import type { Entry } from './middleware/stack.js';
import type { TraeResponse } from './response.js';

/** By a call that never goes out: only on the way of one it is known what a cache would be asked. */
type Send = (config: Options) => Promise<TraeResponse>;

export class CacheControl {
  readonly #native: Native | undefined;
  readonly #send: Send;
  /** Where a call goes that is told by its key alone. */
  readonly #anywhere: string;

  constructor(layers: readonly Entry[], hasBase: boolean, send: Send) {
    const native = layers.flatMap((layer) => ('native' in layer ? [layer.native] : []));
    this.#native = native.find((one) => one instanceof Native && one.kind === 'cache');
    this.#send = send;
    this.#anywhere = hasBase ? '' : 'http://localhost/';
  }

  /** What it has done, and what it holds. */
  async stats(): Promise<unknown> {
    const stats = (await this.#ask('stats')) as { hits: number };
    return { ...stats, hits: stats.hits + this.#required().reused };
  }

  /** Forgets the answer to this call, or the one with this key; says whether there was one. */
  async delete(what: unknown): Promise<boolean> {
    this.#required();
    const res = await this.#send({ url: this.#anywhere, ...forgetting(what) });
    return res.status === 200;
  }

  /** Forgets everything. */
  async clear(): Promise<void> {
    await this.#ask('clear');
  }

  async #ask(question: string): Promise<unknown> {
    return this.#required().ask(question);
  }

  #required(): Native {
    if (this.#native) return this.#native;
    throw wrong('this client has no `cache()`: use(cache()), or createClient({ cache: true })');
  }
}

function forgetting(what: unknown): Options {
  if (typeof what === 'string') return { method: 'GET', cache: { key: what, $forget: true } };
  if (typeof what !== 'object' || what === null)
    throw wrong(`delete() takes a key, or a call as { url, data }, got ${kindOf(what)}`);
  const { data, cache, ...config } = what as Options;
  const method = config['method'] ?? (data === undefined ? 'GET' : 'POST');
  const own = typeof cache === 'object' ? cache : {};
  return { ...config, method, data, cache: { ...own, $forget: true } };
}
