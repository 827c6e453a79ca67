// A network that is played: what it answers is written in a test, and its time passes as fast as it can.

import { inspect } from 'node:util';
import type { Scripted as Api, ScriptedReply, ScriptedReplyFunction, ScriptedRequest } from '../../testing.js';
import { config as wrong } from '../errors.js';
import { requireKnown } from '../names.js';
import { engine } from '../native.js';
import { json, judged, portable } from '../reply.js';
import { fields, shownUrl } from '../secrets.js';
import { type Crossed, optionsOf, Stage } from './stage.js';

type Answer = ScriptedReply | ScriptedReplyFunction;

/** What a reply may say. */
const WORDS = Object.keys({
  match: true,
  times: true,
  status: true,
  headers: true,
  body: true,
  bodyBase64: true,
  transcript: true,
  text: true,
  events: true,
  sse: true,
  echo: true,
  delayMs: true,
  paceMs: true,
  paceUs: true,
  gapsMs: true,
  eventsPerWrite: true,
  bytesPerWrite: true,
  encoding: true,
  cutAfterBytes: true,
  cutAfterEvents: true,
  cut: true,
  hang: true,
  hangAfterEvents: true,
  errorAt: true,
  error: true,
} satisfies Record<keyof ScriptedReply, true>);
/** Words of the simulator's that mean nothing without a socket. */
const OF_SOCKETS = ['raw', 'rawBase64', 'readBody', 'stamp'];

/** One request as it was asked. */
class Received implements ScriptedRequest {
  readonly method: string;
  readonly url: string;
  readonly path: string;
  readonly headers: [string, string][];
  readonly body: Buffer;
  readonly atMs: number;

  constructor({ method, url, headers, body }: Crossed, atMs: number) {
    this.method = method;
    this.url = url;
    this.path = url.slice(new URL(url).origin.length).replace(/#.*$/s, '');
    this.headers = headers;
    this.body = 'text' in body ? Buffer.from(body.text) : Buffer.from(body.base64, 'base64');
    this.atMs = atMs;
  }

  header(name: string): string | undefined {
    const lower = name.toLowerCase();
    return this.headers.find(([key]) => key === lower)?.[1];
  }

  json(): unknown {
    return JSON.parse(this.body.toString());
  }

  /** What may be printed, also by a test that fails. */
  toJSON(): object {
    const { method, url, headers, body, atMs } = this;
    const shown = Object.entries(fields(Object.fromEntries(headers)) as Record<string, string>);
    return { method, url: shownUrl(url), headers: shown, body: `[${body.length} bytes]`, atMs };
  }

  [inspect.custom](_depth: number, options: object): string {
    return `ScriptedRequest ${inspect(this.toJSON(), options)}`;
  }
}

class Scripted extends Stage implements Api {
  #queue: { answer: Answer; left: number }[] = [];
  #always: Answer | undefined;
  #received: Received[] = [];

  reply(replies: Answer | Answer[]): this {
    const added = [replies].flat().map((answer) => ({ answer: checked(answer), left: timesOf(answer) }));
    this.#queue.push(...added);
    return this;
  }

  always(reply: Answer): this {
    this.#always = checked(reply);
    return this;
  }

  get received(): Received[] {
    return [...this.#received];
  }

  clear(): void {
    this.#queue = [];
    this.#always = undefined;
    this.#received = [];
  }

  protected override async answer(crossed: Crossed): Promise<object> {
    const req = new Received(crossed, this.now);
    this.#received.push(req);
    const answer = this.#choose(req);
    return typeof answer === 'function' ? portable(checked((await answer(req)) as ScriptedReply)) : portable(answer);
  }

  #choose(req: Received): Answer {
    const place = this.#queue.findIndex(({ answer }) => fits(answer, req));
    const found = this.#queue[place];
    if (found === undefined) {
      if (this.#always !== undefined && fits(this.#always, req)) return this.#always;
      const rest = this.#queue.length === 0 ? 'nothing is left' : `none of the ${this.#queue.length} left fits`;
      const message = `for ${req.method} ${shownUrl(req.url)}: ${rest} (\`reply()\` adds, \`always()\` is for all others)`;
      throw wrong(message);
    }
    found.left--;
    if (found.left <= 0) this.#queue.splice(place, 1);
    return found.answer;
  }
}

/** As the simulator chooses. */
function fits(answer: Answer, { method, path }: Received): boolean {
  const match = typeof answer === 'function' ? undefined : answer.match;
  if (match?.method !== undefined && match.method.toUpperCase() !== method) return false;
  if (match?.path === undefined) return true;
  const asked = match.path.includes('?') ? path : path.replace(/\?.*$/s, '');
  return match.path.endsWith('*') ? path.startsWith(match.path.slice(0, -1)) : asked === match.path;
}

function timesOf(answer: Answer): number {
  const times = typeof answer === 'function' ? 1 : (answer.times ?? 1);
  return times === 0 ? Number.POSITIVE_INFINITY : times;
}

/** What is wrong is said where it was written. */
function checked<T extends Answer>(answer: T): T {
  if (typeof answer === 'function') return answer;
  const crossing = portable(answer);
  for (const [name, value] of Object.entries(answer))
    if (value !== undefined && OF_SOCKETS.includes(name))
      throw wrong(`reply: \`${name}\` is about a connection, and a script has none`);
  requireKnown(answer, WORDS, ' of a reply');
  judged(() => engine.checkReply(json(crossing, 'reply')));
  const path = answer.match?.path;
  // Of an URL it is the path that is compared: any other would fit no request, and nobody would be told why.
  if (path !== undefined && !/^[/*]/.test(path))
    throw wrong(`reply: \`match.path\` must begin with a slash, got ${JSON.stringify(path)}`);
  return answer;
}

/** A network for tests, with a time of its own. */
export function createScripted(options: { autoAdvance?: boolean } = {}): Scripted {
  return new Scripted(optionsOf('createScripted', options, ['autoAdvance']));
}
