// Calls whose answer may be in memory: asked for on the spot, and given again without asking as far as Rust permits.
//
// Invariant: an answer is given again only to the very same call on the same options, while it is fresh, and never
// after a letter that recalls it: whoever hears of a change in the cache has had that letter before.

import type { Native } from './middleware/native.js';
import { atHand, engine, type Form, type Head, type NativeClient, recalls } from './native.js';

/** An answer that was at hand. */
export interface AtHand {
  head: Head;
  form: Form;
  content: string;
}

interface Kept extends AtHand {
  method: string;
  url: string;
  json: string | undefined;
  since: number;
  until: number;
  /** How often it may still be given. */
  left: number;
}

const MOST = 64;
/** Characters of a call and its answer. */
const LONGEST = 32 << 10;
/** Then the cache is asked again: what is never asked there would be driven out by what is. */
const OFTEN = 32;

export class AtOnce {
  readonly #client: NativeClient;
  /** The outermost layer, whose answers these are. */
  readonly #layer: Native;
  /** By what is sent, which is at hand without a copy; who sends the same elsewhere takes the place. */
  readonly #kept = new Map<string, Kept>();
  #recalls = recalls();

  constructor(client: NativeClient, layer: Native) {
    this.#client = client;
    this.#layer = layer;
  }

  /** The answer; or the name of the call that was started then, which is under way. */
  ask(
    started: number,
    id: number,
    method: string,
    url: string,
    json: string | undefined,
    options: string | undefined,
    attempts: number,
    again: number | undefined,
  ): AtHand | number {
    const key = json ?? url;
    const given = options === undefined ? this.#find(key, method, url, json, started) : undefined;
    if (given) return given;
    const answer = atHand(engine.sendAtOnce(this.#client, id, method, url, json, options, attempts, again));
    if (typeof answer === 'number') return answer;
    if (options === undefined && answer.reuseMs > 0 && key.length + answer.content.length < LONGEST) {
      if (this.#kept.size >= MOST) this.#kept.delete(this.#kept.keys().next().value as string);
      const until = started + answer.reuseMs;
      this.#kept.set(key, { ...answer, method, url, json, since: started, until, left: OFTEN });
    }
    return answer;
  }

  #find(key: string, method: string, url: string, json: string | undefined, now: number): AtHand | undefined {
    if (this.#recalls !== recalls()) {
      this.#recalls = recalls();
      this.#kept.clear();
    }
    const kept = this.#kept.get(key);
    if (kept === undefined || kept.method !== method || kept.url !== url || kept.json !== json) return undefined;
    if (now >= kept.until || kept.left-- === 0) {
      this.#kept.delete(key);
      return undefined;
    }
    this.#layer.reused++;
    return { head: aged(kept.head, now - kept.since), form: kept.form, content: kept.content };
  }
}

/** Name by name: a spread with more behind it takes ten times as long. */
function aged({ status, attempts, queuedMs, connectMs, firstByteMs, text }: Head, agedMs: number): Head {
  return { status, attempts, queuedMs, connectMs, firstByteMs, firstEventMs: null, totalMs: null, agedMs, text };
}
