// Message batches: many calls that are answered within a day, at half the price.

import { type Options, requireObject } from '../config.js';
import { kindOf, config as wrong } from '../errors.js';
import { requireSpelt } from '../names.js';
import type { TraeResponse } from '../response.js';
import type { EventStream } from '../stream.js';
import type { Caller } from './caller.js';
import { requireAnswer } from './object.js';
import { Pages, type PagesOptions } from './pages.js';
import { step } from './paths.js';
import { Rows } from './rows.js';
import { waitFor, wishOf } from './wait.js';

const BATCH = 'a batch';

interface Batch {
  id: string;
  results_url?: string | null;
}

export class Batches {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /** Hands calls in: each with a `custom_id` by which its result is known. */
  async create(requests: unknown, config: Options = {}): Promise<TraeResponse> {
    if (!Array.isArray(requests) || requests.length === 0)
      throw wrong(`a batch is a list of requests, got ${Array.isArray(requests) ? 'an empty one' : kindOf(requests)}`);
    const names = new Set<unknown>();
    for (const [place, request] of requests.entries()) {
      const { custom_id: name, params } = (request ?? {}) as { custom_id?: unknown; params?: unknown };
      if (typeof name !== 'string' || typeof params !== 'object' || params === null)
        throw wrong(`request ${place} of the batch must be { custom_id, params }`);
      if (names.has(name)) throw wrong(`two requests of the batch have the \`custom_id\` ${JSON.stringify(name)}`);
      names.add(name);
    }
    return requireAnswer(await this.#ask('POST', '', config, { requests }), BATCH);
  }

  /** What has become of it so far. */
  async get(id: unknown, config: Options = {}): Promise<TraeResponse> {
    return requireAnswer(await this.#ask('GET', step(id, 'a batch'), config), BATCH);
  }

  list(options?: PagesOptions): Pages<unknown> {
    return new Pages((config) => this.#ask('GET', '', config), this.#caller, options);
  }

  /** Calls that have not begun will not; results are there once it has ended. */
  async cancel(id: unknown, config: Options = {}): Promise<TraeResponse> {
    return requireAnswer(await this.#ask('POST', `${step(id, 'a batch')}/cancel`, config), BATCH);
  }

  /** Forgets one that has ended. */
  async delete(id: unknown, config: Options = {}): Promise<TraeResponse> {
    return this.#ask('DELETE', step(id, 'a batch'), config);
  }

  /** Looks again and again until it has ended. */
  async wait(id: unknown, options: Options = {}): Promise<TraeResponse> {
    const look = async (config: Options) => requireAnswer(await this.get(id, config), BATCH, 'processing_status');
    return waitFor(look, wishOf(options, this.#caller), this.#caller.under);
  }

  /** The results, a row each, in any order; rows before `offset` are left out. */
  async results(batch: unknown, options: Options = {}): Promise<Rows<unknown>> {
    requireObject(options, 'the options of results()');
    requireSpelt(options, ['offset']);
    const { offset = 0, ...config } = options;
    if (!(Number.isSafeInteger(offset) && offset >= 0))
      throw wrong(`\`offset\` of results() is a number of rows, 0 or more, got ${kindOf(offset)}`);
    const url = typeof batch === 'string' ? this.#below(`${step(batch, 'a batch')}/results`) : resultsOf(batch);
    const stream = await this.#caller.stream(url, undefined, { ...config, method: 'GET', responseType: 'jsonl' });
    return new Rows(stream as EventStream, offset);
  }

  #below(path: string): string {
    return this.#caller.path(`/messages/batches${path}`);
  }

  #ask(method: string, path: string, config: Options, data?: unknown): Promise<TraeResponse> {
    return this.#caller.request({ ...config, method, url: this.#below(path), data });
  }
}

/** Where a batch says that its results are. */
function resultsOf(batch: unknown): string {
  const { id, results_url: url } = (batch ?? {}) as Partial<Batch>;
  if (typeof url === 'string' && url !== '') return url;
  if (typeof id === 'string') throw wrong(`batch ${id} has no results yet: wait() for it, and give what that answers`);
  throw wrong(`results() takes the id of a batch, or a batch, got ${kindOf(batch)}`);
}
