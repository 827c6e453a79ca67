// What was asked, and its answers: another one for each time that the request was repeated.

import { cacheBadge } from '../badge.js';
import type { About, Usage } from '../contract.js';
import { cost } from '../cost.js';
import { fill, make } from '../dom.js';
import { count, dollars, duration } from '../format.js';
import type { Head, Outcome } from './answer.js';

/** The cache's answers cost nothing. */
const FREE = ['hit', 'shared', 'stale'];

export class Exchange {
  readonly element: HTMLElement;
  /** The last whole answer; without one, what was asked is no part of the conversation. */
  kept: string | undefined;
  readonly question: string;

  constructor(question: string) {
    this.question = question;
    this.element = make(
      'article',
      { class: 'exchange' },
      make('div', { class: 'asked' }, make('span', { class: 'hidden' }, 'You: '), question),
    );
  }

  begin(): AnswerView {
    const view = new AnswerView();
    this.element.append(view.element);
    return view;
  }
}

export class AnswerView {
  readonly element: HTMLElement;
  readonly #text = document.createTextNode('');
  readonly #facts = make('ul', { class: 'facts' });
  #head: Head = { cache: null, ageSeconds: null, requestId: null };

  constructor() {
    const text = make('div', { class: 'text' }, make('span', { class: 'hidden' }, 'Answer: '), this.#text);
    this.element = make('div', { class: 'answer', 'aria-busy': 'true' }, text, this.#facts);
    fill(this.#facts, make('li', { class: 'waits' }, 'Waiting for the answer'));
  }

  began(head: Head): void {
    this.#head = head;
    fill(this.#facts, fact(cacheBadge(head.cache)), make('li', {}, 'streaming'));
  }

  text(piece: string): void {
    this.#text.appendData(piece);
  }

  end(outcome: Outcome, model: string, about: About | undefined): void {
    this.element.setAttribute('aria-busy', 'false');
    const { failure, isStopped } = outcome;
    const requestId = failure?.requestId ?? this.#head.requestId;
    if (failure) this.element.append(make('p', { class: 'failure' }, failure.message));
    else if (isStopped) this.element.append(make('p', { class: 'stopped' }, 'Stopped: not kept in the conversation.'));
    this.element.append(this.#facts);
    fill(
      this.#facts,
      fact(cacheBadge(this.#head.cache)),
      ...this.#measured(outcome),
      ...(failure || isStopped ? [] : paid(outcome.usage, model, this.#head.cache, about)),
      outcome.stopReason && outcome.stopReason !== 'end_turn' && make('li', {}, `ended by ${outcome.stopReason}`),
      requestId && make('li', { class: 'id' }, requestId),
    );
  }

  #measured({ firstEventMs, totalMs, usage, failure, isStopped }: Outcome): (HTMLElement | null)[] {
    const { ageSeconds } = this.#head;
    const streamed = firstEventMs === null ? 0 : totalMs - firstEventMs;
    const rate = usage.output && streamed > 0 && !failure && !isStopped ? (usage.output * 1000) / streamed : null;
    return [
      ageSeconds === null ? null : fact(named('', `${ageSeconds} s old`)),
      firstEventMs === null ? null : fact(named('first event', duration(firstEventMs))),
      fact(named('total', duration(totalMs))),
      rate === null ? null : fact(named('', `${count(Math.round(rate))} tokens/s`)),
    ];
  }
}

function paid(usage: Usage, model: string, cache: string | null, about: About | undefined): (HTMLElement | null)[] {
  const { input, output, cacheRead, cacheCreation } = usage;
  const read = cacheRead || cacheCreation ? ` (+${count((cacheRead ?? 0) + (cacheCreation ?? 0))} prompt cache)` : '';
  const sum = cost(about?.prices ?? [], model, usage);
  const isFree = cache !== null && FREE.includes(cache);
  return [
    fact(named('', `${count(input)} in${read}, ${count(output)} out`)),
    sum === null ? null : fact(named('', isFree ? `$0, saved ${dollars(sum)}` : dollars(sum))),
  ];
}

const named = (name: string, value: string) => make('span', {}, name && `${name} `, make('b', {}, value));
const fact = (content: HTMLElement | null) => content && make('li', {}, content);
