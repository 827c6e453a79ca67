// HTTP/2 by hand: frames that no library would write.

export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

export const DATA = 0;
export const HEADERS = 1;
export const RST_STREAM = 3;
export const SETTINGS = 4;
export const PING = 6;
export const WINDOW_UPDATE = 8;
export const CONTINUATION = 9;

export const END_STREAM = 1;
export const END_HEADERS = 4;

export function frame(type: number, flags: number, stream: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

export const BEGIN = Buffer.concat([PREFACE, frame(SETTINGS, 0, 0)]);

/** A number of HPACK with so many bits in its first byte, whose others are given. */
function number(first: number, bits: number, value: number): Buffer {
  const most = 2 ** bits - 1;
  if (value < most) return Buffer.from([first | value]);
  const bytes = [first | most];
  let rest = value - most;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Buffer.from([...bytes, rest]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1');
  return Buffer.concat([number(0, 7, bytes.length), bytes]);
}

/** A field that is written out; one that is kept can be named by its index later. */
export function field(name: string, value: string, kept = false): Buffer {
  return Buffer.concat([Buffer.from([kept ? 0x40 : 0]), text(name), text(value)]);
}

/** The field at this place of the tables. */
export const indexed = (index: number): Buffer => number(0x80, 7, index);

export const fields = (all: Record<string, string> | [string, string][]): Buffer =>
  Buffer.concat((Array.isArray(all) ? all : Object.entries(all)).map(([name, value]) => field(name, value)));

export const asking = (path: string, method = 'GET'): Record<string, string> => ({
  ':method': method,
  ':scheme': 'http',
  ':path': path,
  ':authority': '127.0.0.1',
});

export const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
