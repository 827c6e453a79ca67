// One call in the table, and below it its details when they are asked for.

import { cacheBadge } from '../badge.js';
import type { Entry } from '../contract.js';
import { fill, make } from '../dom.js';
import { clock, count, dollars, duration } from '../format.js';
import { Details } from './details.js';
import { bar, phases } from './phases.js';

export class Row {
  readonly element: HTMLTableRowElement;
  readonly below: HTMLTableRowElement;
  /** Opens the details; what the keyboard reaches of a row. */
  readonly opens: HTMLButtonElement;
  readonly #cells: HTMLTableCellElement[];
  readonly #areBodiesKept: () => boolean;
  #details: Details | undefined;
  #entry: Entry;
  #elapsed = 0;
  #shown = '';

  constructor(entry: Entry, areBodiesKept: () => boolean) {
    this.#entry = entry;
    this.#areBodiesKept = areBodiesKept;
    const id = `request-${entry.id}`;
    this.opens = make('button', { type: 'button', 'aria-expanded': 'false', 'aria-controls': id });
    const cell = (name: string) => make('td', { class: name });
    this.#cells = ['time', 'what', 'result', 'cache', 'line', 'total number', 'tokens number', 'cost number'].map(cell);
    this.element = make('tr', {}, make('td', { class: 'opens' }, this.opens), ...this.#cells);
    this.below = make('tr', { class: 'below', id, hidden: true });
    this.opens.addEventListener('click', () => this.#open());
    this.element.addEventListener('click', (event) => {
      // The whole row opens by the mouse; text that is being marked doesn't.
      if (event.target !== this.opens && getSelection()?.isCollapsed) this.opens.click();
    });
  }

  get entry(): Entry {
    return this.#entry;
  }

  /** `longest` is what the bar's full width means; `elapsed` how long a call that goes on has lasted. */
  show(entry: Entry, elapsed: number, longest: number): void {
    this.#entry = entry;
    this.#elapsed = elapsed;
    // What did not change is let be: text that somebody marks in it stays marked.
    const shown = JSON.stringify([entry, longest, elapsed]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    const { at, model, path, method, cache, usage, cost, state, timeline } = entry;
    const isActive = state === 'active';
    const named = model ?? `${method} ${path}`;
    this.opens.setAttribute('aria-label', `Details of ${named}, ${clock(at)}`);
    this.element.className = state;
    const contents: (Node | string | null)[] = [
      clock(at),
      make('span', { title: model ? path : undefined }, named),
      result(entry),
      cacheBadge(cache),
      bar(phases(entry, elapsed), longest, isActive),
      duration(isActive ? elapsed : timeline.totalMs),
      usage && (usage.input !== null || usage.output !== null) ? `${count(usage.input)} / ${count(usage.output)}` : '–',
      dollars(cost),
    ];
    contents.forEach((content, at) => {
      const cell = this.#cells[at];
      if (cell) fill(cell, content);
    });
    if (!this.below.hidden) this.#details?.show(entry, elapsed);
  }

  #open(): void {
    this.below.hidden = !this.below.hidden;
    this.opens.setAttribute('aria-expanded', String(!this.below.hidden));
    if (this.below.hidden) return;
    if (!this.#details) {
      this.#details = new Details(this.#entry.id, this.#areBodiesKept());
      this.below.append(make('td', { colspan: this.#cells.length + 1 }, this.#details.element));
    }
    this.#details.show(this.#entry, this.#elapsed);
  }
}

function result({ state, status, error, attempts }: Entry): HTMLElement {
  const words = { active: 'active', done: '', failed: error ?? 'failed', dropped: 'dropped' }[state];
  const tried = attempts > 1 ? `, ${attempts} attempts` : '';
  const told = `${status ?? ''} ${words}${tried}`.trim();
  return make('span', { class: 'outcome', title: told }, told);
}
