/*
 * What shared state costs; one process, one JSON line.
 *
 * Measured: how many round trips to Redis a call makes that a limit in Redis decides on, with 64 in flight; how many
 * calls reach the server of a thousand equal ones at once, and how long all of them take against one alone.
 * Kept honest: round trips are those that Redis has counted itself, calls are those that the simulator has counted; the
 * limit is never reached, so that nothing waits.
 */
import { performance } from 'node:perf_hooks';
import { setupOf } from './harness/setup.mjs';

const CALLS = 5_000;
const EQUAL = 1_000;
const job = JSON.parse(process.argv[2]);

/** Scripts and commands that Redis has run for clients so far. */
async function commands(redis) {
  const text = await redis.info('commandstats');
  const counted = [...text.matchAll(/^cmdstat_(evalsha|eval|get|set|fcall):calls=(\d+)/gm)];
  return counted.reduce((sum, [, , calls]) => sum + Number(calls), 0);
}

async function many(count, inFlight, call) {
  let left = count;
  const worker = async () => {
    while (left-- > 0) await call();
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
}

async function limited({ createClient, rateLimit }, setup, redis) {
  const { origin, path, headers, body } = setup;
  // The simulator tells of a limit of its own, as the API does, that would hold in place of this one.
  const limit = { requests: 10_000_000, interval: 60_000, store: setup.redisUrl, adapt: false };
  const client = createClient({ baseURL: origin, headers, pool: { maxSockets: 64 } }).use(rateLimit(limit));
  const call = () => client.post(path, body);
  await many(1_000, 64, call);
  const [before, started] = [await commands(redis), performance.now()];
  await many(CALLS, 64, call);
  const took = performance.now() - started;
  // The reading of the figures is no command of a limit.
  return { roundTripsPerCall: ((await commands(redis)) - before) / CALLS, limitedPerSecond: (CALLS / took) * 1e3 };
}

async function equal({ createClient, cache }, setup) {
  const { origin, path, headers, body } = setup;
  const client = createClient({ baseURL: origin, headers, pool: { maxSockets: EQUAL } }).use(cache());
  const ask = async (content) => {
    const started = performance.now();
    const asked = { ...body, messages: [{ role: 'user', content }] };
    const answers = await Promise.all(Array.from({ length: EQUAL }, () => client.post(path, asked)));
    const upstream = answers.filter(({ cache }) => cache === 'miss').length;
    return { upstream, ms: performance.now() - started };
  };
  await ask('warm');
  const { upstream, ms } = await ask('measured');
  const alone = performance.now();
  await client.post(path, { ...body, messages: [{ role: 'user', content: 'alone' }] });
  return { equalMisses: EQUAL, equalUpstream: upstream, equalMs: ms, aloneMs: performance.now() - alone };
}

try {
  const trae = await import('../../dist/index.mjs');
  const { Redis } = await import('ioredis');
  const setup = { ...setupOf({ ...job, peer: 'trae' }), redisUrl: job.redisUrl };
  const redis = new Redis(job.redisUrl);
  const line = { ...(await limited(trae, setup, redis)), ...(await equal(trae, setup)) };
  process.stdout.write(`${JSON.stringify(line)}\n`);
  process.exit(0);
} catch (error) {
  process.stdout.write(`${JSON.stringify({ error: error.message })}\n`);
  process.exit(1);
}
