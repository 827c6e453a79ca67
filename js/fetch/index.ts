// `client.fetch`: the WHATWG standard on our engine. A call of it is a call of the client, so that pool, retries and
// middlewares are the same; what is particular is how it asks and what it answers with.

import type { Options } from '../config.js';
import { AbortError, ConfigError, TraeError } from '../errors.js';
import type { TraeResponse } from '../response.js';
import type { Sender } from '../sender.js';
import type { FetchShape } from '../shape.js';
import { bodyOf, headersOf, isJson, parsed, parsedText, unparsed } from './answer.js';
import { FetchHeaders } from './headers.js';
import { type Asked, content, gathered, isRequest, read } from './request.js';
import { FetchResponse } from './response.js';
import { Bytes, type Telling } from './source.js';

export async function fetch(sender: Sender, client: Options, input: unknown, init: unknown): Promise<Response> {
  let signal: AbortSignal | undefined;
  try {
    const asked = read(input, init);
    signal = asked.signal;
    // Nothing of these goes over a network. The official SDK asks for one to learn what it was given.
    if (LOCAL.test(asked.url)) return await globalThis.fetch(input as string, init as RequestInit);
    if (signal?.aborted) {
      leave(asked.body, signal.reason);
      throw signal.reason;
    }
    const { data, type } = content(isRequest(input) && asked.body === input.body ? await gathered(input) : asked.body);
    const config = configOf(asked, client, type);
    const broken: Telling = (error) => told(error, asked.signal, 'terminated');
    const wanted = shape(isJson(typeOf(config, client)), broken);
    const res = await sender.send(asked.method, asked.url, data, config, wanted);
    return answer(res, asked, wanted.seen, broken);
  } catch (error) {
    throw told(error, signal, 'fetch failed');
  }
}

const LOCAL = /^(data|blob):/i;

function configOf({ headers, signal, redirect, cache }: Asked, client: Options, type: string | undefined): Options {
  const config: Options = { headers, redirect: redirect ?? client['redirect'] ?? 'follow' };
  if (cache !== undefined) config['cache'] = cache;
  if (signal) config['signal'] = signal;
  // `undefined` leaves it to the body's encoder.
  if (type !== undefined && typeOf(config, client) === undefined) headers[TYPE] = type || null;
  return config;
}

const TYPE = 'content-type';

/** The media type of what is sent, as far as headers say it. */
function typeOf(config: Options, client: Options): string | undefined {
  return named(config['headers']) ?? named(client['headers']);
}

function named(headers: Record<string, unknown> | undefined): string | undefined {
  for (const name in headers)
    if (name.length === TYPE.length && name.toLowerCase() === TYPE) return String(headers[name] ?? '');
  return undefined;
}

function shape(json: boolean, told: Telling): FetchShape {
  return {
    shown: (data) => (json && typeof data === 'string' ? parsedText(data) : data),
    sent: unparsed,
    parse: parsed,
    bytes: (id, release) => new Bytes(id, release, told),
    seen: false,
  };
}

/** A stream that nobody will read is told so. */
function leave(body: unknown, reason: unknown): void {
  const { locked, cancel } = (body ?? {}) as Partial<ReadableStream>;
  if (locked === false && typeof cancel === 'function') void (body as ReadableStream).cancel(reason).catch(() => {});
}

/** Statuses of answers that have no body, not even an empty one. */
const BODILESS = new Set([101, 103, 204, 205, 304]);

function answer(res: TraeResponse, { method, url, signal }: Asked, seen: boolean, told: Telling): FetchResponse {
  const { status, data } = res;
  const none = method === 'HEAD' || BODILESS.has(status);
  if (none && data instanceof Bytes) data.cancel();
  const body = none ? { content: null } : bodyOf(data, told);
  const facts = () => ({
    statusText: res.statusText,
    url: res.request.url || url,
    redirected: res.redirected,
    headers: new FetchHeaders(() => (seen ? headersOf(res, body) : res.headerLines)),
  });
  return new FetchResponse(status, facts, body.content, signal);
}

/** A failure as the standard has it: who gave up gets his own reason, and all else is a TypeError. */
function told(error: unknown, signal: AbortSignal | undefined, message: string): unknown {
  if (!(error instanceof TraeError)) return error;
  if (error instanceof AbortError && signal?.aborted) return signal.reason;
  return new TypeError(error instanceof ConfigError ? error.message : message, { cause: error });
}
