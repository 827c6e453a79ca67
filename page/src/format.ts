// Numbers as they are read at a glance: two or three digits and a unit.

const NONE = '–';

/** Milliseconds. */
export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return NONE;
  if (ms < 0.095) return `${Math.round(ms * 1000)} µs`;
  if (ms < 10) return `${short(ms, 1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${short(ms / 1000, ms < 10_000 ? 2 : 1)} s`;
  if (ms < 3_600_000) return `${short(ms / 60_000, 1)} min`;
  return `${short(ms / 3_600_000, 1)} h`;
}

export function count(value: number | null | undefined): string {
  if (value === null || value === undefined) return NONE;
  if (value < 10_000) return short(value, value < 10 ? 1 : 0);
  if (value < 1_000_000) return `${short(value / 1000, value < 100_000 ? 1 : 0)}k`;
  return `${short(value / 1_000_000, 1)}M`;
}

/** A share of one. */
export function percent(share: number | null | undefined): string {
  return share === null || share === undefined ? NONE : `${Math.round(share * 100)} %`;
}

/** US dollars; small sums keep two digits that count. */
export function dollars(sum: number | null | undefined): string {
  if (sum === null || sum === undefined) return NONE;
  if (sum === 0) return '$0';
  if (sum >= 0.1) return `$${sum.toFixed(2)}`;
  return `$${sum.toFixed(Math.min(8, 1 - Math.floor(Math.log10(sum))))}`;
}

export function clock(at: number, seconds = true): string {
  const time = new Date(at);
  const parts = [time.getHours(), time.getMinutes(), ...(seconds ? [time.getSeconds()] : [])];
  return parts.map((part) => String(part).padStart(2, '0')).join(':');
}

/** With at most so many decimals, and none that says nothing. */
function short(value: number, decimals: number): string {
  return String(Number(value.toFixed(decimals)));
}
