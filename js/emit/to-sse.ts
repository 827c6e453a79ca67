// A stream sent on by a response of Node's, of HTTP/1.1 or HTTP/2, and how that ended.

import type { ServerResponse } from 'node:http';
import type { Options } from '../config.js';
import { kindOf, config as wrong } from '../errors.js';
import type { EventStream } from '../stream.js';
import { Frames } from './frames.js';
import { wishOf } from './wish.js';

/** How it came to an end: all of it was sent, it failed, or whoever read it left. */
export interface Sent {
  ended: 'complete' | 'failed' | 'left';
  error?: unknown;
}

/** It has ended when this resolves. */
export async function toSSE(stream: EventStream, res: ServerResponse, options: Options = {}): Promise<Sent> {
  const { heartbeat, status, headers } = wishOf(options);
  requireFresh(res);
  const frames = new Frames(stream, heartbeat, stream);
  let left = false;
  let wake = (): void => {};
  const gone = (): void => {
    left = true;
    // It holds the stream, too, while a slow browser is waited for.
    stream.abort();
    frames.leave();
    wake();
  };
  res.once('close', gone);
  // A socket that breaks is told as its close.
  res.on('error', () => {});
  try {
    if (res.destroyed || res.closed) gone();
    else {
      res.writeHead(status, headers);
      res.flushHeaders();
    }
    for (let text = await frames.next(); text !== undefined; text = await frames.next()) {
      if (res.write(text) || left || res.destroyed) continue;
      await new Promise<void>((resolve) => {
        wake = resolve;
        res.once('drain', resolve);
      });
    }
  } finally {
    res.off('close', gone);
    frames.leave();
    if (!left && res.headersSent) res.end();
  }
  if (left) return { ended: 'left' };
  return frames.failure ? { ended: 'failed', error: frames.failure.error } : { ended: 'complete' };
}

function requireFresh(res: ServerResponse): void {
  if (typeof res?.write !== 'function' || typeof res.writeHead !== 'function')
    throw wrong(`toSSE() takes the response of a Node server, got ${kindOf(res)}: for others there is toResponse()`);
  if (res.headersSent) throw wrong('toSSE() sends headers, and this response has sent its own already');
}
