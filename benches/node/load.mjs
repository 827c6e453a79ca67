/*
 * What a package costs before it has done anything; one process, one peer, one JSON line.
 *
 * Measured: the time of `import` in a fresh process, the first request after it (connection included), peak memory.
 * Kept honest: nothing else is imported before except this file's helpers; every package is imported once unmeasured
 * by run.mjs first, so that all come from the page cache.
 */
import { performance } from 'node:perf_hooks';
import { peakRssMb } from './harness/counters.mjs';
import { peerModule, setupOf } from './harness/setup.mjs';

const job = JSON.parse(process.argv[2]);
try {
  const { load, open } = await peerModule(job.peer);
  const start = performance.now();
  await load();
  const loaded = performance.now();
  const peer = await open(setupOf(job));
  const id = await peer.unary();
  const answered = performance.now();
  if (typeof id !== 'string') throw new Error('answer without an id');
  const line = { importMs: loaded - start, firstMs: answered - loaded, rssMb: peakRssMb() };
  process.stdout.write(`${JSON.stringify(line)}\n`);
  process.exit(0);
} catch (error) {
  process.stdout.write(`${JSON.stringify({ error: error.message })}\n`);
  process.exit(1);
}
