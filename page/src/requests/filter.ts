// Which calls are shown, by how far they have come.

import type { Entry, State } from '../contract.js';
import { find, make, say } from '../dom.js';

const CHOICES: ('all' | State)[] = ['all', 'active', 'done', 'failed', 'dropped'];

export class Filter {
  readonly #counts = new Map<string, HTMLElement>();
  #chosen = 'all';

  constructor(changed: () => void) {
    const choices = CHOICES.map((name) => {
      const input = make('input', { type: 'radio', name: 'state', value: name, checked: name === 'all' });
      input.addEventListener('change', () => {
        this.#chosen = name;
        changed();
      });
      const number = make('span', { class: 'count' });
      this.#counts.set(name, number);
      return make('label', {}, input, make('span', {}, name, ' ', number));
    });
    find('states', HTMLFieldSetElement).append(...choices);
  }

  get name(): string {
    return this.#chosen;
  }

  lets({ state }: Entry): boolean {
    return this.#chosen === 'all' || this.#chosen === state;
  }

  count(entries: Entry[]): void {
    for (const [name, element] of this.#counts) {
      const number = entries.filter(({ state }) => name === 'all' || name === state).length;
      say(element, number === 0 ? '' : String(number));
    }
  }
}
