// Events that become others on their way to the reader.

import { kindOf } from '../errors.js';
import type { Mapping } from '../mapping.js';
import { EventStream } from '../stream.js';
import type { Handler } from './compose.js';

export function mapEvents(change: unknown): Handler {
  if (typeof change !== 'function') throw new TypeError(`mapEvents() takes a function, got ${kindOf(change)}`);
  const handle: Handler = async (_req, next) => {
    const res = await next();
    if (res.data instanceof EventStream) res.data = EventStream.mapped(res.data, mapping(change as Change));
    return res;
  };
  return Object.defineProperty(handle, 'name', { value: 'mapEvents' });
}

type Change = (event: unknown) => unknown;

/** Nothing leaves an event as it is, as everywhere; `null` drops it, and a list takes its place. */
function mapping(change: Change): Mapping {
  return {
    each(event) {
      const made = change(event);
      // A promise is not known to give nothing before it does.
      if (typeof (made as PromiseLike<unknown> | null | undefined)?.then !== 'function')
        return made === undefined ? event : made;
      return (made as PromiseLike<unknown>).then((given) => (given === undefined ? event : given));
    },
    put(made, events) {
      if (Array.isArray(made)) for (const event of made) events.push(event);
      else if (made !== null) events.push(made);
    },
  };
}
