// What goes with each request: the model, its limits, and where the turns are kept.

import type { About } from '../contract.js';
import { fill, find, make, say } from '../dom.js';
import type { Turn } from './answer.js';

export class Settings {
  readonly #model = find('model', HTMLInputElement);
  readonly #models = find('models', HTMLDataListElement);
  readonly #most = find('max-tokens', HTMLInputElement);
  readonly #system = find('system', HTMLTextAreaElement);
  readonly #onServer = find('on-server', HTMLInputElement);
  readonly #session = find('session', HTMLInputElement);
  readonly #sessionLabel = find('session-label', HTMLLabelElement);
  readonly #why = find('on-server-why', HTMLElement);
  #known = new Set<string>();

  /** `changed` is called when the turns are to be kept elsewhere. */
  constructor(changed: () => void) {
    this.renew();
    this.#onServer.addEventListener('change', () => {
      this.#sessionLabel.hidden = !this.#onServer.checked;
      say(this.#why, this.#onServer.checked ? 'Each turn is a new one then: there is nothing to repeat.' : '');
      changed();
    });
    this.#session.addEventListener('change', changed);
  }

  get model(): string {
    return this.#model.value.trim();
  }

  /** The id of the session on the server, where one is wanted. */
  get session(): string | null {
    return this.#onServer.checked ? this.#session.value.trim() || this.renew() : null;
  }

  /** Another session. */
  renew(): string {
    // Not randomUUID(): that is missing where the page comes over plain HTTP from another machine.
    const random = crypto.getRandomValues(new Uint8Array(6));
    this.#session.value = `page-${Array.from(random, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
    return this.#session.value;
  }

  told(about: About): void {
    this.#onServer.disabled = !about.sessions;
    say(this.#why, about.sessions ? '' : 'The operator has not turned sessions on.');
    this.suggest(about.models);
    // Unless somebody has typed already.
    if (about.models[0] && this.#model.value === this.#model.defaultValue) this.#model.value = about.models[0];
  }

  /** Adds to the models that are proposed. */
  suggest(models: Iterable<string>): void {
    const before = this.#known.size;
    for (const model of models) this.#known.add(model);
    if (this.#known.size > before)
      fill(this.#models, ...[...this.#known].sort().map((model) => make('option', { value: model })));
  }

  body(messages: Turn[]): string {
    const system = this.#system.value.trim();
    return JSON.stringify({
      model: this.model,
      max_tokens: this.#most.valueAsNumber,
      ...(system && { system }),
      messages,
      stream: true,
    });
  }
}
