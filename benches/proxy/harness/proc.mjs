// What /proc tells of a server that may be several processes: CPU, memory, who its children are. Linux only.
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** A process may end while it is read; what it had is then left out. */
function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** The process and all that it has started, as nginx and LiteLLM have workers. */
export function family(pid) {
  const threads = readThreads(pid);
  const children = threads.flatMap((thread) => read(`/proc/${pid}/task/${thread}/children`).split(' ').filter(Boolean));
  return [pid, ...children.flatMap((child) => family(Number(child)))];
}

function readThreads(pid) {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

/** utime + stime of all in µs, in ticks of 10 ms: windows are seconds. */
export function cpuUs(pids) {
  return sum(pids, (pid) => {
    const text = read(`/proc/${pid}/stat`);
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 1e4;
  });
}

/** Resident memory of all in KiB. What workers share counts once for each; a difference of two readings is exact. */
export const rssKib = (pids) => sum(pids, (pid) => Number(/VmRSS:\s+(\d+) kB/.exec(read(`/proc/${pid}/status`))?.[1]));

const sum = (pids, figure) => pids.reduce((total, pid) => total + (figure(pid) || 0), 0);

/** CPU of the whole machine. */
function machineUs() {
  const [user, nice, system, , , irq, softIrq] = read('/proc/stat').split('\n')[0].trim().split(/\s+/).slice(1);
  return [user, nice, system, irq, softIrq].reduce((total, ticks) => total + Number(ticks) * 1e4, 0);
}

/** CPU of the children that this process has had and waited for. */
export function pastChildrenUs() {
  const text = read('/proc/self/stat');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[13]) + Number(fields[14])) * 1e4;
}

/** `generatorUs` says what the load generator has taken so far. */
export const snapshot = ({ pids, upstreamPid }, generatorUs) => ({
  ms: performance.now(),
  proxy: cpuUs(pids),
  upstream: cpuUs([upstreamPid]),
  generator: generatorUs(),
  machine: machineUs(),
});

/**
 * What a window has cost. `othersCores` is what the machine did for nobody of the three: beside a busy neighbour rates
 * and delays mean little.
 */
export function costs(from, to, units, { pids }) {
  const ms = to.ms - from.ms;
  const spent = (name) => to[name] - from[name];
  const others = spent('machine') - spent('proxy') - spent('upstream') - spent('generator');
  return {
    units,
    ms,
    rate: (units / ms) * 1e3,
    cpuUs: pids.length > 0 ? spent('proxy') / units : undefined,
    upstreamUs: spent('upstream') / units,
    generatorCores: spent('generator') / 1e3 / ms,
    othersCores: Math.max(0, others / 1e3 / ms),
  };
}

/** Beside a neighbour that takes more than this a figure is not to be believed. */
export const MOST_FOR_OTHERS = 0.2;
const LOOK_MS = 300;

/** Waits until the machine does little, but not for ever: true when it came to that. To be asked when no load runs. */
export async function quiet(limitMs) {
  const until = performance.now() + limitMs;
  while (performance.now() < until) {
    const from = machineUs();
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    if ((machineUs() - from) / 1e3 / LOOK_MS < MOST_FOR_OTHERS) return true;
  }
  return false;
}

export const cores = availableParallelism();

/** How many files a process started from here may have open: Node raises its own to the hard limit, children inherit. */
export function openFiles() {
  const [, soft] = /Max open files\s+(\S+)/.exec(read('/proc/self/limits')) ?? [];
  return soft === 'unlimited' ? Infinity : Number(soft);
}
