// One call through a client's middlewares: it settles once, also while a middleware hangs.

import { aborted, TraeError } from '../errors.js';
import type { TraeResponse } from '../response.js';
import { type Abortable, listenTo } from '../signals.js';
import { compose, type Layer } from './compose.js';
import { TraeRequest } from './request.js';

/** Sends a request as it has become, and keeps what it started among the calls under way. */
export type Send = (req: TraeRequest, calls: Set<Abortable>) => Promise<TraeResponse>;

export class Onion implements Abortable {
  readonly #calls = new Set<Abortable>();
  readonly #given: AbortSignal | undefined;
  #gone: AbortController | undefined;
  #aborted: { error: unknown } | undefined;
  #attempts = 0;
  #reject: (error: unknown) => void = () => {};

  constructor(given: AbortSignal | undefined) {
    this.#given = given;
  }

  /** Runs the call; `fields` are those of the request before any middleware has seen it. */
  run(
    fields: ConstructorParameters<typeof TraeRequest>[0],
    layers: readonly Layer[],
    send: Send,
  ): Promise<TraeResponse> {
    const unlisten = this.#given && listenTo(this.#given, this);
    const req = new TraeRequest(fields, () => this.#signal());
    return new Promise<TraeResponse>((resolve, reject) => {
      this.#reject = reject;
      const centre = { call: (changed: TraeRequest) => this.#centre(changed, send), abandon: () => this.#abandon() };
      compose(layers, req, centre).then(resolve, reject);
    }).finally(() => {
      unlisten?.();
      // A settled promise holds its answer, and that the stream, which nobody but the caller may hold.
      this.#reject = () => {};
    });
  }

  abort(reason?: unknown): void {
    if (this.#aborted) return;
    this.#aborted = { error: aborted('firstByte', reason) };
    this.#gone?.abort(reason);
    this.#abandon(reason);
    this.#reject(this.#aborted.error);
  }

  #abandon(reason?: unknown): void {
    for (const call of [...this.#calls]) call.abort(reason);
  }

  async #centre(req: TraeRequest, send: Send): Promise<TraeResponse> {
    if (this.#aborted) throw this.#aborted.error;
    const attempt = ++this.#attempts;
    req.attempt = attempt;
    try {
      const res = await send(req, this.#calls);
      res.attempts = attempt;
      return res;
    } catch (error) {
      if (error instanceof TraeError && attempt > 1) error.attempts = attempt;
      throw error;
    }
  }

  /** Made when somebody asks: most middlewares never do. */
  #signal(): AbortSignal {
    if (this.#gone === undefined) {
      this.#gone = new AbortController();
      if (this.#aborted) this.#gone.abort();
    }
    return this.#given ? AbortSignal.any([this.#given, this.#gone.signal]) : this.#gone.signal;
  }
}
