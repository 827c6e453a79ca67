// How a client's calls are sent: through its middlewares, and into the engine.

import { ofApi } from './api/paths.js';
import { AtOnce } from './at-once.js';
import { type Encoded, encode, piece } from './body.js';
import { answered, Call, type Plan, type Settle } from './call.js';
import {
  callJson,
  clientJson,
  merge,
  type Options,
  requireAgents,
  requireFunctions,
  requireNoClients,
  requireObject,
  SESSION,
  signalOf,
  type Turn,
} from './config.js';
import { bound } from './context.js';
import { follow } from './diagnostics.js';
import { aborted, fromFailure, kindOf, TraeError, config as wrong } from './errors.js';
import type { Native } from './middleware/native.js';
import { limitOf, Onion, within } from './middleware/onion.js';
import type { TraeRequest } from './middleware/request.js';
import { requireNoShortForms } from './middleware/short.js';
import { type Arranged, arrange, type Entry, layersOf, outermost, type Stack } from './middleware/stack.js';
import { engine, listen, type NativeClient, number } from './native.js';
import { type HeaderRecord, mergeHeaders, plainHeaders } from './request-headers.js';
import type { TraeResponse } from './response.js';
import type { Shape } from './shape.js';
import type { Abortable } from './signals.js';
import { type Transport, transportOf } from './transport.js';
import type { Keeper, Warmed } from './warmup.js';

/** A call as it was written, or as its middlewares have made it. */
interface Asked {
  method: unknown;
  url: unknown;
  data: unknown;
  config: Options | undefined;
  shape: Shape | undefined;
}

export class Sender {
  #native: NativeClient;
  readonly #config: Options;
  readonly #stack: Stack;
  /** Throws where the client takes no more calls. */
  readonly #taken: () => void;
  #transport: Transport | undefined;
  #judge = false;
  /** Whether the options were changed since the engine heard of them. */
  #changed = false;
  readonly #pending = new Set<Abortable>();
  #keeper: Keeper | undefined;
  /** Of calls, and of those that are turns of a session. */
  readonly #arranged: Record<string, { entries: readonly Entry[]; arranged: Arranged }> = {};
  #last:
    | { pipeline: Arranged['pipeline']; native: NativeClient; layered: NativeClient; atOnce: AtOnce | undefined }
    | undefined;

  /** With a parent it shares the pool of that. */
  constructor(config: Options, stack: Stack, taken: () => void, parent: Sender | undefined) {
    this.#config = config;
    this.#stack = stack;
    this.#taken = taken;
    this.#native = this.#create(parent);
  }

  /** The options have become others. */
  change(): void {
    this.#changed = true;
  }

