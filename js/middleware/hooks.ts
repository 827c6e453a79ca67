// Hooks as handlers: what runs before a request, after an answer or an error, and at the end of it all.

import { ended } from '../ending.js';
import type { TraeResponse } from '../response.js';
import { type Handler, UNHEALED } from './compose.js';
import type { TraeRequest } from './request.js';

/** How a call came to its end: with an answer, of which a stream has been read or left, or with an error. */
export interface Outcome {
  req: TraeRequest;
  res?: TraeResponse;
  error?: unknown;
}

export type Before = (req: TraeRequest) => unknown;
export type After = (res: TraeResponse) => unknown;
export type OnError = (error: unknown) => unknown;
export type Finally = (outcome: Outcome) => unknown;

/** What it returns is the request that goes on; returning nothing leaves it as it is, changes in place included. */
export function before(hook: Before): Handler {
  return async (req, next) => {
    const changed = await hook(req);
    return next(typeof changed === 'object' && changed !== null ? changed : undefined);
  };
}

/** What it returns is the answer, nothing leaves it as it is; an error that `onError` does not throw again is healed. */
export function after(onResponse: After | undefined | null, onError?: OnError): Handler {
  return async (_req, next) => {
    let res: TraeResponse;
    try {
      res = await next();
    } catch (error) {
      if (onError) return (await onError(error)) ?? UNHEALED;
      throw error;
    }
    return onResponse ? ((await onResponse(res)) ?? res) : res;
  };
}

/** Runs once for each call, whatever its end; for a stream that is when the stream has ended. */
export function atEnd(hook: Finally): Handler {
  return async (req, next) => {
    let res: TraeResponse;
    try {
      res = await next();
    } catch (error) {
      await hook({ req, error });
      throw error;
    }
    if (!ended(res.data, teller(hook, req, res.without()))) await hook({ req, res });
    return res;
  };
}

/** Apart, so that what waits for the end of a stream holds its answer without the stream: that may be dropped. */
function teller(hook: Finally, req: TraeRequest, res: TraeResponse): (error: unknown) => unknown {
  return (error) => hook(error === undefined ? { req, res } : { req, res, error });
}
