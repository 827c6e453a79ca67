// Feeds the bytes of a peer that has no server-sent events of its own to eventsource-parser, one JSON.parse per event.
import { createParser } from 'eventsource-parser';

/** Reads strings or bytes from any async iterable of chunks; the fastest way each peer offers is chosen by the peer. */
export async function readEvents(chunks, onEvent) {
  const parser = createParser({ onEvent: ({ data }) => onEvent(JSON.parse(data)) });
  const decoder = new TextDecoder();
  for await (const chunk of chunks) {
    parser.feed(typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true }));
  }
}
