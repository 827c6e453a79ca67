// Functions of the caller that Rust may ask: the mirror of src/node/callback.rs.

import { TraeError } from './errors.js';
import { hold } from './held.js';
import { engine, questions } from './native.js';
import { surface } from './words.js';

/** Takes a question as it crossed; what it gives, or promises, is the answer. */
export type Ask = (question: string, signal: () => AbortSignal) => unknown;

/** A function with its number. Whoever has it keeps it alive. */
export class Callback {
  readonly number: number;
  readonly ask: Ask;
  /** What may be told of what it throws. */
  readonly words: (thrown: unknown) => string;

  constructor(ask: Ask, words: (thrown: unknown) => string = told) {
    this.ask = ask;
    this.words = words;
    this.number = ++last;
    callbacks.set(this.number, new WeakRef(this));
    forgotten.register(this, this.number);
  }
}

let last = 0;
const callbacks = new Map<number, WeakRef<Callback>>();
const forgotten = new FinalizationRegistry<number>((number) => callbacks.delete(number));
/** Questions that somebody waits for. */
const open = new Map<number, AbortController | undefined>();

/** The number of a question that nobody waits for. */
const NOBODY = 0;

/** Rust asks, or tells. */
questions.asked = (number, question, text) => {
  const { ask, words } = callbacks.get(number)?.deref() ?? { ask: undefined, words: told };
  if (question === NOBODY) {
    if (ask) tell(ask, text);
    return;
  }
  open.set(question, undefined);
  const signal = (): AbortSignal => {
    const controller = open.get(question) ?? new AbortController();
    // Asked for after the answer, it is aborted by nobody.
    if (open.has(question)) open.set(question, controller);
    return controller.signal;
  };
  // At once: a held value that the question names may be dropped by the next letter.
  const answered = async (): Promise<unknown> => {
    if (!ask) throw new Error('the middleware that it belongs to is gone');
    return ask(text, signal);
  };
  answer(question, answered, words);
};

/** Nobody waits for the answer any more. */
questions.unasked = (question) => {
  const controller = open.get(question);
  open.delete(question);
  controller?.abort();
};

async function answer(question: number, ask: () => Promise<unknown>, words: Callback['words']): Promise<void> {
  try {
    const json = JSON.stringify((await ask()) ?? null);
    if (open.delete(question)) engine.answer(question, json);
  } catch (thrown) {
    if (open.delete(question)) engine.answerThrown(question, hold(thrown), words(thrown));
  }
}

/** What may be told of it wherever errors are told: of one that is not ours nobody knows what it says. */
function told(thrown: unknown): string {
  if (thrown instanceof TraeError) return thrown.message;
  return thrown instanceof Error ? `${thrown.name}, see the cause` : `it threw a ${typeof thrown}`;
}

/** A fault in what only listens is the listener's own, and no call's. */
function tell(ask: Ask, text: string): void {
  try {
    Promise.resolve(ask(text, () => new AbortController().signal)).catch(surface);
  } catch (thrown) {
    surface(thrown);
  }
}
