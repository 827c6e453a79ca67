// The client that services hold: its verbs, its middlewares, its life. How a call is sent: sender.ts.

import { inspect, isDeepStrictEqual } from 'node:util';
import type { Api } from './api/index.js';
import { requireAnswer } from './api/object.js';
import { ofApi } from './api/paths.js';
import { CacheControl } from './cache.js';
import { live, merge, type Options, plainStore, requireObject, SESSION, signalOf } from './config.js';
import { kindOf, ParseError, placed, config as wrong } from './errors.js';
import { type After, after, atEnd, type Before, before, type Finally, type OnError } from './middleware/hooks.js';
import { Native } from './middleware/native.js';
import { SHORT_FORMS, shortForms } from './middleware/short.js';
import { type EntryOptions, Stack } from './middleware/stack.js';
import { CLIENT_OPTIONS, requireKnown } from './names.js';
import type { TraeResponse } from './response.js';
import { redacted } from './secrets.js';
import { closed, Sender } from './sender.js';
import type { Session } from './session.js';
import type { Abortable } from './signals.js';
import { EventStream } from './stream.js';
import type { ToolRun } from './tools/run.js';
import type { Warmed } from './warmup.js';

type Answer = Promise<TraeResponse>;

/** What `stream()` can be asked for; anything else would not be a stream of events. */
const STREAMS = ['events', 'event-stream', 'sse', 'jsonl'];

/** Forgets a client that nobody holds any more. */
const gone = new FinalizationRegistry<() => void>((forget) => forget());

export class Client {
  readonly #config: Options;
  readonly #live: Options;
  readonly #stack: Stack;
  readonly #sender: Sender;
  /** Clients extended from this one, held weakly: a service may make one for each request. */
  readonly #children = new Set<WeakRef<Client>>();
  /** Held strongly, so that closing an ancestor finds its way down to this client. */
  readonly #parent: Client | undefined;
  /** What is between two calls: runs whose tools are under way, waits that pause. */
  readonly #under = new Set<Abortable>();
  #closed = false;
  #kept: Native | undefined;

