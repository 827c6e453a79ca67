// The client that services hold: verbs, options and the way into the engine.

import { inspect } from 'node:util';
import { type Encoded, encode, piece } from './body.js';
import { Call, type Plan, type Settle } from './call.js';
import {
  callJson,
  clientJson,
  live,
  merge,
  type Options,
  requireAgents,
  requireFunctions,
  requireNoClients,
  requireObject,
  signalOf,
} from './config.js';
import { aborted, fromFailure, kindOf, ParseError, TraeError, config as wrong } from './errors.js';
import { type After, after, atEnd, type Before, before, type Finally, type OnError } from './middleware/hooks.js';
import { Onion, within } from './middleware/onion.js';
import type { TraeRequest } from './middleware/request.js';
import { type Arranged, arrange, type Entry, type EntryOptions, Stack } from './middleware/stack.js';
import { engine, listen, type NativeClient } from './native.js';
import { type HeaderRecord, mergeHeaders, plainHeaders } from './request-headers.js';
import type { TraeResponse } from './response.js';
import { redacted } from './secrets.js';
import type { Abortable } from './signals.js';
import { EventStream } from './stream.js';

type Answer = Promise<TraeResponse>;

/** What `stream()` can be asked for; anything else would not be a stream of events. */
const STREAMS = ['events', 'event-stream', 'sse'];

/** Forgets a client that nobody holds any more. */
const gone = new FinalizationRegistry<() => void>((forget) => forget());

export class Client {
  #native: NativeClient;
  readonly #config: Options;
  readonly #live: Options;
  #judge = false;
  /** Whether the options were changed since the engine heard of them. */
  #changed = false;
  readonly #pending = new Set<Abortable>();
  readonly #stack: Stack;
  #arranged: { entries: readonly Entry[]; arranged: Arranged } | undefined;
  #last: { pipeline: Arranged['pipeline']; native: NativeClient; layered: NativeClient } | undefined;
  /** Clients extended from this one, held weakly: a service may make one for each request. */
  readonly #children = new Set<WeakRef<Client>>();
  /** Held strongly, so that closing an ancestor finds its way down to this client. */
  readonly #parent: Client | undefined;
  #closed = false;

