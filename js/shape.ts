// The form in which a caller holds an answer.

import type { Plan } from './call.js';

/** What the caller wants to hold: a name, or how `fetch` makes it. */
export type Shape = string | FetchShape;

export interface FetchShape {
  /** What middlewares see of what is sent. */
  shown(data: unknown): unknown;
  /** What is sent of that. */
  sent(data: unknown): unknown;
  /** What middlewares see of a whole answer. */
  parse: NonNullable<Plan['parse']>;
  /** What bytes come in, where no middleware sees them. */
  bytes: NonNullable<Plan['bytes']>;
  /** Whether middlewares of JavaScript's have seen the answer, once the call was sent. */
  seen: boolean;
}
