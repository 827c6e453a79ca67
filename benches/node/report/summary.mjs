// Medians and ratios: from lists of measured pairs to one record per case and peer.

const METRICS = [
  'rate',
  'cpuUs',
  'mainUs',
  'p50Ms',
  'p99Ms',
  'delayP50Us',
  'delayP99Us',
  'rssMb',
  'serverCores',
  'wakeUps',
];

export function median(values) {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : sorted.length ? (sorted[middle - 1] + sorted[middle]) / 2 : undefined;
}

export function spread(values) {
  const finite = values.filter(Number.isFinite);
  if (finite.length === 0) return undefined;
  return { median: round(median(finite)), min: round(Math.min(...finite)), max: round(Math.max(...finite)) };
}

/** Four digits: more would pretend. */
export const round = (value) => (value === undefined ? undefined : Number(value.toPrecision(4)));

const medians = (lines) =>
  Object.fromEntries(METRICS.map((name) => [name, round(median(lines.map((line) => line[name])))]));

/** One record per case and peer; `ratio` is always ours divided by theirs. */
export function summarise(results) {
  return results.map(({ fields, peer, pairs, half, error }) => {
    const side = (name) => [...pairs, ...(half ? [half] : [])].map((pair) => pair[name]).filter(Boolean);
    const ratios = METRICS.map((name) => [name, spread(pairs.map(({ ours, theirs }) => ours[name] / theirs[name]))]);
    const extra = pairs.map(({ ours, theirs }) => ours.cpuUs - theirs.cpuUs);
    return {
      case: fields.name,
      unit: fields.unit,
      oursName: fields.ours,
      peer,
      pairs: pairs.length,
      ours: medians(side('ours')),
      theirs: medians(side('theirs')),
      ratio: Object.fromEntries(ratios.filter(([, value]) => value)),
      extraCpuUs: spread(extra),
      note: side('theirs')[0]?.note,
      error,
    };
  });
}

export function summariseLoad(load) {
  return load.map(({ peer, runs, error }) => ({
    peer,
    importMs: round(median(runs.map(({ importMs }) => importMs))),
    firstMs: round(median(runs.map(({ firstMs }) => firstMs))),
    rssMb: round(median(runs.map(({ rssMb }) => rssMb))),
    error,
  }));
}
