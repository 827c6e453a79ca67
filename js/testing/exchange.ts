// An exchange as it stands in a file, and the reply that it is played as.

import { readFileSync } from 'node:fs';
import { kindOf, config as wrong } from '../errors.js';
import { engine } from '../native.js';
import { json, judged, portable } from '../reply.js';
import type { Shown } from './stage.js';

/** A file of another one may say other things. */
export const VERSION = 1;

export interface Exchange {
  request: Shown;
  response: Answer;
}

interface Answer {
  status?: number;
  headers?: Record<string, string | string[]>;
  delayMs: number;
  body?: Content;
  events?: Event[];
  cut?: 'reset' | 'close' | 'silence';
  error?: { code: string; phase: string };
}

type Content = { json: unknown } | { text: string } | { base64: string };
type Event = { afterMs: number; event?: string } & ({ data: unknown } | { text: string } | { raw: string });

/** All of them, each checked: what is wrong is told before anything is asked. */
export function read(file: string): Exchange[] {
  let cassette: { version?: unknown; exchanges?: unknown };
  try {
    cassette = JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw wrong(`the cassette ${file} can't be read (record() makes it): ${(cause as Error).message}`, cause);
  }
  if (cassette?.version !== VERSION || !Array.isArray(cassette.exchanges))
    throw wrong(`${file} is no cassette of version ${VERSION}: record() makes one`);
  for (const [place, exchange] of cassette.exchanges.entries())
    requireExchange(exchange, `the cassette ${file}: exchanges[${place}]`);
  return cassette.exchanges;
}

function requireExchange(exchange: unknown, where: string): asserts exchange is Exchange {
  const { request, response } = fieldsOf(exchange, where);
  const { method, url } = fieldsOf(request, `${where}.request`);
  if (typeof method !== 'string' || typeof url !== 'string')
    throw wrong(`${where}.request must have a \`method\` and a \`url\``);
  const { status, headers = {}, error, body, events = [] } = fieldsOf(response, `${where}.response`);
  if (status === undefined && error === undefined)
    throw wrong(`${where}.response must have a \`status\`, or an \`error\` in its place`);
  fieldsOf(headers, `${where}.response.headers`);
  if (error !== undefined) fieldsOf(error, `${where}.response.error`);
  if (body !== undefined) requireContent(body, ['json', 'text', 'base64'], `${where}.response.body`);
  if (!Array.isArray(events)) throw wrong(`${where}.response.events must be a list, got ${kindOf(events)}`);
  for (const [place, event] of events.entries())
    requireContent(event, ['data', 'text', 'raw'], `${where}.response.events[${place}]`);
  // The rest is judged as a script's own reply is.
  try {
    judged(() => engine.checkReply(json(reply(response as Answer), 'reply')));
  } catch (cause) {
    throw wrong(`${where}.response can't be played: ${(cause as Error).message}`, cause);
  }
}

function fieldsOf(value: unknown, where: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw wrong(`${where} must be an object, got ${kindOf(value)}`);
}

function requireContent(value: unknown, kinds: readonly string[], where: string): void {
  const fields = fieldsOf(value, where);
  const found = kinds.find((kind) => kind in fields);
  if (found === undefined) throw wrong(`${where} must have a \`${kinds.join('` or a `')}\``);
  if (found === 'json' || found === 'data' || typeof fields[found] === 'string') return;
  throw wrong(`${where}.${found} must be a text, got ${kindOf(fields[found])}`);
}

/** An exchange in the words of a script. */
export function reply({ status, headers, delayMs, body, events, cut, error }: Answer): object {
  if (error) return { delayMs, ...failure(error) };
  const sse = events?.map(frame);
  const size = sse?.length;
  return portable({
    status,
    // These an answer would have without a word.
    headers: { 'request-id': null, 'retry-after': null, 'content-type': null, ...headers } as never,
    delayMs,
    ...(sse ? { sse: sse.join('') } : contentOf(body)),
    ...(events ? ({ gapsMs: events.map(({ afterMs }) => afterMs) } as object) : undefined),
    ...(cut === 'silence' ? (sse ? { hangAfterEvents: size } : { hang: 'body' }) : undefined),
    ...(cut === 'reset' || cut === 'close' ? { cut, ...(sse ? { cutAfterEvents: size } : cutOf(body)) } : undefined),
  });
}

/** Where no answer came: by what it was. A limit of the client's passes again by itself. */
function failure({ code, phase }: { code: string; phase: string }): object {
  if (code !== 'TIMEOUT') return { error: code };
  return { delayMs: 0, ...(phase === 'connect' ? { error: code } : { hang: 'headers' }) };
}

function frame(event: Event): string {
  if ('raw' in event) return event.raw;
  const name = event.event === undefined ? '' : `event: ${event.event}\n`;
  return `${name}data: ${'text' in event ? event.text : JSON.stringify(event.data)}\n\n`;
}

function contentOf(body: Content | undefined): { body?: string; bodyBase64?: string } {
  if (body === undefined) return { body: '' };
  if ('base64' in body) return { bodyBase64: body.base64 };
  return { body: 'text' in body ? body.text : JSON.stringify(body.json) };
}

function cutOf(body: Content | undefined): { cutAfterBytes: number } {
  const { body: text = '', bodyBase64 } = contentOf(body);
  return { cutAfterBytes: Buffer.byteLength(bodyBase64 ?? text, bodyBase64 === undefined ? 'utf8' : 'base64') };
}
