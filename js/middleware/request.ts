// A call as middlewares see and change it.

import { inspect } from 'node:util';
import { kindOf, config as wrong } from '../errors.js';
import { type HeaderRecord, plainHeaders } from '../request-headers.js';
import { fields, redacted } from '../secrets.js';

/** Options of a call, the client's laid under; unknown names are the caller's own. */
type Config = Record<string, unknown>;

/** What a request starts with. What few middlewares look at is made when it is looked at. */
export interface Fields {
  method: string;
  url: string;
  params: unknown;
  data: unknown;
  state: Record<string, unknown>;
  config: () => Config;
  headers: () => HeaderRecord;
}

export class TraeRequest {
  method: string;
  /** As the caller wrote it: below the client's `baseURL` unless it is absolute. */
  url: string;
  params: unknown;
  /** What is sent, not yet encoded. */
  data: unknown;
  /** Which attempt this is, from 1: one more for each time that the innermost `next()` is called. */
  attempt = 1;
  /** One bag per call, the same for all middlewares. */
  readonly state: Record<string, unknown>;
  /** Whether a middleware has touched the headers. */
  headersChanged = false;
  #headers: HeaderRecord | undefined;
  #config: Config | undefined;
  readonly #fields: Fields;
  readonly #signal: () => AbortSignal;

  constructor(fields: Fields, signal: () => AbortSignal) {
    this.method = fields.method;
    this.url = fields.url;
    this.params = fields.params;
    this.data = fields.data;
    this.state = fields.state;
    this.#fields = fields;
    this.#signal = signal;
  }

  /** The client's and the call's options; what is changed in it changes the call. */
  get config(): Config {
    this.#config ??= this.#fields.config();
    return this.#config;
  }

  set config(config: Config) {
    this.#config = config;
  }

  /** Whether somebody has had the options in hand. */
  get configSeen(): boolean {
    return this.#config !== undefined;
  }

  /** All headers that will be sent but those of the transport; their names are the same in any case. */
  get headers(): HeaderRecord {
    this.#headers ??= this.#caseless(this.#fields.headers());
    return this.#headers;
  }

  set headers(headers: unknown) {
    this.#headers = this.#caseless(plainHeaders(headers));
    this.headersChanged = true;
  }

  /** Reads and writes any spelling of a name; spreading gives each header once, in lower case. */
  #caseless(headers: HeaderRecord): HeaderRecord {
    const target: HeaderRecord = Object.create(PRINTED);
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

  /** Without the options: printing must not count as having had them in hand. */
  toJSON(): Record<string, unknown> {
    const { method, url, params, data, attempt, state } = this;
    const shown = redacted({ method, url, params, data, attempt, state }) as Record<string, unknown>;
    return { ...shown, headers: fields({ ...(this.#headers ?? this.#fields.headers()) }) };
  }

  [inspect.custom](depth: number, options: object): string {
    return `TraeRequest ${inspect(this.toJSON(), { ...options, depth })}`;
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
    const { method, url, params, data, state, attempt } = this;
    const fields = { method, url, params, data, state, config: () => this.config, headers: () => this.headers };
    const copy = new TraeRequest(fields, this.#signal);
    copy.attempt = attempt;
    copy.headersChanged = this.headersChanged;
    for (const name of FIELDS) if (name in changed) copy[name] = (changed as TraeRequest)[name] as never;
    return copy;
  }
}

const FIELDS = ['method', 'url', 'params', 'data', 'config', 'headers'] as const;

/** What headers inherit, so that no list of their names has it. */
const PRINTED: object = Object.create(null, {
  [inspect.custom]: { value: printed },
  toJSON: { value: printed },
});

function printed(this: HeaderRecord): unknown {
  return fields({ ...this });
}

const CASELESS: ProxyHandler<HeaderRecord> = {
  get: (target, name) => Reflect.get(target, typeof name === 'string' && name !== 'toJSON' ? name.toLowerCase() : name),
  has: (target, name) => (typeof name === 'string' ? Object.hasOwn(target, name.toLowerCase()) : name in target),
  getOwnPropertyDescriptor: (target, name) =>
    Reflect.getOwnPropertyDescriptor(target, typeof name === 'string' ? name.toLowerCase() : name),
};
