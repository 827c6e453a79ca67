/*
 * Requests at a fixed mean rate through one proxy, whether or not answers come; one process, one JSON line.
 *
 * Measured: the time from when a request is due to the end of its answer, p50 and p99.
 * Kept honest: a request that is due is sent at once where one of the connections is free, otherwise it waits, and its
 * wait counts; a run in which too many wait, or that fell behind its rate, fails instead of showing a kind figure.
 */
import { randomUUID } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import { percentiles } from '../../node/harness/counters.mjs';
import { costs, cpuUs, snapshot } from '../harness/proc.mjs';
import { Connection, requests } from './http1.mjs';

const CONNECTIONS = 128;
const MOST_WAITING = 4_000;
const LEAST_SENT = 0.97;
const job = JSON.parse(process.argv[2]);
const request = requests(job, randomUUID());
const state = { sent: 0, latencies: [], recording: false };
const free = [];
const waiting = [];

function connection() {
  const made = new Connection(job.url, {
    onPiece: () => {},
    onEnd: () => {
      if (state.recording) state.latencies.push(performance.now() - made.dueAt);
      if (waiting.length > 0) start(made, waiting.shift());
      else free.push(made);
    },
    onError: fail,
  });
  return made;
}

/** On the connection used last: a few are warm then, as in a pool. */
function due() {
  const now = performance.now();
  if (free.length > 0) return start(free.pop(), now);
  waiting.push(now);
  if (waiting.length > MOST_WAITING) fail(new Error(`more than ${MOST_WAITING} requests wait at ${job.rate}/s`));
}

function start(connection, dueAt) {
  connection.dueAt = dueAt;
  state.sent++;
  connection.send(request());
}

function fail(error) {
  process.stdout.write(`${JSON.stringify({ error: error.message })}\n`);
  process.exit(1);
}

const counters = () => ({ sent: state.sent, ...snapshot(job, () => cpuUs([process.pid])) });

async function main() {
  for (let i = 0; i < CONNECTIONS; i++) free.push(connection());
  const pacer = new Worker(new URL('pacer.mjs', import.meta.url), {
    workerData: { rate: job.rate, ms: job.warmMs + job.windowMs + 200 },
  });
  pacer.on('message', (count) => {
    while (count-- > 0) due();
  });
  await new Promise((resolve) => setTimeout(resolve, job.warmMs));
  const from = counters();
  state.recording = true;
  await new Promise((resolve) => setTimeout(resolve, job.windowMs));
  state.recording = false;
  const to = counters();
  const line = costs(from, to, to.sent - from.sent, job);
  if (line.rate < job.rate * LEAST_SENT)
    throw new Error(`${Math.round(line.rate)} of ${job.rate} requests/s were sent`);
  const { p50, p99 } = percentiles(state.latencies);
  return { ...line, p50Us: p50 * 1e3, p99Us: p99 * 1e3 };
}

setTimeout(() => fail(new Error('timed out')), job.limitMs).unref();
main().then((line) => {
  process.stdout.write(`${JSON.stringify(line)}\n`);
  process.exit(0);
}, fail);
