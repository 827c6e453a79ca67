// What an answer's data is as a body. Middlewares see it as that of any other call, and may put something else there.

import { piece } from '../body.js';
import type { TraeResponse } from '../response.js';
import { EventStream } from '../stream.js';
import type { Content } from './response.js';
import { Bytes, sourceOf, type Telling } from './source.js';

export interface Body {
  content: Content;
  /** The media type of a content that was made here, where no header says one. */
  type?: string;
}

/** The texts that data was parsed from: what nobody has changed goes on as it came. */
const texts = new WeakMap<object, string>();

/** What middlewares see of a whole answer: JSON parsed, as in any other call. */
export function parsed(content: unknown, response: TraeResponse): unknown {
  return isJson(response.headers.get('content-type')) ? parsedText(content) : (content ?? '');
}

/** The object or list that a text is; anything else is left to whoever reads it. */
export function parsedText(text: unknown): unknown {
  if (typeof text !== 'string') return text ?? '';
  try {
    const data = JSON.parse(text);
    if (typeof data !== 'object' || data === null) return text;
    texts.set(data, text);
    return data;
  } catch {
    return text;
  }
}

/** The text that data was parsed from, where nobody has changed it since. */
export function unparsed(data: unknown): unknown {
  const text = typeof data === 'object' && data !== null ? texts.get(data) : undefined;
  return text !== undefined && JSON.stringify(JSON.parse(text)) === JSON.stringify(data) ? text : data;
}

export function isJson(type: string | null | undefined): boolean {
  const media = type?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  return media === 'application/json' || media.endsWith('+json');
}

export function bodyOf(data: unknown, told: Telling): Body {
  if (typeof data === 'string' || data instanceof Uint8Array || data instanceof Bytes) return { content: data };
  if (data === undefined || data === null) return { content: '' };
  if (data instanceof EventStream)
    return { content: sourceOf(data.batches(), written, told), type: 'text/event-stream' };
  if (ArrayBuffer.isView(data) || data instanceof ArrayBuffer) return { content: piece(data) };
  if (typeof data === 'object' && Symbol.asyncIterator in data)
    return { content: sourceOf(data as AsyncIterable<unknown>, piece, told) };
  const same = unparsed(data);
  return typeof same === 'string'
    ? { content: same }
    : { content: JSON.stringify(data) ?? '', type: 'application/json' };
}

/** Headers that describe a body as it was sent. */
const OF_THE_BODY = ['content-length', 'content-encoding', 'transfer-encoding'];

/** An answer's headers, a line for each; those of another body than the one that was sent are not this one's. */
export function headersOf(res: TraeResponse, { content, type }: Body): string {
  const { headers } = res;
  if (content === null || (type === undefined && isAsLong(content, headers.get('content-length'))))
    return res.headerLines;
  const kept = [...headers.entries()].filter(([name]) => !OF_THE_BODY.includes(name));
  if (type !== undefined && !headers.has('content-type')) kept.push(['content-type', type]);
  return kept.map(([name, value]) => `${name}: ${value}`).join('\n');
}

function isAsLong(content: Content, length: string | null): boolean {
  if (length === null || (typeof content !== 'string' && !(content instanceof Uint8Array))) return true;
  return Buffer.byteLength(content) === Number(length);
}

/** An event as middlewares have it: as text with its name, or as the JSON that it was. */
interface Event {
  event?: unknown;
  data?: unknown;
  id?: unknown;
  retry?: unknown;
  type?: unknown;
}

/** Events as a server would write them. */
function written(events: unknown): Uint8Array {
  return Buffer.from((events as unknown[]).map(block).join(''));
}

function block(given: unknown): string {
  const { event, data, id, retry, type } = (given ?? {}) as Event;
  if (typeof event !== 'string' || typeof data !== 'string') {
    const name = typeof type === 'string' ? `event: ${type.replace(/[\r\n]+/g, ' ')}\n` : '';
    return `${name}data: ${JSON.stringify(given)}\n\n`;
  }
  const named = event === 'message' ? '' : `event: ${event}\n`;
  const known = `${id === undefined ? '' : `id: ${id}\n`}${retry === undefined ? '' : `retry: ${retry}\n`}`;
  const lines = data.split('\n').map((line) => `data: ${line}\n`);
  return `${named}${known}${lines.join('')}\n`;
}
