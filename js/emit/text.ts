// Events and failures as a browser is told them. No stream, no clock.

import { ApiStreamError, HttpError, type TraeError } from '../errors.js';
import { withoutKeys } from '../secrets.js';

interface Plain {
  event?: unknown;
  data?: unknown;
  id?: unknown;
  retry?: unknown;
}

interface Body {
  error?: unknown;
  request_id?: unknown;
}

/** Named as the API names it; a name with a line in it would be an event of somebody else's. */
export function frame(event: unknown): string {
  const type = (event as { type?: unknown } | null | undefined)?.type;
  const name = typeof type === 'string' && /^[\w.-]+$/.test(type) ? `event: ${type}\n` : '';
  return `${name}data: ${JSON.stringify(event)}\n\n`;
}

/** An event whose data is text; a middleware may have made something else of it. */
export function asItCame(event: unknown): string {
  const { event: name, data, id, retry } = Object(event) as Plain;
  if (typeof data !== 'string') return frame(event);
  const lines = data.split(/\r\n|[\r\n]/).map((line) => `data: ${line}\n`);
  return `${field('event', name)}${field('id', id)}${field('retry', retry)}${lines.join('')}\n`;
}

function field(name: string, value: unknown): string {
  return value === undefined || value === '' || /[\r\n]/.test(String(value)) ? '' : `${name}: ${value}\n`;
}

/** As the API tells of one. What failed on the way to it names hosts and ports, and is nobody's business out there. */
export function failed(error: unknown): string {
  const told = ofApi(error) ?? { type: 'error', error: { type: 'api_error', message: 'the answer broke off' } };
  return withoutKeys(frame(told));
}

/** In its own words, where it has said something: ours around them would be doubled by a client over there. */
function ofApi(error: unknown): object | undefined {
  if (!(error instanceof HttpError || error instanceof ApiStreamError)) return undefined;
  const { type, requestId, response } = error;
  if (typeof type !== 'string') return undefined;
  const { error: said, request_id: id = requestId } = Object(response?.data) as Body;
  // Of a body too long to be kept there is no more than the error itself.
  const own = { type, message: bare(error), ...(typeof said === 'object' && said) };
  return { type: 'error', error: own, ...(id != null && { request_id: id }) };
}

function bare({ message, status, type, requestId }: TraeError): string {
  const title = [`${status} ${type}: `, `${type}: `].find((title) => message.startsWith(title)) ?? '';
  const id = ` (request ${requestId})`;
  return message.slice(title.length, message.endsWith(id) ? -id.length : undefined);
}
