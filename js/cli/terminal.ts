// How a line looks: coloured on a terminal, plain everywhere else.

import type { WriteStream } from 'node:tty';

const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;

export type Paint = Record<keyof typeof CODES, (text: string) => string>;

/** By what the terminal says, NO_COLOR and FORCE_COLOR included. */
export function paint(to: Partial<Pick<WriteStream, 'isTTY' | 'hasColors'>>): Paint {
  const coloured = to.isTTY === true && to.hasColors?.() === true;
  const with_ = (code: number) => (text: string) => (coloured ? `\x1b[${code}m${text}\x1b[0m` : text);
  return Object.fromEntries(Object.entries(CODES).map(([name, code]) => [name, with_(code)])) as Paint;
}

/** A number of milliseconds as people say it. */
export function took(ms: number): string {
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  return ms < 10_000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** A number of milliseconds as programs read it: what is finer than a tenth is noise. */
export function rounded(ms: number): number {
  return Math.round(ms * 10) / 10;
}
