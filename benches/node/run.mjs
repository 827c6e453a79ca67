/*
 * The benchmark: ours against its peers, `npm run bench` or `node benches/node/run.mjs --help`.
 *
 * Measured: see the head of one.mjs (rates, CPU, delays, memory) and of load.mjs (import, first request).
 * Kept honest: every figure that counts is a ratio of two runs made one after the other on this machine, each in a
 * process of its own; the rounds go over all cases in turn (ours, peer, ours, peer, …), so that a slow minute of the
 * machine falls on one pair of many; the median is printed with the smallest and largest ratio; the server is the
 * product's simulator in its own process and its CPU is printed, so that one can see that it was not the limit.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { LOAD_PEERS, selectCases } from './cases.mjs';
import { prepareFloor, runFloor } from './harness/floor.mjs';
import { runNode } from './harness/process.mjs';
import { createServers } from './harness/server.mjs';
import { writeReport } from './report/report.mjs';

const HELP = `Usage: node benches/node/run.mjs [options]

  --quick          one pair against the peer that each target names: proves that it runs, not how fast
  --case <a,b>     only these cases; also load, state, memory, tls, h2
  --peer <a,b>     only these peers, in every chosen case
  --pairs <n>      pairs per case and peer (default 5; quick 1)
  --minutes <n>    start no new pair after this time (default 13.5; quick 1.35)
  --floor          also build and run the pure Rust floor in --quick; a full run always does
  --out <file>     JSON to write, plots beside it (default benches/results/latest.json)
`;
const FOLDER = fileURLToPath(new URL('.', import.meta.url));
const RESULTS = fileURLToPath(new URL('../results/latest.json', import.meta.url));

function readOptions() {
  const text = { type: 'string' };
  const flag = { type: 'boolean', default: false };
  const options = {
    quick: flag,
    floor: flag,
    help: flag,
    case: text,
    peer: text,
    pairs: text,
    minutes: text,
    out: text,
  };
  const { values } = parseArgs({ options });
  const number = (name, fallback) => {
    const value = Number(values[name] ?? fallback);
    if (!(value > 0)) throw new Error(`--${name} must be a number above 0`);
    return value;
  };
  return {
    quick: values.quick,
    floor: values.floor,
    help: values.help,
    cases: values.case?.split(','),
    peers: values.peer?.split(','),
    pairs: number('pairs', values.quick ? 1 : 5),
    endsAt: Date.now() + number('minutes', values.quick ? 1.35 : 13.5) * 60_000,
    out: values.out ?? RESULTS,
  };
}

/**
 * Not `npm ci`: it refuses a lock file without the binaries of impit and wreq-js for other platforms, and the registry
 * did not offer those when it was written. This keeps to the versions and hashes of the lock and leaves it alone.
 */
function installPeers() {
  if (existsSync(`${FOLDER}node_modules`)) return;
  progress('installing the peers (once)');
  const args = ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'];
  execFileSync('npm', args, { cwd: FOLDER, stdio: ['ignore', 'ignore', 'inherit'] });
}

const progress = (text) => process.stderr.write(`${text}\n`);

/** One measurement; the address of the server is looked up, or the server started, first. */
async function measure(fields, peer, servers) {
  const { url, caFile, pid } = await servers.server(Boolean(fields.tls));
  const redisUrl = fields.redis && (await servers.redis());
  const job = { ...fields, peer, url, caFile, serverPid: pid, redisUrl };
  return peer === 'rust' ? runFloor(job) : runNode('one.mjs', job);
}

/** Rounds over all cases and peers until the pairs or the time are used up. A peer that failed is not asked again. */
async function measurePairs(cases, options, servers) {
  const results = cases.flatMap((fields) =>
    fields.peers.map((peer) => ({ fields, peer, pairs: [], error: undefined })),
  );
  for (let round = 1; round <= options.pairs; round++) {
    for (const result of results) {
      if (result.error || Date.now() > options.endsAt) continue;
      progress(`round ${round}/${options.pairs}: ${result.fields.name}, ${result.peer}`);
      const ours = await measure(result.fields, result.fields.ours, servers);
      const theirs = await measure(result.fields, result.peer, servers);
      const failed = [ours, theirs].findIndex(({ error }) => error);
      if (failed < 0) result.pairs.push({ ours, theirs });
      else result.error = `${failed === 0 ? result.fields.ours : result.peer}: ${[ours, theirs][failed].error}`;
      // The one side that worked is still worth a line in the table.
      if (failed >= 0) result.half = { ours: ours.error ? undefined : ours, theirs: theirs.error ? undefined : theirs };
    }
  }
  return results;
}

/** Import time and first request, each package once unmeasured, then in turn. */
async function measureLoad(options, servers) {
  const peers = LOAD_PEERS.filter((peer) => peer === 'trae' || !options.peers || options.peers.includes(peer));
  const { url } = await servers.server(false);
  const results = peers.map((peer) => ({ peer, runs: [], error: undefined }));
  for (let round = 0; round <= options.pairs; round++) {
    progress(`round ${round}/${options.pairs}: load`);
    for (const result of results.filter(({ error }) => !error)) {
      const line = await runNode('load.mjs', { peer: result.peer, url, concurrency: 1, limitMs: 10_000 });
      result.error = line.error;
      if (round > 0 && !line.error) result.runs.push(line);
    }
  }
  return results;
}

/** What shared state costs: counts mostly, so one run tells. */
async function measureState(options, servers) {
  if (options.cases && !options.cases.includes('state')) return undefined;
  progress('state');
  try {
    const { url } = await servers.server(false);
    return await runNode('state.mjs', { url, redisUrl: await servers.redis(), concurrency: 64, limitMs: 60_000 });
  } catch (error) {
    return { error: error.message };
  }
}

/** The pure Rust floor is one more peer where a target or the reader wants it. */
function addFloor(cases, options) {
  const wanted = cases.filter(({ name }) => ['unary', 'burst'].includes(name));
  if (wanted.length === 0 || options.peers?.includes('rust') === false) return;
  if (prepareFloor(options.floor || !options.quick))
    for (const fields of wanted) fields.peers = [...fields.peers, 'rust'];
}

async function main() {
  const options = readOptions();
  if (options.help) return process.stdout.write(HELP);
  const cases = selectCases(options);
  installPeers();
  addFloor(cases, options);
  const servers = createServers();
  try {
    const load = !options.cases || options.cases.includes('load') ? await measureLoad(options, servers) : [];
    const pairs = await measurePairs(cases, options, servers);
    const state = await measureState(options, servers);
    writeReport({ pairs, load, state, options });
  } finally {
    await servers.close();
  }
}

main().catch((error) => {
  progress(`bench: ${error.message}`);
  process.exitCode = 1;
});
