// The loop of an agent: the model's answer, the tools that it calls, their results, and again.

import { setMaxListeners } from 'node:events';
import type { Options } from '../config.js';
import { aborted, config as wrong } from '../errors.js';
import { textOf } from '../result.js';
import { type Abortable, heed } from '../signals.js';
import type { EventStream } from '../stream.js';
import { type Answer, type ToolUse, turnOf, usesOf } from './answer.js';
import { type Asked, askedOf } from './options.js';

/** Posts a body of the Messages API and gives its stream. */
export type Ask = (body: object, config: Options) => Promise<EventStream>;

const DONE: IteratorReturnResult<undefined> = { value: undefined, done: true };

export class ToolRun implements AsyncIterable<EventStream>, Abortable {
  readonly #ask: Ask;
  readonly #asked: Asked;
  /** Those of the client whose tools are under way: nothing else of them can be found when it is closed. */
  readonly #under: Set<Abortable>;
  readonly #over = new AbortController();
  readonly #signal = this.#over.signal;
  readonly #messages: object[];
  /** `parked` while its reader has an answer and has not asked for the next one. */
  #state: 'fresh' | 'running' | 'parked' | 'over' = 'fresh';
  #turns = 0;
  #usage: Record<string, number> = {};
  #stopped: 'end' | 'maxTurns' | undefined;
  #last: Answer | undefined;
  #failure: { error: unknown } | undefined;
  #waiting: (() => void)[] = [];
  #unlisten: (() => void)[] = [];

  constructor(ask: Ask, options: unknown, under: Set<Abortable>, ofClient: AbortSignal | undefined) {
    this.#ask = ask;
    this.#asked = askedOf(options, ofClient);
    this.#under = under;
    this.#messages = this.#asked.messages;
    // Each of a hundred tools may listen to it.
    setMaxListeners(0, this.#signal);
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
    this.#begin();
    const steps = this.#run();
    let left = false;
    // A generator answers one call after the other: who leaves must not wait for a tool that hangs.
    const leave = (): void => {
      left = true;
      this.#finish({ error: aborted('body', new Error('its reader left the run before its end')) });
      void steps.return().catch(() => {});
    };
    return {
      next: () =>
        steps.next().catch((error) => {
          if (left) return DONE;
          throw error;
        }),
      return: async () => {
        leave();
        return DONE;
      },
      throw: async (error) => {
        leave();
        throw error;
      },
    };
  }

  /** The last answer; without a reader it runs by itself. */
  async finalMessage(): Promise<object> {
    await this.#end();
    if (this.#failure) throw this.#failure.error;
    return this.#last as object;
  }

  /** The text of the last answer. */
  async finalText(): Promise<string> {
    return textOf(await this.finalMessage());
  }

  /** Ends it, with the call and the tools that are under way. */
  abort(reason?: unknown): void {
    if (this.#state === 'parked') this.#finish({ error: aborted('body', reason) }, reason);
    else this.#over.abort(reason);
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

  #begin(): void {
    this.#state = 'running';
    // A run that was dropped must not live as long as the signal of a service.
    const run = new WeakRef(this);
    const heard: Abortable = { abort: (reason) => run.deref()?.abort(reason) };
    for (const signal of this.#asked.signals) this.#unlisten.push(heed(signal, heard));
  }

  async *#run(): AsyncGenerator<EventStream, void, undefined> {
    try {
      while (this.#stopped === undefined) {
        const stream = await this.#ask(this.#next(), { ...this.#asked.config, signal: this.#signal });
        this.#turns++;
        this.#requireWanted();
        this.#state = 'parked';
        yield stream;
        this.#requireWanted();
        this.#state = 'running';
        await this.#answered((await stream.finalMessage()) as Answer);
      }
      this.#finish();
    } catch (error) {
      this.#finish({ error });
      throw error;
    }
  }

  /** Once: what it ended with first is what it ended with. */
  #finish(failure?: { error: unknown }, reason?: unknown): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    this.#failure = failure;
    for (const unlisten of this.#unlisten.splice(0)) unlisten();
    this.#over.abort(reason);
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #requireWanted(): void {
    if (this.#signal.aborted) throw aborted('body', this.#signal.reason);
  }

  #next(): object {
    const { body, tools } = this.#asked;
    return { ...body, tools: tools.told, messages: [...this.#messages], stream: true };
  }

  async #answered(message: Answer): Promise<void> {
    this.#last = message;
    this.#count(message.usage);
    this.#messages.push(turnOf(message));
    const uses = usesOf(message);
    const goesOn = message.stop_reason === 'pause_turn' || (message.stop_reason === 'tool_use' && uses.length > 0);
    if (!goesOn) this.#stopped = 'end';
    else if (this.#turns >= this.#asked.most) this.#stopped = 'maxTurns';
    else if (message.stop_reason === 'tool_use')
      this.#messages.push({ role: 'user', content: await this.#results(uses) });
  }

  /** All at once, in the order in which they were asked for. A tool that hears no signal is not waited for. */
  async #results(uses: ToolUse[]): Promise<object[]> {
    this.#requireWanted();
    const [signal, turn] = [this.#signal, this.#turns];
    this.#under.add(this);
    let given = (): void => {};
    const end = new Promise<never>((_, reject) => {
      given = () => reject(aborted('body', signal.reason));
      signal.addEventListener('abort', given, { once: true });
    });
    const { tools } = this.#asked;
    const results = Promise.all(uses.map((use) => tools.call(use, { id: use.id, name: use.name, turn, signal })));
    try {
      return await Promise.race([results, end]);
    } finally {
      signal.removeEventListener('abort', given);
      this.#under.delete(this);
    }
  }

  #count(usage: Answer['usage']): void {
    for (const [name, count] of Object.entries(usage ?? {}))
      if (typeof count === 'number') this.#usage[name] = (this.#usage[name] ?? 0) + count;
  }
}
