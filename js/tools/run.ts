// The loop of an agent: the model's answer, the tools that it calls, their results, and again.

import { type Options, requireObject } from '../config.js';
import { aborted, kindOf, config as wrong } from '../errors.js';
import { textOf } from '../result.js';
import type { EventStream } from '../stream.js';
import { type Tools, type ToolUse, toolsOf } from './tool.js';

/** Posts a body of the Messages API and gives its stream. */
export type Ask = (body: object, config: Options) => Promise<EventStream>;

/** Answers of the model at most; a loop that goes wrong must not cost a fortune. */
const TURNS = 10;

interface Message {
  content?: { type?: unknown }[];
  stop_reason?: unknown;
  usage?: Record<string, unknown>;
}

export class ToolRun implements AsyncIterable<EventStream> {
  readonly #ask: Ask;
  readonly #tools: Tools;
  readonly #body: Options;
  readonly #config: Options;
  readonly #most: number;
  readonly #over = new AbortController();
  readonly #messages: object[];
  #state: 'fresh' | 'running' | 'over' = 'fresh';
  #turns = 0;
  #usage: Record<string, number> = {};
  #stopped: 'end' | 'maxTurns' | undefined;
  #last: Message | undefined;
  #error: unknown;
  #waiting: (() => void)[] = [];

  constructor(ask: Ask, options: unknown) {
    requireObject(options, 'the options of runTools()');
    const { tools, messages, maxTurns = TURNS, signal, config, ...body } = options as Options;
    if (!Array.isArray(messages) || messages.length === 0)
      throw wrong(`runTools() needs \`messages\`, a list of one or more, got ${kindOf(messages)}`);
    if (!(Number.isInteger(maxTurns) && maxTurns > 0))
      throw wrong(`\`maxTurns\` of runTools() is a whole number of 1 or more, got ${kindOf(maxTurns)}`);
    if (body['stream'] !== undefined) throw wrong('runTools() always streams: it takes no `stream`');
    if (config !== undefined) requireObject(config, '`config` of runTools()');
    this.#ask = ask;
    this.#tools = toolsOf(tools);
    this.#body = body;
    this.#most = maxTurns;
    this.#messages = [...messages];
    const signals = [signal, (config as Options | undefined)?.['signal'], this.#over.signal];
    this.#config = { ...config, signal: AbortSignal.any(signals.filter((one) => one !== undefined)) };
  }

  /** The conversation so far: what it began with, answers and results. */
  get messages(): readonly object[] {
    return this.#messages;
  }

  /** How many answers the model has given. */
  get turns(): number {
    return this.#turns;
  }

  /** The tokens of all of them together. */
  get usage(): Record<string, number> {
    return { ...this.#usage };
  }

  /** Why it is over: the model has come to an end, or `maxTurns` has. */
  get stopped(): 'end' | 'maxTurns' | undefined {
    return this.#stopped;
  }

  /** A stream for each answer. What is not read of one is let go; the tools run when the next one is asked for. */
  [Symbol.asyncIterator](): AsyncIterator<EventStream, void, undefined> {
    if (this.#state !== 'fresh') throw wrong('this run has a reader, or is under way without one');
    this.#state = 'running';
    return this.#run();
  }

  /** The last answer; without a reader it runs by itself. */
  async finalMessage(): Promise<object> {
    await this.#end();
    if (this.#error !== undefined) throw this.#error;
    return this.#last as object;
  }

  /** The text of the last answer. */
  async finalText(): Promise<string> {
    return textOf(await this.finalMessage());
  }

  /** Ends it, with the call and the tools that are under way. */
  abort(reason?: unknown): void {
    this.#over.abort(reason);
  }

  async #end(): Promise<void> {
    if (this.#state === 'over') return;
    const end = new Promise<void>((resolve) => this.#waiting.push(resolve));
    if (this.#state === 'fresh') {
      // What goes wrong is kept, and told to whoever waits.
      const alone = async (): Promise<void> => {
        for await (const _answer of this);
      };
      alone().catch(() => {});
    }
    await end;
  }

  async *#run(): AsyncGenerator<EventStream, void, undefined> {
    let whole = false;
    try {
      while (this.#stopped === undefined) {
        const stream = await this.#ask(this.#next(), this.#config);
        this.#turns++;
        yield stream;
        await this.#answered((await stream.finalMessage()) as Message);
      }
      whole = true;
    } catch (error) {
      this.#error = error;
      throw error;
    } finally {
      if (!whole) this.#error ??= aborted('body', new Error('its reader left the run before its end'));
      this.#state = 'over';
      this.#over.abort();
      for (const resolve of this.#waiting.splice(0)) resolve();
    }
  }

  #next(): object {
    return { ...this.#body, tools: this.#tools.told, messages: [...this.#messages], stream: true };
  }

  async #answered(message: Message): Promise<void> {
    this.#last = message;
    this.#count(message.usage);
    this.#messages.push({ role: 'assistant', content: message.content });
    const uses = (message.content ?? []).filter((block) => block.type === 'tool_use') as unknown as ToolUse[];
    const goesOn = message.stop_reason === 'pause_turn' || (message.stop_reason === 'tool_use' && uses.length > 0);
    if (!goesOn) this.#stopped = 'end';
    else if (this.#turns >= this.#most) this.#stopped = 'maxTurns';
    else if (message.stop_reason === 'tool_use')
      this.#messages.push({ role: 'user', content: await this.#results(uses) });
  }

  /** All at once, in the order in which they were asked for. A tool that hears no signal is not waited for. */
  async #results(uses: ToolUse[]): Promise<object[]> {
    const signal = this.#config['signal'] as AbortSignal;
    const turn = this.#turns;
    const results = Promise.all(uses.map((use) => this.#tools.call(use, { id: use.id, name: use.name, turn, signal })));
    let given: (() => void) | undefined;
    const end = new Promise<never>((_, reject) => {
      given = () => reject(aborted('body', signal.reason));
      if (signal.aborted) given();
      else signal.addEventListener('abort', given, { once: true });
    });
    try {
      return await Promise.race([results, end]);
    } finally {
      if (given) signal.removeEventListener('abort', given);
    }
  }

  #count(usage: Message['usage']): void {
    for (const [name, count] of Object.entries(usage ?? {}))
      if (typeof count === 'number') this.#usage[name] = (this.#usage[name] ?? 0) + count;
  }
}
