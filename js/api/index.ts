// The Claude API besides messages: a room for each of its resources, all of them built on the client's own calls.

import { type Options, requireObject } from '../config.js';
import type { TraeResponse } from '../response.js';
import type { EventStream } from '../stream.js';
import { Batches } from './batches.js';
import type { Caller } from './caller.js';
import { Files } from './files.js';
import { requireAnswer } from './object.js';
import { Pages, type PagesOptions } from './pages.js';
import { step } from './paths.js';

export class Api {
  readonly batches: Batches;
  readonly files: Files;
  readonly models: Models;
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
    this.batches = new Batches(caller);
    this.files = new Files(caller);
    this.models = new Models(caller);
  }

  /** How many tokens a call would have as its input. */
  async countTokens(body: unknown, config: Options = {}): Promise<TraeResponse> {
    requireObject(body, 'the body of countTokens()');
    const url = this.#caller.path('/messages/count_tokens');
    return requireAnswer(
      await this.#caller.request({ ...config, method: 'POST', url, data: body }),
      'a count of tokens',
    );
  }

  /** The API before messages: a prompt and its completion, whole or, with `stream: true` in the body, as it comes. */
  async complete(body: unknown, config: Options = {}): Promise<TraeResponse | EventStream> {
    requireObject(body, 'the body of complete()');
    const url = this.#caller.path('/complete');
    if ((body as Options)['stream'] === true) return this.#caller.stream(url, body, config);
    return requireAnswer(await this.#caller.request({ ...config, method: 'POST', url, data: body }), 'a completion');
  }
}

class Models {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /** Those that the key may use, the newest first. */
  list(options?: PagesOptions): Pages<unknown> {
    return new Pages((config) => this.#ask('', config), this.#caller, options);
  }

  /** What is known of one, by its id or by an alias. */
  async get(id: unknown, config: Options = {}): Promise<TraeResponse> {
    return requireAnswer(await this.#ask(step(id, 'a model'), config), 'a model');
  }

  #ask(path: string, config: Options): Promise<TraeResponse> {
    return this.#caller.request({ ...config, method: 'GET', url: this.#caller.path(`/models${path}`) });
  }
}
