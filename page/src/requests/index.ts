// The last requests. Rows stay the same elements while their calls go on, so that neither focus nor details are lost.

import type { Entry, Sample } from '../contract.js';
import { fill, find, say } from '../dom.js';
import { asFailure } from '../failure.js';
import { askRequests } from '../proxy.js';
import { Filter } from './filter.js';
import { key } from './phases.js';
import { Row } from './row.js';

const MOST = 100;

export class Requests {
  readonly #body = find('rows', HTMLTableSectionElement);
  readonly #none = find('none', HTMLElement);
  readonly #filter = new Filter(() => this.#show());
  readonly #rows = new Map<number, Row>();
  readonly #areBodiesKept: () => boolean;
  readonly #models: (models: Set<string>) => void;
  #entries: Entry[] = [];
  #isAsking = false;
  #mustAskAgain = false;
  #passed = 0;
  /** How far the server's clock is ahead of this one. */
  #ahead = 0;

  /** `models` is told which models were asked for. */
  constructor(areBodiesKept: () => boolean, models: (models: Set<string>) => void) {
    this.#areBodiesKept = areBodiesKept;
    this.#models = models;
    fill(find('phases', HTMLElement), ...key());
    this.#body.addEventListener('keydown', (event) => this.#move(event));
  }

  /** Asks again when a sample says that there is something new: a proxy at rest is left alone. */
  came({ at, requests, inFlight, errors }: Sample): void {
    this.#ahead = at - Date.now();
    const isMoving = requests + inFlight + errors > 0 || this.#entries.some(({ state }) => state === 'active');
    // Once more after the last: what ends just now may not stand there yet.
    if (isMoving) this.#passed = 2;
    if (this.#passed > 0 && !document.hidden) {
      this.#passed -= 1;
      void this.renew();
    }
  }

  async renew(): Promise<void> {
    if (this.#isAsking) {
      this.#mustAskAgain = true;
      return;
    }
    this.#isAsking = true;
    try {
      this.#entries = await askRequests(MOST);
      this.#models(new Set(this.#entries.flatMap(({ model }) => model ?? [])));
      this.#show();
    } catch (error) {
      this.#none.hidden = false;
      say(this.#none, asFailure(error).message);
    } finally {
      this.#isAsking = false;
    }
    if (this.#mustAskAgain) {
      this.#mustAskAgain = false;
      await this.renew();
    }
  }

  #show(): void {
    const now = Date.now() + this.#ahead;
    const shown = this.#entries.filter((entry) => this.#filter.lets(entry));
    const elapsed = (entry: Entry) => entry.timeline.totalMs ?? Math.max(0, now - entry.at);
    const longest = Math.max(...shown.map(elapsed), 1);
    const elements = shown.flatMap((entry) => {
      const row = this.#row(entry);
      row.show(entry, elapsed(entry), longest);
      return [row.element, row.below];
    });
    this.#arrange(elements);
    const kept = new Set(this.#entries.map(({ id }) => id));
    for (const id of this.#rows.keys()) if (!kept.has(id)) this.#rows.delete(id);
    this.#filter.count(this.#entries);
    this.#none.hidden = shown.length > 0;
    say(this.#none, this.#entries.length === 0 ? 'No request yet.' : `None is ${this.#filter.name}.`);
  }

  #row(entry: Entry): Row {
    let row = this.#rows.get(entry.id);
    if (!row) {
      row = new Row(entry, this.#areBodiesKept);
      this.#rows.set(entry.id, row);
    }
    return row;
  }

  /** Moves only what stands elsewhere: an element that is put in anew loses the focus. */
  #arrange(elements: HTMLElement[]): void {
    const wanted = new Set<Element>(elements);
    for (const child of [...this.#body.children]) if (!wanted.has(child)) child.remove();
    elements.forEach((element, at) => {
      const there = this.#body.children[at];
      if (there !== element) this.#body.insertBefore(element, there ?? null);
    });
  }

  #move(event: KeyboardEvent): void {
    const all = [...this.#body.querySelectorAll<HTMLElement>('.opens button')];
    const at = all.indexOf(event.target as HTMLElement);
    const step = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (at < 0 || step === undefined) return;
    event.preventDefault();
    all[Math.min(Math.max(step, 0), all.length - 1)]?.focus();
  }
}
