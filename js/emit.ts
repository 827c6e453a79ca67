// A stream sent on to a browser as server-sent events: what it says, how it ended, and a sign of life in between.

import type { ServerResponse } from 'node:http';
import { type Options, requireObject } from './config.js';
import { HttpError, kindOf, config as wrong } from './errors.js';
import { requireKnown } from './names.js';
import { mergeHeaders } from './request-headers.js';
import type { EventStream } from './stream.js';

/** How it came to an end: all of it was sent, it failed, or whoever read it left. */
export interface Sent {
  ended: 'complete' | 'failed' | 'left';
  error?: unknown;
}

/** Milliseconds of silence after which a comment is sent: proxies take silence of a minute for an end. */
const HEARTBEAT = 15_000;
const BEAT = ': still there\n\n';
/** The last: a longer delay would be taken for one of a millisecond. */
const LONGEST = 2 ** 31 - 1;

const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  // nginx would keep it until its buffer is full.
  'x-accel-buffering': 'no',
};

interface Wish {
  heartbeat: number;
  status: number;
  headers: Record<string, string | string[]>;
}

function wishOf(options: Options): Wish {
  requireObject(options, 'the options of a stream that is sent on');
  requireKnown(options, ['heartbeat', 'status', 'headers']);
  const { heartbeat = HEARTBEAT, status = 200, headers } = options;
  if (!(typeof heartbeat === 'number' && heartbeat >= 0 && heartbeat <= LONGEST))
    throw wrong(`\`heartbeat\` is a number of milliseconds, 0 for none, got ${kindOf(heartbeat)}`);
  if (!(Number.isInteger(status) && status >= 200 && status <= 599))
    throw wrong(`\`status\` must be one of an answer, got ${kindOf(status)}`);
  const all = Object.entries(mergeHeaders(HEADERS, headers)).filter(([, value]) => value !== null);
  return { heartbeat, status, headers: Object.fromEntries(all) as Wish['headers'] };
}

/** Its events as text, a piece for each wake-up; a failure is the last of them. */
async function* frames(stream: EventStream, told: (error: unknown) => void): AsyncGenerator<string, void, undefined> {
  const plain = (stream.response.config as Options)['responseType'] === 'sse';
  try {
    for await (const events of stream.batches()) {
      let text = '';
      for (const event of events) text += plain ? asItCame(event as Plain) : frame(event);
      yield text;
    }
  } catch (error) {
    told(error);
    yield failure(error);
  }
}

interface Plain {
  event?: string;
  data: string;
  id?: string;
  retry?: number;
}

/** Named as the API names it; a name with a line in it would be an event of somebody else's. */
function frame(event: unknown): string {
  const type = (event as { type?: unknown } | null)?.type;
  const name = typeof type === 'string' && /^[\w.-]+$/.test(type) ? `event: ${type}\n` : '';
  return `${name}data: ${JSON.stringify(event)}\n\n`;
}

function asItCame({ event, data, id, retry }: Plain): string {
  const lines = data.split('\n').map((line) => `data: ${line}\n`);
  const fields = [event && `event: ${event}\n`, id && `id: ${id}\n`, retry !== undefined && `retry: ${retry}\n`];
  return `${fields.filter(Boolean).join('')}${lines.join('')}\n`;
}

/** As the API tells of one. What failed on the way to it names hosts and ports, and is nobody's business out there. */
function failure(error: unknown): string {
  const { type } = Object(error) as { type?: unknown };
  const ofApi = error instanceof HttpError && typeof type === 'string';
  const told = ofApi ? { type, message: error.message } : { type: 'api_error', message: 'the answer broke off' };
  return frame({ type: 'error', error: told });
}

/** A timer that is put off by each piece that is sent. */
function heart(milliseconds: number, beat: () => void): { heard(): void; stop(): void } {
  if (milliseconds === 0) return { heard: () => {}, stop: () => {} };
  const timer = setInterval(beat, milliseconds);
  return { heard: () => timer.refresh(), stop: () => clearInterval(timer) };
}

/** To a response of Node's, of HTTP/1.1 or HTTP/2; it has ended when this resolves. */
export async function toSSE(stream: EventStream, res: ServerResponse, options: Options = {}): Promise<Sent> {
  const { heartbeat, status, headers } = wishOf(options);
  if (typeof res?.write !== 'function' || typeof res.writeHead !== 'function')
    throw wrong(`toSSE() takes the response of a Node server, got ${kindOf(res)}: for others there is toResponse()`);
  if (res.headersSent) throw wrong('toSSE() sends headers, and this response has sent its own already');
  let outcome: Sent = { ended: 'complete' };
  const source = frames(stream, (error) => {
    outcome = { ended: 'failed', error };
  });
  let wake: () => void = () => {};
  const gone = (): void => {
    if (res.writableFinished) return;
    outcome = { ended: 'left' };
    stream.abort();
    wake();
  };
  res.once('close', gone);
  // A socket that breaks is told as its close.
  res.on('error', () => {});
  if (res.destroyed || res.closed) gone();
  let full = false;
  const send = (text: string): void => {
    full = !res.write(text);
  };
  const { heard, stop } = heart(heartbeat, () => full || send(BEAT));
  try {
    if (outcome.ended !== 'left') {
      res.writeHead(status, headers as Record<string, string>);
      res.flushHeaders();
    }
    for await (const text of source) {
      if (outcome.ended === 'left') break;
      heard();
      send(text);
      if (full && !res.destroyed)
        await new Promise<void>((resolve) => {
          wake = resolve;
          res.once('drain', resolve);
        });
    }
  } finally {
    stop();
    res.off('close', gone);
    if (outcome.ended !== 'left') res.end();
  }
  return outcome;
}

/** As a Response of the WHATWG's; no more is read than one piece ahead of its reader. */
export function toResponse(stream: EventStream, options: Options = {}): Response {
  const { heartbeat, status, headers } = wishOf(options);
  const source = frames(stream, () => {});
  const encoder = new TextEncoder();
  let beating: ReturnType<typeof heart> | undefined;
  // One piece ahead: without room for one nobody could say whether a comment would be read.
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      beating = heart(heartbeat, () => {
        if ((controller.desiredSize ?? 0) > 0) controller.enqueue(encoder.encode(BEAT));
      });
    },
    async pull(controller) {
      const { value, done } = await source.next();
      if (done) {
        beating?.stop();
        controller.close();
      } else {
        beating?.heard();
        controller.enqueue(encoder.encode(value));
      }
    },
    cancel() {
      beating?.stop();
      stream.abort();
    },
  });
  const given = Object.entries(headers).flatMap(([name, value]) =>
    [value].flat().map((one): [string, string] => [name, String(one)]),
  );
  return new Response(body, { status, headers: given });
}
