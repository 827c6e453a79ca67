// Answers and events that are what a schema says, or an error.

import { kindOf, ValidationError, config as wrong } from '../errors.js';
import type { Mapping } from '../mapping.js';
import { MessageSum } from '../message.js';
import type { TraeResponse } from '../response.js';
import { checked, type Issue, places, requireSchema, type Schema } from '../schema.js';
import { shownUrl } from '../secrets.js';
import { EventStream } from '../stream.js';
import type { Handler } from './compose.js';
import type { TraeRequest } from './request.js';

const WHAT = ['answer', 'event'] as const;

/** Judges a value: its output, a promise of it, or a ValidationError, thrown. */
type Judge = (value: unknown) => unknown;

export function validate(schema: unknown, options?: unknown): Handler {
  const known = requireSchema(schema);
  const on = subject(options);
  const handle: Handler = async (req, next) => {
    const res = await next();
    if (req.config['skipValidation'] || refused(req, res.status)) return res;
    const fault = faultOf(req, res);
    if (res.data instanceof EventStream) {
      const judge = judgeOf(known, on === 'event' ? 'an event' : 'the message of the stream', fault);
      res.data = EventStream.mapped(res.data, on === 'event' ? { each: judge } : final(judge, fault));
    } else if (on === 'answer') {
      refuseBytes(res.data, fault);
      res.data = await judgeOf(known, 'the answer', fault)(res.data);
    }
    return res;
  };
  return Object.defineProperty(handle, 'name', { value: 'validate' });
}

/** Within native middlewares a status comes by that the caller's own `validateStatus` will make an error of. */
function refused({ config }: TraeRequest, status: number): boolean {
  return typeof config.validateStatus === 'function' && !config.validateStatus(status);
}

function subject(options: unknown = {}): (typeof WHAT)[number] {
  if (typeof options !== 'object' || options === null)
    throw wrong(`the options of validate() must be an object, got ${kindOf(options)}`);
  const { on = 'answer', ...rest } = options as { on?: (typeof WHAT)[number] };
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw wrong(`unknown option \`validate.${unknown}\`: did you mean \`on\`?`);
  if (!WHAT.includes(on)) throw wrong(`\`validate.on\` must be '${WHAT.join("' or '")}', got ${kindOf(on)}`);
  return on;
}

/** Lets events by and judges the message that they make, before the event that says it is complete. */
function final(judge: Judge, fault: Fault): Mapping {
  const sum = new MessageSum();
  let complete = false;
  return {
    each(event) {
      const message = sum.add(event);
      if (message === undefined) return event;
      complete = true;
      const judged = judge(message);
      return judged instanceof Promise ? judged.then(() => event) : event;
    },
    end() {
      const why = "had no message to validate: use validate(schema, { on: 'event' }), or skipValidation for this call";
      if (!complete) throw fault(`the stream ${why}`, []);
    },
  };
}

function judgeOf(schema: Schema, what: string, fault: Fault): Judge {
  const mismatch = (issues: readonly Issue[]): Error =>
    fault(`${what} is not what the schema of validate() says, at ${places(issues)}; error.issues says why`, issues);
  return (value) => checked(schema, value, mismatch);
}

function refuseBytes(data: unknown, fault: Fault): void {
  if (typeof data !== 'object' || data === null || !('pipe' in data)) return;
  (data as { destroy?: () => void }).destroy?.();
  const why = 'which can not be validated: ask for another responseType, or use skipValidation for this call';
  throw fault(`the answer is a stream of bytes, ${why}`, []);
}

type Fault = (message: string, issues: readonly Issue[]) => ValidationError;

/** It holds nothing of the answer: that holds the stream, which only its reader may hold. */
function faultOf({ method, url }: TraeRequest, { status, requestId, attempts }: TraeResponse): Fault {
  const request = { method, url: shownUrl(String(url)) };
  const facts = { code: 'VALIDATION', phase: 'body', status, requestId: requestId ?? null, attempts };
  return (message, issues) => Object.assign(new ValidationError({ ...facts, message }, issues), { request });
}
