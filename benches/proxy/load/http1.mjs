/*
 * A client of HTTP/1.1 for measuring proxies: a socket, one request after the other, the pieces of the body as they come.
 *
 * Not node:http and not our own client: what a generator spends is taken from the two cores that it shares with what
 * it measures. It knows what the proxies here answer, and throws at anything else.
 */
import { connect } from 'node:net';

const HEAD_END = Buffer.from('\r\n\r\n');
const EMPTY = Buffer.alloc(0);

const PROMPT = 'Tell me of the sea, and of ships. '.repeat(26);
const DIGITS = 12;

/**
 * POSTs of about a kibibyte that differ in a number and in nothing else, so that making one costs next to nothing; `run`
 * is a text that no other run has.
 */
export function requests({ url, headers }, run, more = {}) {
  const [front, back] = JSON.stringify({
    model: 'claude-sonnet-5',
    max_tokens: 1024,
    ...more,
    messages: [{ role: 'user', content: `${run} \0 ${PROMPT}` }],
  }).split('\\u0000');
  const all = {
    host: new URL(url).host,
    'content-type': 'application/json',
    'content-length': front.length + DIGITS + back.length,
    'x-api-key': 'bench-key',
    'anthropic-version': '2023-06-01',
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  const begin = `POST /v1/messages HTTP/1.1\r\n${lines.join('')}\r\n${front}`;
  let made = 0;
  return () => begin + String(++made).padStart(DIGITS, '0') + back;
}

/** One connection; `onPiece(buffer)`, `onEnd()` and `onError(error)` are of the request that is under way. */
export class Connection {
  constructor(url, { onPiece, onEnd, onError }) {
    const { hostname, port } = new URL(url);
    this.onPiece = onPiece;
    this.onEnd = onEnd;
    this.failed = onError;
    this.rest = EMPTY;
    this.state = 'head';
    this.socket = connect({ host: hostname, port: Number(port), noDelay: true });
    this.socket.on('data', (chunk) => this.#read(this.rest.length ? Buffer.concat([this.rest, chunk]) : chunk));
    this.socket.on('error', onError);
    this.socket.on('close', () => this.closed || onError(new Error('the connection was closed')));
  }

  send(text) {
    this.socket.write(text, 'latin1');
  }

  destroy() {
    this.closed = true;
    this.socket.destroy();
  }

  #read(bytes) {
    let at = 0;
    try {
      for (let next = 0; next !== undefined; ) {
        at = next;
        next = this.#step(bytes, at);
      }
    } catch (error) {
      this.destroy();
      return this.failed(error);
    }
    this.rest = at < bytes.length ? bytes.subarray(at) : EMPTY;
  }

  /** Reads one part and tells where the next begins, or undefined where more bytes are needed. */
  #step(bytes, at) {
    if (at >= bytes.length) return undefined;
    switch (this.state) {
      case 'head':
        return this.#head(bytes, at);
      case 'size':
        return this.#size(bytes, at);
      default:
        return this.#data(bytes, at);
    }
  }

  #head(bytes, at) {
    const end = bytes.indexOf(HEAD_END, at);
    if (end < 0) return undefined;
    const head = bytes.latin1Slice(at, end);
    const status = Number(head.slice(9, 12));
    if (status !== 200) throw new Error(`answered ${status}: ${bytes.latin1Slice(end + 4, end + 160)}`);
    const length = /\r\ncontent-length: *(\d+)/i.exec(head);
    if (!length && !/\r\ntransfer-encoding: *chunked/i.test(head)) throw new Error('a body of unknown length');
    this.chunked = !length;
    this.left = length ? Number(length[1]) : 0;
    this.state = length ? 'data' : 'size';
    return end + 4;
  }

  #size(bytes, at) {
    const end = bytes.indexOf('\r\n', at);
    if (end < 0) return undefined;
    this.left = Number.parseInt(bytes.latin1Slice(at, end), 16);
    if (!(this.left >= 0)) throw new Error('no size of a chunk');
    // The chunk's own line break is skipped with it; the last chunk is empty.
    this.last = this.left === 0;
    this.state = this.last ? 'break' : 'data';
    return end + 2;
  }

  #data(bytes, at) {
    if (this.state === 'break') {
      if (bytes.length - at < 2) return undefined;
      this.state = this.last ? 'head' : 'size';
      if (this.last) this.onEnd();
      return at + 2;
    }
    const end = Math.min(bytes.length, at + this.left);
    this.left -= end - at;
    if (end > at) this.onPiece(bytes.subarray(at, end));
    if (this.left === 0) {
      this.state = this.chunked ? 'break' : 'head';
      if (!this.chunked) this.onEnd();
    }
    return end;
  }
}