  constructor(options: Options, parent?: Client) {
    requireObject(options, 'the options of a client');
    requireKnown(options, KNOWN);
    const { rest, install } = shortForms(options, options['store'] ?? (parent ? parent.#config['store'] : undefined));
    this.#config = merge(parent ? parent.#config : {}, rest);
    this.#live = live(this.#config, () => this.#sender.change());
    this.#parent = parent;
    this.#stack = new Stack(parent ? parent.#stack.layers : []);
    install(this.#stack);
    const taken = (): void => {
      if (this.#over) throw closed();
    };
    this.#sender = new Sender(this.#config, this.#stack, taken, parent ? parent.#sender : undefined);
    if (parent) parent.#adopt(this);
    // A wrong option is told here and not at the first session.
    if (rest['sessions'] !== undefined) this.#sessions();
    // Verbs work without their client, as in `const { post } = client`.
    for (const verb of DETACHABLE)
      Object.defineProperty(this, verb, { value: this[verb].bind(this), configurable: true });
    // Some ask what they were given by its name.
    Object.defineProperty(this.fetch, 'name', { value: 'fetch', configurable: true });
  }

  get config(): Options {
    return this.#live;
  }

  get(url: string, config?: Options): Answer {
    return this.#sender.send('GET', url, undefined, config);
  }

  delete(url: string, config?: Options): Answer {
    return this.#sender.send('DELETE', url, config?.['data'], config);
  }

  head(url: string, config?: Options): Answer {
    return this.#sender.send('HEAD', url, undefined, config);
  }

  options(url: string, config?: Options): Answer {
    return this.#sender.send('OPTIONS', url, config?.['data'], config);
  }

  post(url: string, data?: unknown, config?: Options): Answer {
    return this.#sender.send('POST', url, data, config);
  }

  put(url: string, data?: unknown, config?: Options): Answer {
    return this.#sender.send('PUT', url, data, config);
  }

  patch(url: string, data?: unknown, config?: Options): Answer {
    return this.#sender.send('PATCH', url, data, config);
  }

  request(config: Options): Answer {
    if (typeof config !== 'object' || config === null)
      return Promise.reject(
        wrong(`request() takes an object with \`url\`, \`method\` and \`data\`, got ${kindOf(config)}`),
      );
    const { method = 'GET', url = '', data } = config;
    return this.#sender.send(method, url, data, config);
  }

  /** Posts and gives the stream of events itself; `method` may name another verb. */
  async stream(url: string, data?: unknown, config?: Options): Promise<EventStream> {
    const { method, responseType } = config ?? {};
    if (responseType != null && !STREAMS.includes(responseType))
      throw wrong(`\`responseType\` of a stream must be '${STREAMS.join("' or '")}', got ${kindOf(responseType)}`);
    const response = await this.#sender.send(method ?? 'POST', url, data, config, 'events');
    if (response.data instanceof EventStream) return response.data;
    const message = `the answer has status ${response.status} and is no stream of events`;
    throw new ParseError({ code: 'PARSE', phase: 'firstEvent', message, status: response.status });
  }

  /** As the WHATWG standard has it, through this client: for whatever takes a `fetch`. */
  fetch(input: unknown, ...[init]: unknown[]): Promise<Response> {
    // Loaded here because it loads Node's own fetch, whose classes it passes for.
    const { fetch } = require('./fetch/index.js') as typeof import('./fetch/index.js');
    return fetch(this.#sender, this.#config, input, init);
  }

  /** Asks for a stream, and gives the message that it adds up to as one answer. */
  async message(body: unknown, config?: Options): Promise<TraeResponse> {
    const { url = this.#path('/messages'), method, responseType } = config ?? {};
    requireObject(body, 'the body of message()');
    if (responseType != null && responseType !== 'message')
      throw wrong(`message() gives a message: it takes no \`responseType\`, got ${kindOf(responseType)}`);
    // As a stream that nobody reads: what has come of it is kept, whatever ends it.
    const asked = { ...config, responseType: 'auto' };
    const res = await this.#sender.send(method ?? 'POST', url, { ...body, stream: true }, asked);
    if (res.data instanceof EventStream) res.data = await res.data.finalMessage();
    return requireAnswer(res, 'a message');
  }

  /** Message batches of the Claude API. */
  get batches(): Api['batches'] {
    return this.#api().batches;
  }

  /** Files of the Claude API. */
  get files(): Api['files'] {
    return this.#api().files;
  }

  /** Models of the Claude API. */
  get models(): Api['models'] {
    return this.#api().models;
  }

  /** How many tokens a call would have as its input. */
  countTokens(body: unknown, config?: Options): Answer {
    return this.#api().countTokens(body, config);
  }

  /** The API before messages; a stream where the body has `stream: true`. */
  complete(body: unknown, config?: Options): Promise<TraeResponse | EventStream> {
    return this.#api().complete(body, config);
  }

  /** Answers, tools that they call, their results, and again: until the model comes to an end. */
  runTools(options: unknown): ToolRun {
    // Loaded here because many services have none.
    const { ToolRun } = require('./tools/run.js') as typeof import('./tools/run.js');
    const ask = (body: object, config: Options) => this.stream(this.#path('/messages'), body, config);
    return placed(this.runTools, () => new ToolRun(ask, options, this.#under, signalOf(this.#config['signal'])));
  }

  #resources: Api | undefined;

  #api(): Api {
    if (this.#resources) return this.#resources;
    // Loaded here because most services call for messages only.
    const { Api } = require('./api/index.js') as typeof import('./api/index.js');
    this.#resources = new Api({
      request: (config) => this.request(config),
      stream: (url, data, config) => this.stream(url, data, config),
      path: (below) => this.#path(below),
      signal: (own) => signalOf(own ?? this.#config['signal']),
      under: this.#under,
    });
    return this.#resources;
  }

  #path(below: string): string {
    return ofApi(this.#config['baseURL'], below);
  }

  /** A client with these options over this one's, on the same pool. It is closed together with this one. */
  extend(options: Options = {}): Client {
    return placed(Client.prototype.extend, () => {
      if (this.#over) throw closed();
      return new Client(options, this);
    });
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
    requireHook('before', hook);
    this.#stack.add(before(hook), 'before', options);
    return this;
  }

  after(onResponse?: After | null, onError?: OnError, options?: EntryOptions): this {
    if (onResponse != null || onError == null) requireHook('after', onResponse);
    if (onError != null) requireHook('after', onError);
    this.#stack.add(after(onResponse, onError), 'after', options);
    return this;
  }

  finally(hook: Finally, options?: EntryOptions): this {
    requireHook('finally', hook);
    this.#stack.add(atEnd(hook), 'finally', options);
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

  /** Has connections ready before the first call. */
  warmup(options: Options = {}): Promise<Warmed> {
    return this.#sender.warmup(options);
  }

  /** What its `cache()` has done, and how it forgets. */
  get cache(): CacheControl {
    const { baseURL } = this.#config;
    return new CacheControl(this.#stack.layers, baseURL !== undefined, (config) => this.request(config));
  }

  stats(): Record<string, unknown> {
    return this.#sender.stats();
  }

  /** What its `metrics()` have counted, and what its pool does. */
  metrics(format: unknown = 'prometheus'): string {
    return this.#sender.metrics(String(format));
  }

  /** A conversation by its id, in the memory of this process or where `store` says. */
  session(id: unknown, options: Options = {}): Session {
    return placed(this.session, () => {
      if (this.#over) throw closed();
      // Loaded here because many services have none.
      const { Session } = require('./session.js') as typeof import('./session.js');
      const owner = {
        post: (path: string, body: object, config: Options) => this.post(path, body, config),
        stream: (path: string, body: object, config: Options) => this.stream(path, body, config),
        path: this.#path('/messages'),
        key: SESSION,
      } as const;
      return new Session(owner, this.#sessions(), id, options);
    });
  }

  /** What keeps the sessions: a client that was extended has those of the other, unless it keeps them elsewhere. */
  #sessions(): Native {
    const where = (client: Client): unknown[] => ['store', 'sessions'].map((name) => client.#config[name]);
    const parent = this.#parent;
    if (parent && isDeepStrictEqual(where(this), where(parent))) return parent.#sessions();
    const { store, sessions } = this.#config;
    this.#kept ??= new Native('session', { ...sessions, store: plainStore(store) });
    return this.#kept;
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
    const reason = new Error('the client was closed');
    for (const run of this.#under) run.abort(reason);
    this.#sender.abort(reason);
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
}

function requireHook(verb: string, hook: unknown): void {
  if (typeof hook !== 'function') throw new TypeError(`${verb}() takes a function, got ${kindOf(hook)}`);
}

const KNOWN = [...CLIENT_OPTIONS, ...SHORT_FORMS];
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
  'fetch',
  'message',
  'extend',
  'create',
  'use',
] as const;

/** A client with a pool of its own. */
export function createClient(options: Options = {}): Client {
  return placed(createClient, () => new Client(options));
}
