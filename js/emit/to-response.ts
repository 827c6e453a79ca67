// A stream sent on as a Response of the WHATWG's.

import type { Options } from '../config.js';
import type { EventStream } from '../stream.js';
import { Frames } from './frames.js';
import { wishOf } from './wish.js';

/** Nothing is read, and no timer runs, but for somebody who waits: a Response that is dropped ends the transfer. */
export function toResponse(stream: EventStream, options: Options = {}): Response {
  const { heartbeat, status, headers } = wishOf(options);
  const encoder = new TextEncoder();
  let cancelled = false;
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const text = await frames.next();
        if (cancelled) return;
        if (text === undefined) controller.close();
        else controller.enqueue(encoder.encode(text));
      },
      cancel() {
        cancelled = true;
        frames.leave();
      },
    },
    { highWaterMark: 0 },
  );
  const frames = new Frames(stream, heartbeat, body);
  const given = Object.entries(headers).flatMap(([name, value]) =>
    [value].flat().map((one): [string, string] => [name, one]),
  );
  return new Response(body, { status, headers: given });
}
