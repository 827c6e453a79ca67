// The client that services hold: verbs, options and the way into the engine.

import { inspect } from 'node:util';
import { encode, piece } from './body.js';
import { Call, type Plan, type Settle } from './call.js';
import { callJson, clientJson, merge, type Options, plainHeaders } from './config.js';
import { aborted, fromFailure, config as wrong } from './errors.js';
import { engine, listen, type NativeClient } from './native.js';
import type { TraeResponse } from './response.js';
import { guarded, redacted } from './secrets.js';
import type { EventStream } from './stream.js';

type Answer = Promise<TraeResponse>;

export class Client {
  readonly #native: NativeClient;
  readonly #config: Options;
  readonly #judge: boolean;
  readonly #pending = new Set<Call>();
  #closed = false;

  constructor(options: Options, parent?: Client) {
    this.#config = merge(parent ? parent.#config : {}, options);
    this.#judge = this.#config['validateStatus'] !== undefined;
    const json = clientJson(this.#config);
    const made = parent ? parent.#native.extend(json) : engine.createClient(json);
    if (typeof made === 'string') throw fromFailure(made);
    this.#native = made;
    // Verbs work without their client, as in `const { post } = client`.
    for (const verb of DETACHABLE)
      Object.defineProperty(this, verb, { value: this[verb].bind(this), configurable: true });
  }

  get config(): Options {
    return this.#config;
  }

  get(url: string, config?: Options): Answer {
    return this.#send('GET', url, undefined, config);
  }

  delete(url: string, config?: Options): Answer {
    return this.#send('DELETE', url, config?.['data'], config);
  }

  head(url: string, config?: Options): Answer {
    return this.#send('HEAD', url, undefined, config);
  }

  options(url: string, config?: Options): Answer {
    return this.#send('OPTIONS', url, config?.['data'], config);
  }

  post(url: string, data?: unknown, config?: Options): Answer {
    return this.#send('POST', url, data, config);
  }

  put(url: string, data?: unknown, config?: Options): Answer {
    return this.#send('PUT', url, data, config);
  }

  patch(url: string, data?: unknown, config?: Options): Answer {
    return this.#send('PATCH', url, data, config);
  }

  request(config: Options): Answer {
    if (typeof config !== 'object' || config === null)
      return Promise.reject(wrong('request() takes an object with url, method and data'));
    const { method = 'GET', url = '', data } = config;
    return this.#send(String(method).toUpperCase(), url, data, config);
  }

  /** Posts and gives the stream of events itself; `method` may name another verb. */
  async stream(url: string, data?: unknown, config?: Options): Promise<EventStream> {
    const method = String(config?.['method'] ?? 'POST').toUpperCase();
    const response = await this.#send(method, url, data, config, 'events');
    return response.data as EventStream;
  }

  /** A client with these options over this one's, on the same pool. */
  extend(options: Options = {}): Client {
    return new Client(options, this);
  }

  create(options: Options = {}): Client {
    return this.extend(options);
  }

  stats(): Record<string, unknown> {
    return { ...JSON.parse(this.#native.stats()), pending: this.#pending.size, wakeUps: engine.counters()[0] };
  }

  /** Aborts what is under way and takes no more calls. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const call of this.#pending) call.abort(new Error('the client was closed'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  toJSON(): unknown {
    return { config: redacted({ ...this.#config }) };
  }

  [inspect.custom](_depth: number, options: object): string {
    return `TraeClient ${inspect(redacted({ ...this.#config }), options)}`;
  }

  #send(method: string, url: unknown, data: unknown, config?: Options, shape?: string): Answer {
    return new Promise((resolve, reject) => {
      this.#start({ resolve, reject }, method, url, data, config, shape);
    });
  }

  /** What it throws rejects the call. */
  #start(settle: Settle, method: string, url: unknown, data: unknown, config?: Options, shape?: string): void {
    if (this.#closed) throw wrong('the client is closed');
    if (typeof url !== 'string' && !(url instanceof URL))
      throw wrong(`the URL must be a string, got ${url === null ? 'null' : typeof url}`);
    if (config != null && typeof config !== 'object')
      throw wrong(`a call's config must be an object, got a ${typeof config}`);
    const signal = signalOf(config?.['signal'] ?? this.#config['signal']);
    if (signal?.aborted) throw aborted('prepare', signal.reason);
    const own = config?.['validateStatus'];
    const transform = config?.['transformRequest'] ?? this.#config['transformRequest'];
    // A transform may change the headers of its call, never an object of the caller.
    const headers = transform ? plainHeaders(config?.['headers']) : undefined;
    const encoded = encode(transform ? transform(data, headers) : data);
    const options = callJson(headers ? { ...config, headers } : config, own !== undefined || this.#judge, shape);
    const plan: Plan = {
      method,
      config: () => merge(this.#config, config),
      signal,
      validateStatus: own !== undefined ? own : this.#config['validateStatus'],
      transformResponse: config?.['transformResponse'] ?? this.#config['transformResponse'],
      responseType: config?.['responseType'] ?? shape,
      over: () => this.#pending.delete(call),
    };
    const call = new Call(plan, settle);
    call.id = listen(call);
    this.#pending.add(call);
    const text = encoded.kind === 'json' ? encoded.text : undefined;
    const bytes = encoded.kind === 'bytes' ? encoded.bytes : undefined;
    const type = encoded.kind === 'bytes' || encoded.kind === 'stream' ? encoded.type : undefined;
    engine.send(this.#native, call.id, method, String(url), text, bytes, type, options, encoded.kind === 'stream');
    if (encoded.kind === 'stream') void call.send(encoded.source, piece);
  }
}

const DETACHABLE = [
  'get',
  'delete',
  'head',
  'options',
  'post',
  'put',
  'patch',
  'request',
  'stream',
  'extend',
  'create',
] as const;

function signalOf(signal: unknown): AbortSignal | undefined {
  if (signal === undefined || signal === null) return undefined;
  const { addEventListener, removeEventListener } = signal as AbortSignal;
  if (typeof addEventListener === 'function' && typeof removeEventListener === 'function') return signal as AbortSignal;
  throw wrong('signal must be an AbortSignal');
}

/** A client with a pool of its own. */
export function createClient(options: Options = {}): Client {
  if (typeof options !== 'object' || options === null) throw wrong('createClient() takes an object of options');
  return new Client(guarded({ ...options }));
}
