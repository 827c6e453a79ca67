// A call's way as a bar: what it waited for, and how long.

import type { Entry, Timeline } from '../contract.js';
import { make, makeSvg } from '../dom.js';
import { duration } from '../format.js';

export interface Phase {
  name: string;
  /** In milliseconds from the begin. */
  from: number;
  to: number;
}

const NAMES = ['queue', 'connect', 'first byte', 'first event', 'stream'];

/** The phases that the proxy knows of, one after the other; `now` ends a call that has not ended. */
export function phases({ timeline, state }: Entry, elapsed: number): Phase[] {
  const { queuedMs, connectMs, firstByteMs, firstEventMs, totalMs } = timeline;
  const connected = (queuedMs ?? 0) + (connectMs ?? 0);
  const ends = [
    queuedMs,
    connectMs === null ? null : connected,
    firstByteMs,
    firstEventMs,
    end(timeline, state, elapsed),
  ];
  const total = totalMs ?? Math.max(elapsed, connected, firstByteMs ?? 0, firstEventMs ?? 0);
  const all: Phase[] = [];
  let from = 0;
  for (const [at, name] of NAMES.entries()) {
    const known = ends[at];
    if (known === null || known === undefined) continue;
    // Clocks of several places: none goes back, and none past the end.
    const to = Math.min(Math.max(known, from), total);
    if (to > from) all.push({ name: nameOf(name, timeline), from, to });
    from = to;
  }
  return all;
}

function end({ totalMs }: Timeline, state: Entry['state'], elapsed: number): number | null {
  return totalMs ?? (state === 'active' ? elapsed : null);
}

/** Before the first byte a call streams nothing: what is left is the wait for that. */
function nameOf(name: string, { firstByteMs, firstEventMs }: Timeline): string {
  if (name !== 'stream') return name;
  if (firstByteMs === null) return 'first byte';
  return firstEventMs === null ? 'body' : name;
}

const classOf = (name: string) => (name === 'body' ? 'stream' : name.replace(' ', '-'));

/** A bar whose full width is `longest` milliseconds. */
export function bar(all: Phase[], longest: number, isActive: boolean): SVGSVGElement {
  const share = (ms: number) => Math.min(100, (ms * 100) / Math.max(longest, 0.001));
  const said = all.map(({ name, from, to }) => `${name} ${duration(to - from)}`).join(', ');
  const drawn = all.map(({ name, from, to }) =>
    makeSvg('rect', {
      class: classOf(name),
      x: `${share(from)}%`,
      width: `${share(to - from)}%`,
      y: 0,
      height: '100%',
    }),
  );
  const isTiny = share(all.at(-1)?.to ?? 0) < 1;
  const main = all.reduce<Phase | undefined>((a, b) => (a && a.to - a.from >= b.to - b.from ? a : b), undefined);
  return makeSvg(
    'svg',
    { class: isActive ? 'bar-line waits' : 'bar-line', role: 'img', 'aria-label': said || 'no times' },
    // A short one is seen at least as a mark.
    isTiny && main && makeSvg('rect', { class: classOf(main.name), width: 2, height: '100%' }),
    ...(isTiny ? [] : drawn),
  );
}

/** What the colours mean. */
export const key = (): HTMLElement[] => NAMES.map((name) => make('li', { class: classOf(name) }, name));
