// The playground: a conversation with a model through this proxy.

import type { About } from '../contract.js';
import { fill, find, say } from '../dom.js';
import { duration } from '../format.js';
import { answer, type Outcome, type Turn } from './answer.js';
import { Exchange } from './exchange.js';
import { Settings } from './settings.js';

/** A request as it went out, and where its answers are shown. */
interface Last {
  body: string;
  model: string;
  exchange: Exchange;
}

export class Playground {
  readonly settings = new Settings(() => this.#movedElsewhere());
  readonly #form = find('ask', HTMLFormElement);
  readonly #turns = find('turns', HTMLDivElement);
  readonly #prompt = find('prompt', HTMLTextAreaElement);
  readonly #send = find('send', HTMLButtonElement);
  readonly #stop = find('stop', HTMLButtonElement);
  readonly #repeat = find('repeat', HTMLButtonElement);
  readonly #status = find('playground-status', HTMLElement);
  readonly #answered: () => void;
  #about: About | undefined;
  #exchanges: Exchange[] = [];
  #last: Last | undefined;
  #running: AbortController | undefined;
  #isDrawn = true;

  /** `answered` is called after each answer. */
  constructor(answered: () => void) {
    this.#answered = answered;
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#ask();
    });
    this.#repeat.addEventListener('click', () => this.#again());
    this.#stop.addEventListener('click', () => this.#running?.abort());
    find('fresh', HTMLButtonElement).addEventListener('click', () => this.#fresh());
    this.#form.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) this.#form.requestSubmit();
      else if (event.key === 'Escape') this.#running?.abort();
    });
  }

  told(about: About): void {
    this.#about = about;
    this.settings.told(about);
  }

  #ask(): void {
    const question = this.#prompt.value.trim();
    if (this.#running || question === '') {
      this.#prompt.focus();
      return;
    }
    const exchange = new Exchange(question);
    // The server adds the turns before this one to a session's.
    const before = this.settings.session === null ? this.#history() : [];
    const body = this.settings.body([...before, { role: 'user', content: question }]);
    this.#exchanges.push(exchange);
    this.#turns.append(exchange.element);
    this.#prompt.value = '';
    this.#last = { body, model: this.settings.model, exchange };
    void this.#run(this.#last);
  }

  #again(): void {
    if (this.#last && this.#mayRepeat()) void this.#run(this.#last);
  }

  async #run({ body, model, exchange }: Last): Promise<void> {
    const running = new AbortController();
    this.#running = running;
    const view = exchange.begin();
    this.#showState('Waiting for the answer.');
    this.#scrollSoon(true);
    const outcome = await answer(body, this.settings.session, running.signal, {
      began: (head) => view.began(head),
      text: (piece) => {
        view.text(piece);
        this.#scrollSoon();
      },
    });
    view.end(outcome, model, this.#about);
    if (!outcome.failure && !outcome.isStopped && outcome.text.trim()) exchange.kept = outcome.text;
    this.#running = undefined;
    this.#showState(summary(outcome));
    this.#scrollSoon();
    this.#answered();
  }

  #history(): Turn[] {
    return this.#exchanges.flatMap(({ question, kept }): Turn[] =>
      kept === undefined
        ? []
        : [
            { role: 'user', content: question },
            { role: 'assistant', content: kept },
          ],
    );
  }

  #fresh(): void {
    this.#running?.abort();
    this.settings.renew();
    this.#clear();
    this.#prompt.focus();
  }

  /** Turns that were kept in one place are unknown in the other. */
  #movedElsewhere(): void {
    this.#running?.abort();
    this.#clear();
  }

  #clear(): void {
    this.#exchanges = [];
    this.#last = undefined;
    fill(this.#turns);
    this.#showState('');
  }

  /** On the server each turn is a new one, so the same request would ask something else. */
  #mayRepeat = (): boolean => !this.#running && this.#last !== undefined && this.settings.session === null;

  #showState(said: string): void {
    const isRunning = this.#running !== undefined;
    // A button that hides takes the focus with it, to nowhere.
    if (!isRunning && document.activeElement === this.#stop) this.#prompt.focus();
    this.#stop.hidden = !isRunning;
    this.#send.setAttribute('aria-disabled', String(isRunning));
    this.#repeat.setAttribute('aria-disabled', String(!this.#mayRepeat()));
    say(this.#status, said);
  }

  /** Follows the text, unless the reader has scrolled up. Once a frame: asking for heights lays the page out anew. */
  #scrollSoon(always = false): void {
    if (!this.#isDrawn) return;
    this.#isDrawn = false;
    const { scrollHeight, scrollTop, clientHeight } = this.#turns;
    const follows = always || scrollHeight - scrollTop - clientHeight < 120;
    requestAnimationFrame(() => {
      this.#isDrawn = true;
      if (follows) this.#turns.scrollTop = this.#turns.scrollHeight;
    });
  }
}

function summary({ failure, isStopped, totalMs }: Outcome): string {
  if (failure) return 'The answer failed.';
  return isStopped ? 'Stopped.' : `The answer is whole, after ${duration(totalMs)}.`;
}
