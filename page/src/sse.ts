// Reads server-sent events from a body. EventSource can't do it: it tells no status, and asks only with GET.

export interface SseEvent {
  event: string;
  data: string;
}

export async function* events(body: ReadableStream<Uint8Array>): AsyncGenerator<SseEvent> {
  const reader = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader();
  const fold = new Fold();
  let left = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      left += value;
      const lines = left.split('\n');
      left = lines.pop() ?? '';
      for (const line of lines) {
        const event = fold.take(line.endsWith('\r') ? line.slice(0, -1) : line);
        if (event) yield event;
      }
    }
  } finally {
    // Who leaves early ends the transfer.
    await reader.cancel().catch(() => {});
  }
}

/** Lines become an event at an empty one. */
class Fold {
  #event = '';
  #data: string[] = [];

  take(line: string): SseEvent | undefined {
    if (line === '') return this.#end();
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') this.#event = value;
    else if (field === 'data') this.#data.push(value);
    return undefined;
  }

  #end(): SseEvent | undefined {
    const told = this.#data.length > 0 && { event: this.#event || 'message', data: this.#data.join('\n') };
    this.#event = '';
    this.#data = [];
    return told || undefined;
  }
}
