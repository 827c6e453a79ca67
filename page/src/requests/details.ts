// What is known of one call, and what was asked and answered, for whoever asks for that.

import type { Entry } from '../contract.js';
import { fill, make, say } from '../dom.js';
import { asFailure } from '../failure.js';
import { count, dollars, duration } from '../format.js';
import { askRequest } from '../proxy.js';
import { bar, phases } from './phases.js';

export class Details {
  readonly element = make('div', { class: 'details' });
  readonly #known = make('div', { class: 'known' });
  readonly #bodies = make('div', { class: 'bodies' });

  constructor(id: number, areKept: boolean) {
    this.element.append(this.#known, this.#bodies);
    if (areKept) this.#offer(id);
    else
      this.#bodies.append(
        make(
          'p',
          { class: 'hint' },
          'Bodies are not kept: the operator has not set ',
          make('code', {}, 'page.bodies'),
          '.',
        ),
      );
  }

  show(entry: Entry, elapsed: number): void {
    fill(this.#known, way(entry, elapsed), facts(entry));
  }

  #offer(id: number): void {
    const shown = make('div', { class: 'pair' });
    const said = make('p', { class: 'hint', role: 'status' });
    const button = make('button', { type: 'button' }, 'Show bodies');
    button.addEventListener('click', async () => {
      say(said, 'Asking.');
      try {
        const { request, response } = (await askRequest(id)).bodies;
        fill(shown, body('Request', request), body('Response', response));
        say(said, request === null && response === null ? 'No body of this request is kept.' : '');
        say(button, 'Show bodies again');
      } catch (error) {
        say(said, asFailure(error).message);
      }
    });
    this.#bodies.append(button, said, shown);
  }
}

function body(name: string, text: string | null): HTMLElement | null {
  if (text === null) return null;
  // Reached by keyboard, as it scrolls.
  return make(
    'div',
    {},
    make('h3', {}, name),
    make('pre', { tabindex: 0, role: 'group', 'aria-label': name }, indented(text)),
  );
}

function indented(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function way(entry: Entry, elapsed: number): HTMLElement {
  const all = phases(entry, elapsed);
  const rows = all.map(({ name, from, to }) =>
    make(
      'li',
      { class: name === 'body' ? 'stream' : name.replace(' ', '-') },
      name,
      ' ',
      make('b', {}, duration(to - from)),
    ),
  );
  return make('div', { class: 'way' }, bar(all, all.at(-1)?.to ?? 0, false), make('ul', { class: 'phases' }, ...rows));
}

function facts(entry: Entry): HTMLElement {
  const { usage } = entry;
  const cached = usage && (usage.cacheRead || usage.cacheCreation);
  const all: [string, string | null][] = [
    ['Request id', entry.requestId],
    ['Request', `${entry.method} ${entry.path}`],
    ['Kind', entry.stream ? 'stream' : entry.state === 'failed' ? null : 'whole answer'],
    ['Caller', entry.caller],
    ['Its x-request-id', entry.callerRequestId],
    ['Attempts', count(entry.attempts)],
    ['Error', entry.error],
    ['Tokens', usage && `${count(usage.input)} in, ${count(usage.output)} out`],
    ['Prompt cache', cached ? `${count(usage.cacheRead ?? 0)} read, ${count(usage.cacheCreation ?? 0)} written` : null],
    ['Cost', entry.cost === null ? null : dollars(entry.cost)],
  ];
  const told = all.filter((pair): pair is [string, string] => pair[1] !== null);
  return make(
    'dl',
    { class: 'facts' },
    ...told.map(([name, value]) => make('div', {}, make('dt', {}, name), make('dd', {}, value))),
  );
}
