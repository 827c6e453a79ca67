// A conversation: JavaScript sends the new turn only; what was said before stands in Rust, or in Redis.

import { inspect } from 'node:util';
import { type Options, requireObject, type SESSION, type Turn } from './config.js';
import { kindOf, config as wrong } from './errors.js';
import type { Native } from './middleware/native.js';
import { CALL_OPTIONS, requireKnown } from './names.js';
import type { TraeResponse } from './response.js';
import type { EventStream } from './stream.js';

/** Whose calls the turns are. */
export interface Owner {
  post(path: string, body: object, config: Options): Promise<TraeResponse>;
  stream(path: string, body: object, config: Options): Promise<EventStream>;
  /** The path of the Messages API below the client's base. */
  path: string;
  key: typeof SESSION;
}

/** What Rust is told of each turn. */
const KEPT = ['ttl', 'window', 'onBusy', 'busyTimeout', 'lease'];
const KNOWN = ['model', 'system', 'maxTokens', 'path', ...KEPT];

/** What of a turn's options are those of the call; the rest are members of the body. */
const OF_CALL = new Set(['signal', ...CALL_OPTIONS]);

/** Enough for a long answer; the API wants a number. */
const MAX_TOKENS = 4096;

/** What an export is, for whoever reads it later. */
const VERSION = 1;

function requireTokens(whose: string, most: unknown): void {
  if (most === undefined || (Number.isSafeInteger(most) && (most as number) > 0)) return;
  throw wrong(`\`maxTokens\` of ${whose} is a whole number of 1 or more, got ${kindOf(most)}`);
}

export class Session {
  readonly id: string;
  readonly #owner: Owner;
  readonly #native: Native;
  readonly #options: Options;

  constructor(owner: Owner, native: Native, id: unknown, options: Options) {
    if (typeof id !== 'string' || id === '')
      throw wrong(`the id of a session must be a string, got ${id === '' ? 'an empty string' : kindOf(id)}`);
    // Half a pair of surrogates is no text, and Rust would take two of them for the same.
    if (!id.isWellFormed()) throw wrong('the id of a session must be text: this one has half a surrogate pair');
    requireObject(options, 'the options of a session');
    requireKnown(options, KNOWN);
    requireTokens('a session', options['maxTokens']);
    this.id = id;
    this.#owner = owner;
    this.#native = native;
    this.#options = { ...options };
    native.check({ id, ...this.#kept() });
  }

  /** Says something, and gives the answer; both are kept when it is there. */
  async send(content: unknown, options?: Options): Promise<TraeResponse> {
    const { body, config } = this.#turn(content, options);
    return this.#owner.post(this.#path, body, config);
  }

  /** The same as a stream; both are kept before its last event comes. */
  async stream(content: unknown, options?: Options): Promise<EventStream> {
    const { body, config } = this.#turn(content, options);
    return this.#owner.stream(this.#path, { ...body, stream: true }, config);
  }

  /** The messages, of the last so many turns or of all. */
  async history({ last }: { last?: number } = {}): Promise<unknown[]> {
    return (await this.#ask('history', { last })) as unknown[];
  }

  /** Forgets all but the last so many turns; says how many it has forgotten. */
  async trim(keep: number): Promise<number> {
    return (await this.#ask('trim', { keep })) as number;
  }

  /** Another session with the same turns. */
  async fork(id: string, options: Options = {}): Promise<Session> {
    const other = new Session(this.#owner, this.#native, id, { ...this.#options, ...options });
    await this.#ask('fork', { to: id, ...other.#kept() });
    return other;
  }

  /** Forgets it all; says whether there was something. */
  async delete(): Promise<boolean> {
    return (await this.#ask('delete')) as boolean;
  }

  /** All of it, to be kept elsewhere. */
  async export(): Promise<{ version: number; id: string; messages: unknown[] }> {
    return { version: VERSION, id: this.id, messages: await this.history() };
  }

  /** What `export()` gave, into this session, which has no turn yet. */
  async import(exported: unknown): Promise<void> {
    const { version, messages } = (exported ?? {}) as { version?: unknown; messages?: unknown };
    if (version !== VERSION || !Array.isArray(messages))
      throw wrong(`import() takes what export() gave, got ${kindOf(exported)}`);
    await this.#ask('import', { messages });
  }

  get #path(): string {
    return this.#options['path'] ?? this.#owner.path;
  }

  #kept(): Options {
    return Object.fromEntries(KEPT.map((name) => [name, this.#options[name]]));
  }

  #ask(question: string, about: object = {}): Promise<unknown> {
    return this.#native.ask(question, { id: this.id, ...this.#kept(), ...about });
  }

  #turn(content: unknown, given: Options = {}): { body: Options; config: Options } {
    if (typeof content !== 'string' && !Array.isArray(content))
      throw wrong(`a turn is a string or a list of content blocks, got ${kindOf(content)}`);
    if (content.length === 0) throw wrong('a turn says something: this one is empty');
    requireObject(given, 'the options of a turn');
    const { config: more, maxTokens, ...rest } = given;
    const body: Options = {};
    const config: Options = { ...more };
    for (const [name, value] of Object.entries(rest)) (OF_CALL.has(name) ? config : body)[name] = value;
    if (body['messages'] !== undefined || body['stream'] !== undefined)
      throw wrong('a session writes `messages` and `stream` itself');
    if (body['responseType'] !== undefined)
      throw wrong('send() gives a message and stream() its events: a turn takes no `responseType`');
    requireTokens('a turn', maxTokens);
    const { model, system, maxTokens: most = MAX_TOKENS } = this.#options;
    const whole = { model, max_tokens: maxTokens ?? most, system, ...body };
    if (whole.model === undefined) throw wrong('a session needs a `model`, of its own or of the turn');
    const turn: Turn = { native: this.#native, session: { id: this.id, ...this.#kept() } };
    return {
      body: { ...whole, messages: [{ role: 'user', content }] },
      config: { ...config, [this.#owner.key]: turn },
    };
  }

  /** What was said is nobody's business. */
  toJSON(): unknown {
    return { id: this.id };
  }

  [inspect.custom](): string {
    return `Session ${inspect(this.id)}`;
  }
}
