// One call of a peer, checked and counted: the part of the harness that runs inside the measured window.
import { performance } from 'node:perf_hooks';
import { STAMP_LENGTH } from '../cases.mjs';

/** `now` is given when events carry the server's stamp; then each one's delay is kept. */
export function createWork(peer, job, now) {
  const work = { units: 0, ended: false, latencies: [], delays: [], recording: false, allStarted: undefined };
  const started = waitForStarts(job.concurrency);
  work.allStarted = started.all;
  work.record = () => (work.recording = true);
  work.counters = () => ({ units: work.units, wakeUps: peer.counters?.()?.wakeUps });
  const reads = peer.read ?? job.reads;
  const options = { events: job.script?.events, now: job.paced && now, started };
  const once = { unary, stream, text, final }[reads](peer, work, options);
  work.once = async () => {
    const start = performance.now();
    await once();
    if (work.recording && reads === 'unary') work.latencies.push(performance.now() - start);
  };
  return work;
}

/** Resolves when as many streams as are meant to run at once have had their first event. */
function waitForStarts(wanted) {
  let count = 0;
  let done;
  const all = new Promise((resolve) => (done = resolve));
  return { all, add: () => ++count === wanted && done() };
}

function unary(peer, work) {
  return async () => {
    const id = await peer.unary();
    if (typeof id !== 'string' || id === '') throw new Error('answer without an id');
    work.units++;
  };
}

function stream(peer, work, { events, now, started }) {
  return async () => {
    let seen = 0;
    await peer.stream((event) => {
      if (event.type === 'error') throw new Error(event.error.message);
      if (event.type !== 'content_block_delta') return;
      if (event.delta.text.length === 0) throw new Error('empty delta');
      if (seen++ === 0) started.add();
      work.units++;
      if (now && work.recording) work.delays.push(now() - Number(event.delta.text));
    });
    if (seen !== events) throw new Error(`stream of ${events} events ended after ${seen}`);
  };
}

/** Texts may come joined: stamped deltas have a known length, so characters count events. */
function text(peer, work, { events }) {
  return async () => {
    let length = 0;
    await peer.text((part) => {
      length += part.length;
      work.units += part.length / STAMP_LENGTH;
    });
    if (length !== events * STAMP_LENGTH) throw new Error(`text of ${length} characters`);
  };
}

function final(peer, work, { events }) {
  return async () => {
    const whole = await peer.final();
    if (whole.length !== events * STAMP_LENGTH) throw new Error(`text of ${whole.length} characters`);
    work.units += events;
  };
}
