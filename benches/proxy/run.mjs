/*
 * The load comparison: our proxy against others in front of the same simulator, `node benches/proxy/run.mjs --help`.
 *
 * Kept honest as benches/node is: every figure that counts is a ratio of two measurements made one after the other (ours,
 * peer, ours, peer, …), each proxy in processes of its own; rounds go over all peers in turn; the median is printed with
 * the smallest and largest ratio. Proxy, simulator and load generator share the machine, so `direct`, where nobody is
 * between, is the ceiling of every rate, and CPU per request says what rates can't. Who is not installed is named.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { selectCases } from './cases.mjs';
import { endAllChildren } from './harness/child.mjs';
import { missingOf } from './harness/contenders.mjs';
import { install } from './harness/install.mjs';
import { openFiles } from './harness/proc.mjs';
import { createUpstreams } from './harness/upstream.mjs';
import { missing as wrkMissing } from './load/wrk.mjs';
import { measureCase } from './measure.mjs';
import { writeReport } from './report/report.mjs';

const HELP = `Usage: node benches/proxy/run.mjs [options]

  --case <a,b>     only these: unary (with hits), streams, paced (with idle), overhead
  --peer <a,b>     only these: nginx, nginx-1, undici, undici-2, portkey, litellm, direct, trae-bare
  --pairs <n>      pairs per case and peer (default 5, of paced streams 3; quick 1)
  --quick          one pair, short windows: proves that it runs, not how fast
  --ours <folder>  the checkout whose build of ours is measured (default this one)
  --out <file>     JSON to write (default benches/results/proxy.json)
  --install        first install the peers of npm and PyPI into benches/proxy (not in git)
  --help           this text

Debian's packages it needs: nginx-light, wrk. 2,000 streams need \`ulimit -n\` of 5,000 or more. What is measured while
somebody else uses the machine is measured again, twice at most: leave it alone meanwhile.

\`trae-bare\` is ours without middlewares, \`trae-cache+retry\` with these two alone. A full run takes some 20 minutes.
`;
const RESULTS = fileURLToPath(new URL('../results/proxy.json', import.meta.url));
const progress = (text) => process.stderr.write(`${text}\n`);

function readOptions() {
  const text = { type: 'string' };
  const flag = { type: 'boolean', default: false };
  const options = {
    case: text,
    peer: text,
    pairs: text,
    quick: flag,
    ours: text,
    out: text,
    install: flag,
    help: flag,
  };
  const { values } = parseArgs({ options });
  const pairs = values.pairs && Number(values.pairs);
  if (pairs !== undefined && !(pairs > 0)) throw new Error('--pairs must be a number above 0');
  return {
    ...values,
    cases: values.case?.split(','),
    peers: values.peer?.split(','),
    pairs,
    out: values.out ?? RESULTS,
  };
}

/** Who can't take part is left out of the duels, but named; a case that needs more open files than there are, too. */
async function prepare(options) {
  const cases = selectCases(options);
  const names = [...new Set(cases.flatMap(({ duels }) => duels.flat()))];
  const missing = await missingOf(names, options);
  const files = openFiles();
  for (const fields of cases) {
    if (fields.files > files) fields.skipped = `needs \`ulimit -n ${fields.files}\`, there are ${files}`;
    if (fields.tool === 'wrk') fields.skipped ??= wrkMissing() && `needs wrk: ${wrkMissing()}`;
  }
  return { cases, missing };
}

async function main() {
  const options = readOptions();
  if (options.help) return process.stdout.write(HELP);
  if (options.install) install(progress);
  const { cases, missing } = await prepare(options);
  for (const [name, how] of Object.entries(missing)) progress(`missing: ${name} (${how})`);
  const upstreams = createUpstreams();
  const stop = () =>
    endAllChildren()
      .then(upstreams.close)
      .finally(() => process.exit(1));
  process.once('SIGINT', stop).once('SIGTERM', stop);
  const run = { options, missing, upstreams, progress, versions: {}, rates: {} };
  const results = [];
  try {
    for (const fields of cases) results.push(await measureCase(fields, run));
  } finally {
    await upstreams.close();
  }
  writeReport({ results, missing, versions: run.versions, options });
}

main().catch((error) => {
  progress(`bench: ${error.message}`);
  process.exitCode = 1;
});
