// How the API behind the proxy stands.

import type { Sample } from '../contract.js';
import { find, make, say } from '../dom.js';
import { count } from '../format.js';

const WORDS: Record<string, string> = {
  closed: 'reached',
  open: 'cut off',
  'half-open': 'being tried',
  none: 'no breaker',
};

export class Upstream {
  readonly #state = make('b', { class: 'state none' }, 'unknown');
  readonly #numbers = ['in flight', 'queued', 'connections'].map((label) => ({ label, value: make('b', {}, '–') }));

  constructor() {
    const numbers = this.#numbers.map(({ label, value }) => make('span', {}, value, ` ${label}`));
    find('upstream', HTMLElement).append(make('span', {}, 'Upstream ', this.#state), ...numbers);
  }

  /** No figures come: what was shown last may be wrong by now. */
  forget(): void {
    this.#state.className = 'state none';
    this.#state.title = '';
    say(this.#state, 'unknown');
    for (const { value } of this.#numbers) say(value, '–');
  }

  show({ upstream }: Sample): void {
    const { state, inFlight, queued, connections } = upstream;
    this.#state.className = `state ${state in WORDS ? state : 'none'}`;
    this.#state.title = `The circuit breaker is ${state}`;
    say(this.#state, WORDS[state] ?? state);
    [inFlight, queued, connections].forEach((value, at) => {
      const number = this.#numbers[at];
      if (number) say(number.value, count(value));
    });
  }
}
