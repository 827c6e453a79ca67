// A caller that writes what no client would: bytes on a socket, and what came back for them.

import { connect, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { until } from './simulator.mts';

export class Raw {
  readonly socket: Socket;
  /** All that came, a character for each byte. */
  text = '';
  /** The other side has ended, or the connection broke. */
  closed = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (piece) => (this.text += piece.toString('latin1')));
    socket.on('error', () => {});
    // Half closed is closed: nothing more will come.
    for (const event of ['end', 'close']) socket.on(event, () => (this.closed = true));
  }

  static async open(t: TestContext, url: string): Promise<Raw> {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    const raw = new Raw(socket);
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    t.after(() => socket.destroy());
    return raw;
  }

  write(bytes: string | Uint8Array): this {
    if (this.socket.writable) this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
    return this;
  }

  /** Takes nothing from here on. */
  pause(): this {
    this.socket.pause();
    return this;
  }

  ended(ms?: number): Promise<void> {
    return until(() => this.closed, `the connection is closed after ${JSON.stringify(this.text.slice(0, 200))}`, ms);
  }

  has(part: string, ms?: number): Promise<void> {
    return until(() => this.text.includes(part), `${part} in ${JSON.stringify(this.text.slice(-200))}`, ms);
  }

  /** Statuses of all answers, those of interim ones left out. */
  get statuses(): number[] {
    const all = [...this.text.matchAll(/HTTP\/1\.[01] (\d{3})/g)].map(([, status]) => Number(status));
    return all.filter((status) => status >= 200);
  }
}

/** What comes for these bytes until the connection is closed or, kept open, until the time is over. */
export async function exchange(t: TestContext, url: string, bytes: string | Uint8Array, ms = 1500): Promise<Raw> {
  const raw = await Raw.open(t, url);
  raw.write(bytes);
  const end = Date.now() + ms;
  await until(() => raw.closed || Date.now() > end, 'the end', ms + 1000);
  return raw;
}
