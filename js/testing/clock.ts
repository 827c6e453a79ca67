// Time that moves when nobody is at work: how far Rust may go on is decided here, since only JavaScript knows when
// its own functions have come to rest.

import { delivered, engine, type NativeScript } from '../native.js';
import { told } from '../told.js';

/** The longest jump, in ms: whoever waits for longer waits for something else than time. */
const DAY = 24 * 3600 * 1000;
/** How long to leave it, in real ms, where nothing waits for any time. */
const LATER = 10;

export class Clock {
  readonly #native: NativeScript;
  readonly #auto: boolean;
  #running = false;
  /** One who moves it at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(native: NativeScript, auto: boolean) {
    this.#native = native;
    this.#auto = auto;
  }

  get now(): number {
    return this.#native.now();
  }

  /** A call has begun. */
  began(): void {
    if (!this.#auto || this.#running) return;
    this.#running = true;
    void this.#run();
  }

  /** Moves it so far, with a stop at each timer on the way. */
  advance(ms: number): Promise<void> {
    return this.#alone(async () => {
      await this.#settled(true);
      for (let left = ms; left > 0; ) {
        left -= await this.#step(left);
        await this.#settled(true);
      }
    });
  }

  /** Jumps from timer to timer, as long as there are calls. */
  async #run(): Promise<void> {
    while (this.#native.calls() > 0) {
      const moved = await this.#alone(async () => {
        await this.#settled(false);
        return this.#native.calls() > 0 ? this.#step(DAY) : 0;
      });
      if (moved >= DAY) await new Promise((resolve) => setTimeout(resolve, LATER));
    }
    this.#running = false;
  }

  #alone<T>(move: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(move);
    this.#turn = mine.catch(() => {});
    return mine;
  }

  #step(most: number): Promise<number> {
    return told((id) => engine.step(this.#native, id, most)) as Promise<number>;
  }

  /**
   * Until Rust waits for its time and JavaScript has had its turn to react to all that it heard. `regardless` of
   * functions that Rust still waits for: who moves the clock by hand means it.
   */
  async #settled(regardless: boolean): Promise<void> {
    let before: number;
    do {
      await turn();
      before = delivered();
      await told((id) => engine.quiet(this.#native, id, regardless));
      await turn();
      // Its own letter is one.
    } while (delivered() !== before + 1);
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
