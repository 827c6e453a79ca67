// An answer whose content is one object, as the API has it: a page of a proxy in its place is told, and is not given on.

import { kindOf, ParseError } from '../errors.js';
import type { TraeResponse } from '../response.js';

/** `what` names it in a sentence. Who asks for another shape has what he asks for. */
export function requireAnswer(res: TraeResponse, what: string, ofType?: string): TraeResponse {
  const { data } = res;
  const asked = (res.config as { responseType?: unknown }).responseType;
  if (asked != null && asked !== 'auto' && asked !== 'json' && asked !== 'message') return res;
  const isObject = typeof data === 'object' && data !== null && !Array.isArray(data) && !ArrayBuffer.isView(data);
  if (isObject && (ofType === undefined || ofType in data)) return res;
  // Headers are read only where they are wanted: reading them is work.
  const media = res.headers.get('content-type');
  const got = isObject ? `an object without \`${ofType}\`` : `${kindOf(data)}${media ? ` of type ${media}` : ''}`;
  throw unlike(res, `the answer is not ${what}: expected an object of JSON, got ${got}`);
}

/** Of an answer that is not what the API would have answered. */
export function unlike({ status, requestId }: TraeResponse, message: string): ParseError {
  return new ParseError({ code: 'PARSE', phase: 'body', message, status, requestId: requestId ?? null });
}
