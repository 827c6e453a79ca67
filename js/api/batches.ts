// Message batches: many calls that are answered within a day, at half the price.

import { setTimeout as sleep } from 'node:timers/promises';
import { type Options, requireObject } from '../config.js';
import { aborted, kindOf, config as wrong } from '../errors.js';
import { requireSpelt } from '../names.js';
import type { TraeResponse } from '../response.js';
import type { EventStream } from '../stream.js';
import type { Caller } from './caller.js';
import { Pages, type PagesOptions } from './pages.js';
import { step } from './paths.js';
import { Rows } from './rows.js';

/** Milliseconds from one look to the next: soon at first, since small batches are done in a minute. */
const FIRST = 5000;
const LONGEST = 60_000;
/** A timer of Node that is set for longer, 24.8 days, strikes at once. */
const LONGEST_TIMER = 2 ** 31 - 1;
const GROWS = 1.5;

interface Batch {
  id: string;
  processing_status?: unknown;
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
    return this.#ask('POST', '', config, { requests });
  }

  /** What has become of it so far. */
  async get(id: unknown, config: Options = {}): Promise<TraeResponse> {
    return this.#ask('GET', step(id, 'a batch'), config);
  }

  list(options?: PagesOptions): Pages<unknown> {
    return new Pages((config) => this.#ask('GET', '', config), options);
  }

  /** Calls that have not begun will not; results are there once it has ended. */
  async cancel(id: unknown, config: Options = {}): Promise<TraeResponse> {
    return this.#ask('POST', `${step(id, 'a batch')}/cancel`, config);
  }

  /** Forgets one that has ended. */
  async delete(id: unknown, config: Options = {}): Promise<TraeResponse> {
    return this.#ask('DELETE', step(id, 'a batch'), config);
  }

  /** Looks again and again until it has ended. */
  async wait(id: unknown, options: Options = {}): Promise<TraeResponse> {
    requireObject(options, 'the options of wait()');
    requireSpelt(options, ['interval', 'onPoll']);
    const { interval, onPoll, ...config } = options;
    if (interval !== undefined && !(typeof interval === 'number' && interval > 0 && interval <= LONGEST_TIMER))
      throw wrong(
        `\`interval\` of wait() is a number of milliseconds above 0 and at most ${LONGEST_TIMER}, got ${typeof interval === 'number' ? interval : kindOf(interval)}`,
      );
    if (onPoll !== undefined && typeof onPoll !== 'function')
      throw wrong(`\`onPoll\` of wait() must be a function, got ${kindOf(onPoll)}`);
    const { signal } = config as { signal?: AbortSignal };
    for (let pause = interval ?? FIRST; ; pause = interval ?? Math.min(pause * GROWS, LONGEST)) {
      const res = await this.get(id, config);
      if ((res.data as Batch | null)?.processing_status === 'ended') return res;
      await onPoll?.(res.data);
      await sleep(pause, undefined, signal && { signal }).catch(() => {
        throw aborted('prepare', signal?.reason);
      });
    }
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
