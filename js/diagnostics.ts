// What happens, told on channels of node:diagnostics_channel, and only where somebody listens there.
// A message is plain data and holds no header, body or value of a query.

import { channel } from 'node:diagnostics_channel';
import { ended } from './ending.js';
import { TraeError } from './errors.js';
import type { TraeResponse } from './response.js';
import { shownUrl } from './secrets.js';

const START = channel('trae-native:request:start');
const RESPONSE = channel('trae-native:request:response');
const ERROR = channel('trae-native:request:error');
const END = channel('trae-native:stream:end');

let lastId = 0;

/** A call that somebody follows; nothing where nobody listens. */
export function follow(method: unknown, url: unknown): Followed | undefined {
  const any = START.hasSubscribers || RESPONSE.hasSubscribers || ERROR.hasSubscribers || END.hasSubscribers;
  return any ? new Followed(method, url) : undefined;
}

export class Followed {
  readonly #call: { id: number; method: string; url: string };
  readonly #started = performance.now();

  constructor(method: unknown, url: unknown) {
    const shown = typeof url === 'string' || url instanceof URL ? shownUrl(String(url)) : '';
    this.#call = { id: ++lastId, method: typeof method === 'string' ? method.toUpperCase() : '', url: shown };
    START.publish({ ...this.#call });
  }

  answered(res: TraeResponse): void {
    const { status, requestId, attempts, timing } = res;
    RESPONSE.publish({ ...this.#call, status, requestId, attempts, timing, durationMs: this.#took });
    ended(res.data, teller(this.#call, this.#started));
  }

  failed(error: unknown): void {
    ERROR.publish({ ...this.#call, error: told(error), durationMs: this.#took });
  }

  get #took(): number {
    return performance.now() - this.#started;
  }
}

/** Apart, so that what waits for the end of a stream holds nothing of it: it may be dropped. */
function teller(call: object, started: number): (error: unknown) => void {
  return (error) => {
    const failure = error === undefined ? {} : { error: told(error) };
    END.publish({ ...call, ...failure, durationMs: performance.now() - started });
  };
}

/** Of an error that is not ours no more than its name: nobody knows what it says. */
function told(error: unknown): object {
  if (error instanceof TraeError) return error.toJSON();
  return { name: error instanceof Error ? error.name : typeof error };
}