  stats(): Record<string, unknown> {
    return { ...JSON.parse(this.#native.stats()), pending: this.#pending.size, wakeUps: engine.counters()[0] };
  }

  /** What the `metrics()` of the client tell. */
  metrics(format: string): string {
    const told = this.#layered(this.#arrange(undefined).pipeline).metrics(format);
    if (typeof told === 'string') throw fromFailure(told);
    return told[0];
  }

  /** Gives up all that is under way. */
  abort(reason: Error): void {
    this.#keeper?.abort();
    for (const call of this.#pending) {
      try {
        call.abort(reason);
      } catch {
        // What an object of the caller throws is the caller's; the other calls have to end as well.
      }
    }
  }

  /** Has connections ready. The client's middlewares see only its `prompt`, which is a call like any other. */
  async warmup(given: Options): Promise<Warmed> {
    try {
      this.#taken();
      // Loaded here because few clients are warmed.
      const { Keeper, prompted, warm, wishOf } = require('./warmup.js') as typeof import('./warmup.js');
      const wish = wishOf(given);
      const signal = signalOf(wish.signal ?? this.#config['signal']);
      if (signal?.aborted) throw aborted('prepare', signal.reason);
      this.#refresh();
      const warmed = await warm(this.#native, wish, signal, this.#pending);
      // Whoever gave it up meanwhile wants nothing kept.
      if (!signal?.aborted) this.#keep(Keeper.of(this.#native, wish, signal));
      if (wish.prompt === undefined) return warmed;
      const messages = ofApi(this.#config['baseURL'], '/messages');
      const post = (body: unknown) => this.send('POST', wish.path ?? messages, body, signal && { signal });
      return { ...warmed, prompt: await prompted(wish.prompt, post) };
    } catch (error) {
      if (error instanceof TraeError) error.place(this.warmup);
      throw error;
    }
  }

  /** In place of what was kept before. */
  #keep(keeper: Keeper | undefined): void {
    if (keeper === undefined) return;
    this.#keeper?.abort();
    this.#keeper = keeper;
  }

  async send(method: unknown, url: unknown, data: unknown, config?: Options, shape?: Shape): Promise<TraeResponse> {
    const followed = follow(method, url);
    try {
      const res = await this.#answer(method, url, data, config, shape);
      followed?.answered(res);
      return res;
    } catch (error) {
      followed?.failed(error);
      // Made while the mailbox was emptied, it would show nothing of who called; here the callers can be seen.
      if (error instanceof TraeError) error.place(this.send);
      throw error;
    }
  }

  #answer(method: unknown, url: unknown, data: unknown, config?: Options, shape?: Shape): Promise<TraeResponse> {
    const arranged = this.#arrange(config?.['middlewares'], turnOf(config)?.native);
    if (arranged.outer.length > 0 || arranged.groups.length > 0)
      return this.#through(arranged, method, url, data, config, shape);
    return new Promise((resolve, reject) => {
      this.#start({ resolve, reject }, this.#pending, { method, url, data, config, shape }, arranged.pipeline);
    });
  }

  /** Through the middlewares, those of the call innermost. */
  async #through(
    arranged: Arranged,
    method: unknown,
    url: unknown,
    data: unknown,
    config?: Options,
    shape?: Shape,
  ): Promise<TraeResponse> {
    const asked = this.#asked({ method, url, data, config, shape });
    const onion = new Onion(asked.signal, arranged);
    const limit = limitOf(config?.['timeout'] ?? this.#config['timeout'], shape ?? config?.['responseType']);
    this.#pending.add(onion);
    try {
      const fields = {
        method: asked.method,
        url: String(url),
        params: config?.['params'],
        data: typeof shape === 'object' ? shape.shown(data) : data,
        state: {},
        config: () => merge(this.#config, config) as Record<string, unknown>,
        headers: () => mergeHeaders(this.#config['headers'], config?.['headers']),
      };
      return await onion.run(
        fields,
        (req) => {
          const { method, url, data } = req;
          const changed = this.#changedBy(req, fields.params, config);
          return new Promise((resolve, reject) => {
            const asked = { method, url, data, config: changed, shape };
            this.#start({ resolve, reject }, onion.calls, asked, arranged.pipeline, onion);
          });
        },
        limit,
      );
    } finally {
      onion.calls.whenEmpty(() => this.#pending.delete(onion));
    }
  }

  /** The call's options as its middlewares have left them: where none has touched them, the caller's own. */
  #changedBy(req: TraeRequest, params: unknown, config: Options | undefined): Options | undefined {
    if (!req.headersChanged && !req.configSeen && req.params === params) return config;
    const headers = req.headersChanged ? { headers: this.#headersOf(req) } : {};
    return {
      ...config,
      ...(req.configSeen && req.config),
      headers: config?.['headers'],
      params: req.params,
      ...headers,
    };
  }

  /** The client's middlewares and those of the call; without the latter they are arranged once. */
  #arrange(own: unknown, session?: Native): Arranged {
    const entries = this.#stack.layers;
    if (own !== undefined) return arrange(outermost(session, [...entries, ...layersOf(own)]));
    const place = session ? 'turns' : 'calls';
    const known = this.#arranged[place];
    if (known?.entries === entries) return known.arranged;
    const arranged = arrange(outermost(session, entries));
    this.#arranged[place] = { entries, arranged };
    return arranged;
  }

  /** The engine's client with this pipeline; the last one is kept. */
  #layered(pipeline: Arranged['pipeline']): NativeClient {
    if (pipeline.length === 0) return this.#native;
    const last = this.#last;
    if (last?.pipeline === pipeline && last.native === this.#native) return last.layered;
    const layers = pipeline.map((step) => (typeof step === 'number' ? step : step.native.handle));
    const conditions = pipeline.map((step) => (typeof step === 'number' ? undefined : step.condition));
    const layered = native(this.#native.layered(layers, conditions));
    const first = pipeline[0] as Exclude<Arranged['pipeline'][number], number>;
    const atOnce = layered.atOnce ? new AtOnce(layered, first.native) : undefined;
    this.#last = { pipeline, native: this.#native, layered, atOnce };
    return layered;
  }

  /** Where a call of it is worth a try at once. */
  #atOnce(native: NativeClient): AtOnce | undefined {
    return this.#last?.layered === native ? this.#last.atOnce : undefined;
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
    this.#taken();
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
  #start(settle: Settle, calls: Set<Abortable>, asked: Asked, pipeline: Arranged['pipeline'], onion?: Onion): void {
    const { method, signal } = this.#asked(asked);
    this.#refresh();
    const { url, data, config } = asked;
    const fetched = typeof asked.shape === 'object' ? asked.shape : undefined;
    const shape = typeof asked.shape === 'string' ? asked.shape : undefined;
    // What `fetch` gives is neither judged nor changed by functions that expect something else.
    const own = fetched ? null : config?.['validateStatus'];
    const { encoded, headers } = fetched ? sized(encode(fetched.sent(data)), config) : this.#content(data, config);
    const judge = own !== undefined || this.#judge;
    const seen = onion !== undefined;
    if (fetched) fetched.seen = seen;
    const options = callJson(headers ? { ...config, headers } : config, judge, shape, fetched && { seen });
    const target = String(url);
    const text = encoded.kind === 'json' ? encoded.text : undefined;
    const bytes = encoded.kind === 'bytes' ? encoded.bytes : undefined;
    const type = encoded.kind === 'bytes' || encoded.kind === 'stream' ? String(encoded.type) : undefined;
    // The caller's own code has run since these were asked: a transform, a `toJSON`.
    this.#taken();
    if (signal?.aborted) throw aborted('prepare', signal.reason);
    const native = this.#layered(pipeline);
    const [attempts, again] = [onion?.attempts ?? 0, onion?.name];
    const id = number();
    let name: number | undefined;
    const atOnce = bytes === undefined && encoded.kind !== 'stream' && this.#plain(asked) && this.#atOnce(native);
    if (atOnce) {
      const started = performance.now();
      const answer = atOnce.ask(started, id, method, target, text, options, attempts, again);
      if (typeof answer === 'object') {
        const type = config?.['responseType'] ?? shape;
        settle.resolve(answered(answer, started, method, () => merge(this.#config, config), type));
        return;
      }
      name = answer;
    }
    const plan: Plan = {
      method,
      url: target,
      config: () => merge(this.#config, config),
      signal,
      now: this.#transport?.now,
      validateStatus: bound(own !== undefined ? own : this.#config['validateStatus']),
      transformResponse: fetched
        ? undefined
        : bound(config?.['transformResponse'] ?? this.#config['transformResponse']),
      responseType: config?.['responseType'] ?? shape,
      describe: (status, headers, body) => native.describeStatus(status, headers, body, this.#sent(config)),
      over: () => calls.delete(call),
      ...(fetched && (seen ? { parse: fetched.parse } : { bytes: fetched.bytes })),
    };
    // Only groups within native middlewares have anything to do with the call once it is under way.
    const grouped = onion !== undefined && onion.layers.groups.length > 0;
    const call: Call = new Call(grouped ? within(onion, plan) : plan, settle);
    call.id = listen(call, id);
    calls.add(call);
    const streamed = encoded.kind === 'stream';
    name ??= engine.send(native, id, method, target, text, bytes, type, options, streamed, attempts, again);
    if (onion) onion.name = name;
    this.#transport?.began?.();
    if (encoded.kind === 'stream') void call.send(encoded.source, piece);
  }

  /** Whether nothing of the caller's own judges or changes its answer. */
  #plain({ config, shape }: Asked): boolean {
    if (typeof shape === 'object') return false;
    const judge = config?.['validateStatus'] ?? this.#config['validateStatus'];
    return (judge ?? config?.['transformResponse'] ?? this.#config['transformResponse']) == null;
  }

  /** The headers that were sent, as JSON: an answer may repeat a key in them. */
  #sent(config: Options | undefined): string {
    return JSON.stringify(mergeHeaders(this.#config['headers'], config?.['headers']), plainly);
  }

  /** What the call sends, and its headers where sending that changes them; never an object of the caller. */
  #content(data: unknown, config: Options | undefined): Sent {
    const transform = config?.['transformRequest'] ?? this.#config['transformRequest'];
    const headers = transform ? plainHeaders(config?.['headers']) : undefined;
    return sized(encode(transform ? transform(data, headers) : data), config, headers);
  }

  /** The options as the engine takes them, those that JavaScript reads itself checked. */
  #json(): string {
    requireNoShortForms(this.#config);
    requireFunctions(this.#config);
    requireAgents(this.#config);
    signalOf(this.#config['signal']);
    this.#judge = this.#config['validateStatus'] !== undefined;
    return clientJson(this.#config);
  }

  /** Tells the engine what was changed in the options; a wrong one fails each call until it is mended. */
  #refresh(): void {
    if (!this.#changed) return;
    this.#native = this.#create(this);
    this.#changed = false;
  }

  /** The client as the engine knows it; it shares the pool of another that goes the same way. */
  #create(other: Sender | undefined): NativeClient {
    const json = this.#json();
    const transport = transportOf(this.#config['transport']);
    const same = other !== undefined && other.#transport === transport;
    this.#transport = transport;
    if (same) return native(other.#native.extend(json));
    return native(transport ? transport.client(json) : engine.createClient(json));
  }
}

interface Sent {
  encoded: Encoded;
  headers?: HeaderRecord | undefined;
}

/** With the length of a streamed content, where that is known. */
function sized(encoded: Encoded, config: Options | undefined, headers?: HeaderRecord): Sent {
  if (encoded.kind !== 'stream' || encoded.length === undefined) return { encoded, headers };
  // As for a body in memory: a length that we know is believed before one that the caller says.
  const length = { 'content-length': encoded.length };
  return { encoded, headers: mergeHeaders(headers ?? plainHeaders(config?.['headers']), length) };
}

function turnOf(config: Options | undefined): Turn | undefined {
  return (config as { [SESSION]?: Turn } | undefined)?.[SESSION];
}

/** `guarded` headers hide their values from JSON; here it is the values that are needed. */
function plainly(this: unknown, name: string, value: unknown): unknown {
  return name === '' ? { ...(this as Record<string, object>)[''] } : value;
}

function native(made: NativeClient | string): NativeClient {
  if (typeof made === 'string') throw fromFailure(made);
  return made;
}

export function closed(): TraeError {
  return wrong('the client is closed');
}
