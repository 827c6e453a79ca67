// Which figures are plotted, and how.

import { count, duration, percent } from '../format.js';
import type { Line, PlotOptions } from './plot.js';

const rate: Line[] = [
  { label: 'requests', color: '--blue', isFilled: true, of: ({ sample }) => sample?.requests },
  { label: 'errors', color: '--red', isRare: true, of: ({ sample }) => sample?.errors },
];

const percentiles = (of: 'firstEventMs' | 'totalMs'): Line[] => [
  { label: 'p50', color: '--teal', of: ({ sample }) => sample?.[of]?.p50 },
  { label: 'p90', color: '--blue', of: ({ sample }) => sample?.[of]?.p90 },
  { label: 'p99', color: '--amber', of: ({ sample }) => sample?.[of]?.p99 },
];

const ratio: Line[] = [{ label: 'of 10 s', color: '--teal', isFilled: true, of: ({ ratio }) => ratio }];

const load: Line[] = [
  { label: 'in flight', color: '--blue', isFilled: true, of: ({ sample }) => sample?.inFlight },
  { label: 'streams', color: '--teal', of: ({ sample }) => sample?.streams },
  { label: 'waiting', color: '--amber', isRare: true, of: ({ sample }) => sample?.waiting },
];

const tokens: Line[] = [
  { label: 'output', color: '--blue', isFilled: true, of: ({ sample }) => sample?.tokens.output },
  { label: 'input', color: '--teal', of: ({ sample }) => sample?.tokens.input },
];

export const PLOTS: PlotOptions[] = [
  { title: 'Requests per second', lines: rate, format: count, atLeast: 4, isWhole: true },
  { title: 'First event', lines: percentiles('firstEventMs'), format: duration, atLeast: 1 },
  { title: 'Whole answer', lines: percentiles('totalMs'), format: duration, atLeast: 1 },
  { title: 'Answered by the cache', lines: ratio, format: percent, atLeast: 1, most: 1 },
  { title: 'In flight and waiting', lines: load, format: count, atLeast: 4, isWhole: true },
  { title: 'Tokens per second', lines: tokens, format: count, atLeast: 10, isWhole: true },
];
