// The counters of one process: wall clock in µs, CPU of process, JavaScript thread and server, peak memory.
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';

/** Linux only; elsewhere the figure is left out rather than guessed. */
function read(path, pick) {
  try {
    return pick(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

/** CPU of the JavaScript thread in µs: it is the thread whose id is the process's. */
const mainCpuUs = () => read(`/proc/self/task/${process.pid}/schedstat`, (text) => Number(text.split(' ')[0]) / 1e3);

/** CPU of the server in µs, in ticks of 10 ms: enough to see whether the server was the bottleneck. */
export const serverCpuUs = (pid) =>
  pid &&
  read(`/proc/${pid}/stat`, (text) => {
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 1e4;
  });

/** Peak resident memory in MB (10^6 bytes). */
export const peakRssMb = () =>
  (read('/proc/self/status', (text) => Number(/VmHWM:\s+(\d+) kB/.exec(text)[1])) ?? process.resourceUsage().maxRSS) *
  1.024e-3;

export function snapshot(serverPid) {
  const { user, system } = process.cpuUsage();
  return { ms: performance.now(), cpu: user + system, main: mainCpuUs(), server: serverCpuUs(serverPid) };
}

/** Difference of two snapshots per unit of work. */
export function costs(from, to, units) {
  const ms = to.ms - from.ms;
  return {
    units,
    ms,
    rate: (units / ms) * 1e3,
    cpuUs: (to.cpu - from.cpu) / units,
    mainUs: to.main === undefined ? undefined : (to.main - from.main) / units,
    serverCores: to.server === undefined ? undefined : (to.server - from.server) / 1e3 / ms,
  };
}

/**
 * µs since the Unix epoch with the resolution of performance.now(). timeOrigin alone can be off by a few hundred µs,
 * so it is corrected at the edges of Date.now(); a late look only makes the correction too small: take the largest.
 */
export function wallClock() {
  let correction = -Infinity;
  for (let i = 0; i < 5; i++) {
    const before = Date.now();
    let edge = before;
    while (edge === before) edge = Date.now();
    correction = Math.max(correction, edge - (performance.timeOrigin + performance.now()));
  }
  const origin = performance.timeOrigin + correction;
  return () => (origin + performance.now()) * 1e3;
}

/** p50 and p99 of a list of numbers. */
export function percentiles(values) {
  if (values.length === 0) return {};
  const sorted = Float64Array.from(values).sort();
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  return { p50: at(0.5), p99: at(0.99) };
}
