/*
 * One peer, one case, one process; prints one JSON line.
 *
 * Measured: units of work (answers, or text deltas of streams) in a window of time while a fixed number of calls is
 * kept in flight, with the CPU of the process, of its JavaScript thread and of the server in the same window.
 * Kept honest: the load runs for over a second before the window opens (warm-up, JIT, connections) and is not drained inside it, so
 * neither start nor tail counts; every answer's id and every stream's number of events are checked, and one failure
 * fails the run; every peer parses every event and touches its text; the same bytes are asked of the same server.
 */
import { costs, peakRssMb, percentiles, snapshot, wallClock } from './harness/counters.mjs';
import { peerModule, setupOf } from './harness/setup.mjs';
import { createWork } from './harness/work.mjs';

const job = JSON.parse(process.argv[2]);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Keeps `concurrency` calls in flight until the process ends, and measures a window of it. */
async function measureWindow(work) {
  const workers = Array.from({ length: job.concurrency }, async (_, i) => {
    if (job.paced) await sleep(((i / job.concurrency) * job.script.paceUs) / 1e3);
    while (!work.ended) await work.once();
  });
  const failed = Promise.all(workers);
  await Promise.race([failed, job.paced ? work.allStarted : sleep(0)]);
  await Promise.race([failed, sleep(job.warmMs)]);
  const before = snapshot(job.serverPid);
  const counted = work.counters();
  work.record();
  await Promise.race([failed, sleep(job.windowMs)]);
  const after = snapshot(job.serverPid);
  const units = work.units - counted.units;
  work.ended = true;
  if (!(units > 0)) throw new Error('no unit of work in the window');
  return { ...costs(before, after, units), ...perUnit(counted, work.counters(), units) };
}

/**
 * A fixed number of calls instead of a window, where a window would lie: results that come only at the end of a stream,
 * and calls that never leave the microtask queue, so that no timer could close the window.
 */
async function measureRound(work) {
  const worker = async () => {
    for (let i = 0; i < job.round; i++) await work.once();
  };
  const round = () => Promise.all(Array.from({ length: job.concurrency }, worker));
  await round();
  const before = snapshot(job.serverPid);
  const counted = work.counters();
  work.record();
  await round();
  const after = snapshot(job.serverPid);
  const units = work.units - counted.units;
  return { ...costs(before, after, units), ...perUnit(counted, work.counters(), units) };
}

/** Wake-ups of the JavaScript thread, for a peer that counts them. */
function perUnit(from, to, units) {
  return to.wakeUps === undefined ? {} : { wakeUps: (to.wakeUps - from.wakeUps) / units };
}

async function main() {
  const { open } = await peerModule(job.peer);
  const peer = await open(setupOf(job));
  const work = createWork(peer, job, job.script?.stamp ? wallClock() : undefined);
  const measured = await (job.round ? measureRound(work) : measureWindow(work));
  const latency = percentiles(work.latencies);
  const delay = percentiles(work.delays);
  const line = {
    ...measured,
    p50Ms: latency.p50,
    p99Ms: latency.p99,
    delayP50Us: delay.p50,
    delayP99Us: delay.p99,
    rssMb: peakRssMb(),
    note: peer.note ?? (job.h2 && job.peer !== job.ours ? 'HTTP/1.1' : undefined),
  };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

const watchdog = setTimeout(() => fail(new Error('timed out')), job.limitMs);

function fail(error) {
  const cause = error?.cause?.message ?? error?.cause?.code;
  process.stdout.write(`${JSON.stringify({ error: `${error?.message ?? error}${cause ? `: ${cause}` : ''}` })}\n`);
  process.exit(1);
}

// The streams of a window are cut off on purpose: the process ends with the measurement.
main()
  .then(() => process.exit(0), fail)
  .finally(() => clearTimeout(watchdog));
