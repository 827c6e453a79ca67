// A call as middlewares see and change it.

import { kindOf, config as wrong } from '../errors.js';
import { type HeaderRecord, plainHeaders } from '../request-headers.js';

/** Options of a call, the client's laid under; unknown names are the caller's own. */
type Config = Record<string, unknown>;

export class TraeRequest {
  method: string;
  /** As the caller wrote it: below the client's `baseURL` unless it is absolute. */
  url: string;
  params: unknown;
  /** What is sent, not yet encoded. */
  data: unknown;
  config: Config;
  /** Which attempt this is, from 1: one more for each time that the innermost `next()` is called. */
  attempt = 1;
  /** One bag per call, the same for all middlewares. */
  readonly state: Record<string, unknown>;
  /** Whether a middleware has touched the headers. */
  headersChanged = false;
  #headers: HeaderRecord;
  readonly #signal: () => AbortSignal;

  constructor(fields: Fields, signal: () => AbortSignal) {
    this.method = fields.method;
    this.url = fields.url;
    this.params = fields.params;
    this.data = fields.data;
    this.config = fields.config;
    this.state = fields.state;
    this.#headers = this.#caseless(fields.headers);
    this.#signal = signal;
  }

  /** All headers that will be sent but those of the transport; their names are the same in any case. */
  get headers(): HeaderRecord {
    return this.#headers;
  }

  set headers(headers: unknown) {
    this.#headers = this.#caseless(plainHeaders(headers));
    this.headersChanged = true;
  }

  /** Reads and writes any spelling of a name; spreading gives each header once, in lower case. */
  #caseless(headers: HeaderRecord): HeaderRecord {
    const target: HeaderRecord = Object.create(null);
    for (const [name, value] of Object.entries(headers)) target[name.toLowerCase()] = value;
    return new Proxy(target, {
      ...CASELESS,
      set: (target, name, value) => {
        this.headersChanged = true;
        target[String(name).toLowerCase()] = value;
        return true;
      },
      deleteProperty: (target, name) => {
        this.headersChanged = true;
        return delete target[String(name).toLowerCase()];
      },
    });
  }

  /** What can be compared with later. */
  snapshot(): Pick<TraeRequest, 'method' | 'url' | 'params' | 'data'> {
    const { method, url, params, data } = this;
    return { method, url, params, data };
  }

  /** Aborted when the call is. */
  get signal(): AbortSignal {
    return this.#signal();
  }

  /** What `next(changed)` goes on with: the same call with the fields that were given. */
  with(changed: unknown): TraeRequest {
    if (changed === undefined || changed === this) return this;
    if (changed instanceof TraeRequest) return changed;
    if (typeof changed !== 'object' || changed === null)
      throw wrong(`next() takes a request or nothing, got ${kindOf(changed)}`);
    const { method, url, params, data, config, state, headers, attempt } = this;
    const copy = new TraeRequest({ method, url, params, data, config, state, headers }, this.#signal);
    copy.attempt = attempt;
    copy.headersChanged = this.headersChanged;
    for (const name of FIELDS) if (name in changed) copy[name] = (changed as Fields)[name] as never;
    return copy;
  }
}

interface Fields {
  method: string;
  url: string;
  params: unknown;
  data: unknown;
  config: Config;
  state: Record<string, unknown>;
  headers: HeaderRecord;
}

const FIELDS = ['method', 'url', 'params', 'data', 'config', 'headers'] as const;

const CASELESS: ProxyHandler<HeaderRecord> = {
  get: (target, name) => (typeof name === 'string' ? target[name.toLowerCase()] : Reflect.get(target, name)),
  has: (target, name) => (typeof name === 'string' ? name.toLowerCase() in target : Reflect.has(target, name)),
  getOwnPropertyDescriptor: (target, name) =>
    Reflect.getOwnPropertyDescriptor(target, typeof name === 'string' ? name.toLowerCase() : name),
};
