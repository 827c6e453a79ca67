// The targets as data, and the verdict on each: met, missed, or not measured in this run.

const find = (all, name, right, left = 'trae') =>
  all.find((record) => record.case === name)?.duels.find((duel) => duel.left === left && duel.right === right);

const ratio = (name, peer, metric) => (all) => find(all, name, peer)?.ratio[metric]?.median;
const own = (name, metric) => (all) => all.find((record) => record.case === name)?.proxies.trae?.[metric];
const added = (name, metric) => (all) => find(all, name, 'direct')?.added[metric]?.median;
const overhead = (metric) => (all) => find(all, 'overhead', 'direct')?.leftMedians[metric];

/** No proxy can be further from a peer than nobody in between is: on few cores that can be less than the target. */
function ceiling(name, peer) {
  return (all) => {
    const proxies = all.find((record) => record.case === name)?.proxies;
    const most = proxies?.direct?.rate / proxies?.[peer]?.rate;
    return Number.isFinite(most) ? `without any proxy ${most.toPrecision(3)}` : undefined;
  };
}

const atLeast = (name, what, limit, value, note) => ({ name, what, limit, value, note, unit: 'x', sign: '≥' });
const atMost = (name, what, limit, value, unit) => ({ name, what, limit, value, unit, sign: '≤' });

const rate = (name, title, peer, limit) =>
  atLeast(name, `${title} against ${peer}`, limit, ratio(name, peer, 'rate'), ceiling(name, peer));

const rates = (name, title) => [
  rate(name, title, 'nginx', 0.5),
  rate(name, title, 'nginx-1', 0.5),
  rate(name, title, 'undici', 4),
  rate(name, title, 'portkey', 4),
  rate(name, title, 'litellm', 20),
  atMost(name, `${title}: CPU against nginx`, 2, ratio(name, 'nginx', 'cpuUs'), 'x'),
  atMost(name, `${title}: CPU against undici`, 0.25, ratio(name, 'undici', 'cpuUs'), 'x'),
];

const TARGETS = [
  ...rates('unary', 'requests/s'),
  ...rates('streams', 'events/s'),
  atMost('paced', '2,000 paced streams: added delay p99', 1_000, added('paced', 'delayP99Us'), ' µs'),
  atMost('idle', '2,000 silent streams: memory of each', 40, own('idle', 'rssPerStreamKib'), ' KiB'),
  atMost('overhead', 'half load: own overhead p50', 60, overhead('ownP50Us'), ' µs'),
  atMost('overhead', 'half load: own overhead p99', 1_000, overhead('ownP99Us'), ' µs'),
  atMost('overhead', 'half load: added latency p50', 60, added('overhead', 'p50Us'), ' µs'),
  atMost('overhead', 'half load: added latency p99', 1_000, added('overhead', 'p99Us'), ' µs'),
];

/** Of the cases that were chosen. */
export function judge(all) {
  const named = new Set(all.map((record) => record.case));
  return TARGETS.filter(({ name }) => named.has(name)).map(({ what, sign, limit, unit, value: figure, note }) => {
    const value = figure(all);
    const met = sign === '≥' ? value >= limit : value <= limit;
    const verdict = Number.isFinite(value) ? (met ? 'met' : 'missed') : 'not measured';
    const measured = Number.isFinite(value) ? Number(value.toPrecision(3)) : undefined;
    return { what, target: `${sign} ${limit}${unit}`, measured, verdict, note: note?.(all) };
  });
}
