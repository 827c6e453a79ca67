// Tells the main thread when requests are due: a Poisson process, since users don't wait for each other.
// Its own thread, as timers of the event loop come in steps of a millisecond, and a burst each millisecond would queue
// in every proxy. The kernel wakes this one up to about 60 µs late.
import { parentPort, workerData } from 'node:worker_threads';

const MOST_AT_ONCE = 64;
const cell = new Int32Array(new SharedArrayBuffer(4));
const start = performance.now();
const endsAt = start + workerData.ms;
/** The rate grows over the first second: a cold generator and a cold proxy would open a connection for each request. */
const RAMP_MS = 1_000;
const share = (now) => Math.min(1, 0.02 + (now - start) / RAMP_MS);
const gap = (now) => (-Math.log(1 - Math.random()) * 1e3) / (workerData.rate * share(now));

for (let due = start + gap(start), now = start; now < endsAt; now = performance.now()) {
  if (due > now) {
    Atomics.wait(cell, 0, 0, due - now);
    continue;
  }
  let count = 0;
  for (; due <= now && count < MOST_AT_ONCE; due += gap(due)) count++;
  parentPort.postMessage(count);
}
