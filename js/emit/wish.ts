// How a stream is to be sent on: what can't be sent is refused before anything is.

import { type Options, requireObject } from '../config.js';
import { kindOf, config as wrong } from '../errors.js';
import { requireKnown } from '../names.js';
import { mergeHeaders } from '../request-headers.js';

export interface Wish {
  heartbeat: number;
  status: number;
  headers: Record<string, string | string[]>;
}

/** Milliseconds of silence after which a comment is sent: proxies take silence of a minute for an end. */
const HEARTBEAT = 15_000;
/** The last: a longer delay would be taken for one of a millisecond. */
const LONGEST = 2 ** 31 - 1;
/** Answers that end with their headers. */
const BODILESS = [204, 205, 304];
const NAME = /^[!#$%&'*+.^_`|~\w-]+$/;
/** As Node has it; a line break would begin a header of somebody else's. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  // nginx would keep it until its buffer is full.
  'x-accel-buffering': 'no',
};

export function wishOf(options: Options): Wish {
  requireObject(options, 'the options of a stream that is sent on');
  requireKnown(options, ['heartbeat', 'status', 'headers']);
  const { heartbeat = HEARTBEAT, status = 200, headers } = options;
  if (!(typeof heartbeat === 'number' && heartbeat >= 0 && heartbeat <= LONGEST))
    throw wrong(`\`heartbeat\` is a number of milliseconds, 0 for none, got ${kindOf(heartbeat)}`);
  if (!(Number.isInteger(status) && status >= 200 && status <= 599))
    throw wrong(`\`status\` must be one of an answer, got ${kindOf(status)}`);
  if (BODILESS.includes(status)) throw wrong(`an answer of \`status\` ${status} has no body, and events are one`);
  return { heartbeat, status, headers: headersOf(headers) };
}

function headersOf(given: unknown): Wish['headers'] {
  const all: Wish['headers'] = {};
  for (const [name, value] of Object.entries(mergeHeaders(HEADERS, given))) {
    if (value === null) continue;
    const texts = [value].flat().map(String);
    if (!NAME.test(name)) throw wrong(`${JSON.stringify(name)} can't be the name of a header`);
    // The value may be a secret.
    if (!texts.every((text) => VALUE.test(text)))
      throw wrong(`the header \`${name}\` has a character that none may have, such as a line break`);
    all[name] = Array.isArray(value) ? texts : (texts[0] as string);
  }
  return all;
}
