/*
 * Many streams at once through one proxy; one process, one JSON line.
 *
 * Measured: text deltas in a window of time with the proxy's CPU in it, or with `idle` the proxy's memory before and
 * while all streams are open and silent. Paced events carry the time at which the simulator wrote them.
 * Kept honest: the window opens after the warm-up and when every stream has had its first delta, and is not drained
 * inside; every stream's number of deltas is checked, one failure fails the run; every stream has a prompt of its own.
 */
import { randomUUID } from 'node:crypto';
import { STAMP_LENGTH } from '../../node/cases.mjs';
import { percentiles, wallClock } from '../../node/harness/counters.mjs';
import { costs, cpuUs, rssKib, snapshot } from '../harness/proc.mjs';
import { Connection, requests } from './http1.mjs';

const job = JSON.parse(process.argv[2]);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const DELTA = '"text_delta","text":"';
/** What may be cut off at the end of a piece and still be the beginning of a delta with its stamp. */
const CARRY = DELTA.length + (job.paced ? STAMP_LENGTH : 0) - 1;
const SPREAD_MS = 2_000;
const FEW = 100;
const connections = [];
const request = requests(job, randomUUID(), { stream: true });
const state = { units: 0, started: 0, delays: [], recording: false };
const now = job.paced ? wallClock() : undefined;

/** Counts the deltas of one stream in pieces that are cut anywhere. */
function counter() {
  let carried = '';
  let seen = 0;
  return {
    piece(bytes) {
      const text = carried + bytes.latin1Slice(0, bytes.length);
      const arrived = state.recording && now ? now() : 0;
      let from = 0;
      for (let at = text.indexOf(DELTA); at >= 0; at = text.indexOf(DELTA, from)) {
        if (job.paced && at + CARRY >= text.length) break;
        from = at + DELTA.length;
        if (seen++ === 0) state.started++;
        state.units++;
        if (arrived) state.delays.push(arrived - Number(text.slice(from, from + STAMP_LENGTH)));
      }
      carried = text.slice(Math.max(from, text.length - CARRY));
    },
    end() {
      if (seen !== job.script.events) fail(new Error(`a stream of ${job.script.events} deltas ended after ${seen}`));
      carried = '';
      seen = 0;
    },
  };
}

function open() {
  const count = counter();
  const ended = () => {
    count.end();
    connection.send(request());
  };
  const connection = new Connection(job.url, { onPiece: count.piece, onEnd: ended, onError: fail });
  connection.send(request());
  connections.push(connection);
}

/** Slow streams start spread over two seconds: users are not in step, and no backlog of connections overflows. */
async function openAll(streams) {
  const isSlow = job.paced || job.idle;
  for (let i = 0; i < streams; i++) {
    open();
    if (isSlow && i % 10 === 9) await sleep((SPREAD_MS / streams) * 10);
  }
  while (state.started < streams) await sleep(20);
}

const counters = () => ({ units: state.units, ...snapshot(job, () => cpuUs([process.pid])) });

async function measureWindow() {
  await openAll(job.streams);
  await sleep(job.warmMs);
  const from = counters();
  state.recording = true;
  await sleep(job.windowMs);
  const to = counters();
  const units = to.units - from.units;
  if (!(units > 0)) throw new Error('no event in the window');
  const delay = percentiles(state.delays);
  return { ...costs(from, to, units, job), delayP50Us: delay.p50, delayP99Us: delay.p99 };
}

/** The proxy serves a few first, so that what it needs once is not laid on the streams. */
async function measureIdle() {
  await openAll(FEW);
  for (const connection of connections.splice(0)) connection.destroy();
  await sleep(job.warmMs);
  const before = rssKib(job.pids);
  state.started = 0;
  await openAll(job.streams);
  await sleep(job.warmMs);
  return { rssBeforeKib: before, rssPerStreamKib: (rssKib(job.pids) - before) / job.streams };
}

function fail(error) {
  process.stdout.write(`${JSON.stringify({ error: error.message })}\n`);
  process.exit(1);
}

setTimeout(() => fail(new Error(`timed out: ${state.started} streams had begun`)), job.limitMs).unref();
// The streams are cut off on purpose: the process ends with the measurement.
(job.idle ? measureIdle() : measureWindow()).then((line) => {
  process.stdout.write(`${JSON.stringify(line)}\n`);
  process.exit(0);
}, fail);
