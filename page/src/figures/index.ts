// The figures: plots that are drawn at most once a sample, and not at all where nobody sees them.

import type { Sample } from '../contract.js';
import { find, say } from '../dom.js';
import { follow } from './feed.js';
import { Plot } from './plot.js';
import { PLOTS } from './plots.js';
import { Samples } from './samples.js';
import { Upstream } from './upstream.js';

export class Figures {
  readonly #samples = new Samples();
  readonly #plots = PLOTS.map((options) => new Plot(options));
  readonly #upstream = new Upstream();
  readonly #feed = find('feed', HTMLElement);
  readonly #pause = find('pause', HTMLButtonElement);
  readonly #came: (sample: Sample) => void;
  #isPaused = false;

  /** `came` is called with each new sample. */
  constructor(came: (sample: Sample) => void) {
    this.#came = came;
    find('plots', HTMLElement).append(...this.#plots.map(({ element }) => element));
    this.#pause.addEventListener('click', () => this.#pauseOrGoOn());
    document.addEventListener('visibilitychange', () => this.#draw());
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      for (const plot of this.#plots) plot.repaint();
    });
  }

  begin(): void {
    void follow({
      history: (samples) => {
        this.#samples.join(samples);
        this.#arrived();
      },
      sample: (sample) => {
        this.#samples.push(sample);
        this.#arrived();
      },
      told: (words) => {
        say(this.#feed, words);
        this.#feed.classList.toggle('broken', words !== '');
        if (words !== '') this.#upstream.forget();
      },
    });
  }

  #arrived(): void {
    this.#draw();
    if (this.#samples.last) this.#came(this.#samples.last);
  }

  /** Samples are taken in all the while: what was missed is there afterwards. */
  #pauseOrGoOn(): void {
    this.#isPaused = !this.#isPaused;
    this.#pause.setAttribute('aria-pressed', String(this.#isPaused));
    this.#draw();
  }

  #draw(): void {
    if (this.#isPaused || document.hidden) return;
    const points = this.#samples.points();
    for (const plot of this.#plots) plot.draw(points);
    if (this.#samples.last) this.#upstream.show(this.#samples.last);
  }
}
