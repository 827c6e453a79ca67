// What ours says of its own overhead: a histogram of its page of metrics, over one window.

const NAME = 'trae_proxy_overhead_seconds';

/** Counts up to each bound, of all labels together. */
export async function readHistogram(url) {
  if (!url) return undefined;
  const page = await (await fetch(url)).text();
  const counts = new Map();
  for (const [, labels, count] of page.matchAll(new RegExp(`^${NAME}_bucket\\{(.*)\\} (\\d+)`, 'gm'))) {
    const le = /le="([^"]+)"/.exec(labels)[1];
    const bound = le === '+Inf' ? Infinity : Number(le);
    counts.set(bound, (counts.get(bound) ?? 0) + Number(count));
  }
  return counts;
}

/** A quantile in µs of what came between two readings, straight between two bounds as Prometheus does. */
export function quantileUs(from, to, share) {
  if (!to?.size) return undefined;
  const steps = [...to].sort(([a], [b]) => a - b).map(([bound, count]) => [bound, count - (from.get(bound) ?? 0)]);
  const wanted = share * steps.at(-1)[1];
  let [below, before] = [0, 0];
  for (const [bound, count] of steps) {
    if (count >= wanted && count > before)
      return (Number.isFinite(bound) ? below + ((bound - below) * (wanted - before)) / (count - before) : below) * 1e6;
    [below, before] = [bound, count];
  }
  return undefined;
}