  constructor(options: Options, parent?: Client) {
    requireObject(options, 'the options of a client');
    this.#config = merge(parent ? parent.#config : {}, options);
    this.#live = live(this.#config, () => {
      this.#changed = true;
    });
    this.#parent = parent;
    this.#stack = new Stack(parent ? parent.#stack.layers : []);
    const json = this.#json();
    this.#native = native(parent ? parent.#native.extend(json) : engine.createClient(json));
    if (parent) parent.#adopt(this);
    // Verbs work without their client, as in `const { post } = client`.
    for (const verb of DETACHABLE)
      Object.defineProperty(this, verb, { value: this[verb].bind(this), configurable: true });
  }

  get config(): Options {
    return this.#live;
  }

  /** The options as the engine takes them, those that JavaScript reads itself checked. */
  #json(): string {
    requireFunctions(this.#config);
    requireAgents(this.#config);
    signalOf(this.#config['signal']);
    this.#judge = this.#config['validateStatus'] !== undefined;
    return clientJson(this.#config);
  }

  /** Tells the engine what was changed in the options; a wrong one fails each call until it is mended. */
  #refresh(): void {
    if (!this.#changed) return;
    this.#native = native(this.#native.extend(this.#json()));
    this.#changed = false;
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
      return Promise.reject(
        wrong(`request() takes an object with \`url\`, \`method\` and \`data\`, got ${kindOf(config)}`),
      );
    const { method = 'GET', url = '', data } = config;
    return this.#send(method, url, data, config);
  }

  /** Posts and gives the stream of events itself; `method` may name another verb. */
  async stream(url: string, data?: unknown, config?: Options): Promise<EventStream> {
    const { method, responseType } = config ?? {};
    if (responseType != null && !STREAMS.includes(responseType))
      throw wrong(`\`responseType\` of a stream must be '${STREAMS.join("' or '")}', got ${kindOf(responseType)}`);
    const response = await this.#send(method ?? 'POST', url, data, config, 'events');
    if (response.data instanceof EventStream) return response.data;
    const message = `the answer has status ${response.status} and is no stream of events`;
    throw new ParseError({ code: 'PARSE', phase: 'firstEvent', message, status: response.status });
  }

  /** A client with these options over this one's, on the same pool. It is closed together with this one. */
  extend(options: Options = {}): Client {
    if (this.#over) throw closed();
    return new Client(options, this);
  }

  create(options: Options = {}): Client {
    return this.extend(options);
  }

  /** Adds a middleware; the first is the outermost. */
  use(middleware: unknown, options?: EntryOptions): this {
    this.#stack.use(middleware, options);
    return this;
  }

  before(hook: Before, options?: EntryOptions): this {
    this.#stack.add(before(hooked('before', hook)), 'before', options);
    return this;
  }

  after(onResponse?: After | null, onError?: OnError, options?: EntryOptions): this {
    const [heals, errs] = [hooked('after', onResponse ?? undefined), hooked('after', onError)];
    this.#stack.add(after(heals, errs), 'after', options);
    return this;
  }

  finally(hook: Finally, options?: EntryOptions): this {
    this.#stack.add(atEnd(hooked('finally', hook)), 'finally', options);
    return this;
  }

  /** Takes a middleware out by its name; calls under way keep it. */
  eject(name: string): boolean {
    return this.#stack.eject(name);
  }

  /** The pipeline, a line for each layer, the outermost first. */
  inspect(): string {
    return this.#stack.inspect();
  }

  stats(): Record<string, unknown> {
    return { ...JSON.parse(this.#native.stats()), pending: this.#pending.size, wakeUps: engine.counters()[0] };
  }

  #adopt(child: Client): void {
    const ref = new WeakRef(child);
    this.#children.add(ref);
    gone.register(child, () => this.#children.delete(ref));
  }

  /** Aborts what is under way here and in the clients extended from this one, and takes no more calls. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#abort();
  }

  /** Of a client that was extended a thousand times over, too. */
  get #over(): boolean {
    let client: Client | undefined = this;
    while (client && !client.#closed) client = client.#parent;
    return client !== undefined;
  }

  #abort(): void {
    for (const ref of this.#children) {
      const child = ref.deref();
      if (child) child.#abort();
    }
    for (const call of this.#pending) {
      try {
        call.abort(new Error('the client was closed'));
      } catch {
        // What an object of the caller throws is the caller's; the other calls have to end as well.
      }
    }
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

  async #send(method: unknown, url: unknown, data: unknown, config?: Options, shape?: string): Promise<TraeResponse> {
    const own = config?.['middlewares'];
    try {
      if (this.#stack.size > 0 || own !== undefined) return await this.#through(own, method, url, data, config, shape);
      return await new Promise((resolve, reject) => {
        this.#start({ resolve, reject }, this.#pending, { method, url, data, config, shape });
      });
    } catch (error) {
      // Made while the mailbox was emptied, it would show nothing of who called; here the callers can be seen.
      if (error instanceof TraeError) error.place(this.#send);
      throw error;
    }
  }

  /** Through the middlewares, those of the call innermost. */
  async #through(
    own: unknown,
    method: unknown,
    url: unknown,
    data: unknown,
    config?: Options,
    shape?: string,
  ): Promise<TraeResponse> {
    const asked = this.#asked({ method, url, data, config, shape });
    const onion = new Onion(asked.signal, this.#arrange(own));
    this.#pending.add(onion);
    try {
      const fields = {
        method: asked.method,
        url: String(url),
        params: config?.['params'],
        data,
        config: merge(this.#config, config) as Record<string, unknown>,
        state: {},
        headers: mergeHeaders(this.#config['headers'], config?.['headers']),
      };
      return await onion.run(fields, (req) => {
        const { method, url, params, data } = req;
        const changed = { ...config, ...req.config, params, headers: this.#headersOf(req) };
        return new Promise((resolve, reject) => {
          this.#start({ resolve, reject }, onion.calls, { method, url, data, config: changed, shape }, onion);
        });
      });
    } finally {
      this.#pending.delete(onion);
    }
  }

  /** The client's middlewares and those of the call; without the latter they are arranged once. */
  #arrange(own: unknown): Arranged {
    const entries = this.#stack.layers;
    if (own !== undefined) return arrange([...entries, ...layersOf(own)]);
    if (this.#arranged?.entries !== entries) this.#arranged = { entries, arranged: arrange(entries) };
    return this.#arranged.arranged;
  }

  /** The engine's client with this pipeline; the last one is kept. */
  #layered(pipeline: Arranged['pipeline']): NativeClient {
    if (pipeline.length === 0) return this.#native;
    const last = this.#last;
    if (last?.pipeline === pipeline && last.native === this.#native) return last.layered;
    const layered = this.#native.layered(pipeline.map((layer) => (typeof layer === 'number' ? layer : layer.handle)));
    this.#last = { pipeline, native: this.#native, layered };
    return layered;
  }

  /** What the engine does not know yet: a default that is gone has to be named. */
  #headersOf({ headers }: TraeRequest): HeaderRecord {
    const sent: HeaderRecord = { ...headers };
    for (const name of Object.keys(this.#config['headers'] ?? {})) {
      const lower = name.toLowerCase();
      if (!(lower in sent)) sent[lower] = null;
    }
    return sent;
  }

  #asked({ method, url, config }: Asked): { method: string; signal: AbortSignal | undefined } {
    if (this.#over) throw closed();
    if (typeof url !== 'string' && !(url instanceof URL)) throw wrong(`the URL must be a string, got ${kindOf(url)}`);
    if (typeof method !== 'string') throw wrong(`\`method\` must be a string, got ${kindOf(method)}`);
    if (config != null) requireObject(config, "a call's config");
    requireFunctions(config);
    requireNoClients(config, this.#config);
    const signal = signalOf(config?.['signal'] ?? this.#config['signal']);
    if (signal?.aborted) throw aborted('prepare', signal.reason);
    return { method: method.toUpperCase(), signal };
  }

  /** What it throws rejects the call. */
  #start(settle: Settle, calls: Set<Abortable>, asked: Asked, onion?: Onion): void {
    const { method, signal } = this.#asked(asked);
    this.#refresh();
    const { url, data, config, shape } = asked;
    const own = config?.['validateStatus'];
    const { encoded, headers } = this.#content(data, config);
    const options = callJson(headers ? { ...config, headers } : config, own !== undefined || this.#judge, shape);
    const target = String(url);
    const text = encoded.kind === 'json' ? encoded.text : undefined;
    const bytes = encoded.kind === 'bytes' ? encoded.bytes : undefined;
    const type = encoded.kind === 'bytes' || encoded.kind === 'stream' ? String(encoded.type) : undefined;
    // The caller's own code has run since these were asked: a transform, a `toJSON`.
    if (this.#over) throw closed();
    if (signal?.aborted) throw aborted('prepare', signal.reason);
    const plan: Plan = {
      method,
      url: target,
      config: () => merge(this.#config, config),
      signal,
      validateStatus: own !== undefined ? own : this.#config['validateStatus'],
      transformResponse: config?.['transformResponse'] ?? this.#config['transformResponse'],
      responseType: config?.['responseType'] ?? shape,
      sent: () => JSON.stringify(mergeHeaders(this.#config['headers'], config?.['headers']), plainly),
      over: () => calls.delete(call),
    };
    const call: Call = new Call(onion ? within(onion, plan) : plan, settle);
    const native = onion ? this.#layered(onion.layers.pipeline) : this.#native;
    call.id = listen(call);
    calls.add(call);
    engine.send(native, call.id, method, target, text, bytes, type, options, encoded.kind === 'stream');
    if (encoded.kind === 'stream') void call.send(encoded.source, piece);
  }

  /** What the call sends, and its headers where sending that changes them; never an object of the caller. */
  #content(data: unknown, config: Options | undefined): { encoded: Encoded; headers: HeaderRecord | undefined } {
    const transform = config?.['transformRequest'] ?? this.#config['transformRequest'];
    const headers = transform ? plainHeaders(config?.['headers']) : undefined;
    const encoded = encode(transform ? transform(data, headers) : data);
    if (encoded.kind !== 'stream' || encoded.length === undefined) return { encoded, headers };
    // As for a body in memory: a length that we know is believed before one that the caller says.
    const length = { 'content-length': encoded.length };
    return { encoded, headers: mergeHeaders(headers ?? plainHeaders(config?.['headers']), length) };
  }
}

/** A call as it was written, or as its middlewares have made it. */
interface Asked {
  method: unknown;
  url: unknown;
  data: unknown;
  config: Options | undefined;
  shape: string | undefined;
}

/** The middlewares of one call. */
function layersOf(own: unknown): readonly Entry[] {
  if (own === undefined) return [];
  if (!Array.isArray(own)) throw wrong(`\`middlewares\` must be a list, got ${kindOf(own)}`);
  const stack = new Stack();
  for (const middleware of own) stack.use(middleware);
  return stack.layers;
}

/** `guarded` headers hide their values from JSON; here it is the values that are needed. */
function plainly(this: unknown, name: string, value: unknown): unknown {
  return name === '' ? { ...(this as Record<string, object>)[''] } : value;
}

function hooked<T>(verb: string, hook: T): T {
  if (hook === undefined || typeof hook === 'function') return hook;
  throw new TypeError(`${verb}() takes a function, got ${kindOf(hook)}`);
}

function native(made: NativeClient | string): NativeClient {
  if (typeof made === 'string') throw fromFailure(made);
  return made;
}

function closed(): TraeError {
  return wrong('the client is closed');
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
  'use',
] as const;

/** A client with a pool of its own. */
export function createClient(options: Options = {}): Client {
  return new Client(options);
}
