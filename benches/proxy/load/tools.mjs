// The load generators by name: each measures one window through one proxy and returns one line of figures.
import { fileURLToPath } from 'node:url';
import { run } from '../../node/harness/process.mjs';
import { quantileUs, readHistogram } from './metrics.mjs';
import { measure as wrk } from './wrk.mjs';

const GRACE_MS = 30_000;

/** A generator in Node is a process of its own. */
function generator(file) {
  const path = fileURLToPath(new URL(file, import.meta.url));
  return ({ url, headers, pids }, job) => {
    const limitMs = job.warmMs * 2 + (job.windowMs ?? 0) + GRACE_MS;
    return run(process.execPath, [path, JSON.stringify({ ...job, url, headers, pids, limitMs })], { limitMs });
  };
}

const openLoop = generator('open_loop.mjs');

/** Warm-up included, since the page counts from the start: the rate is the same in both. */
async function overhead(proxy, job) {
  const before = await readHistogram(proxy.metrics);
  const line = await openLoop(proxy, job);
  const after = await readHistogram(proxy.metrics);
  return { ...line, ownP50Us: quantileUs(before, after, 0.5), ownP99Us: quantileUs(before, after, 0.99) };
}

export const TOOLS = { wrk, streams: generator('streams.mjs'), openLoop: overhead };
