// One case: rounds over its duels, every proxy started when first needed, a proxy that failed not asked again.
import { median } from '../node/report/summary.mjs';
import { createContenders } from './harness/contenders.mjs';
import { MOST_FOR_OTHERS, quiet } from './harness/proc.mjs';
import { TOOLS } from './load/tools.mjs';

const RETAKES = 2;
const QUIET_MS = 20_000;

/** Calibration where the run has no closed-loop rate of a proxy to take half of. */
const CALIBRATE = { connections: 64, prompts: 'distinct', warmMs: 2_000, windowMs: 2_000 };

/**
 * `lines` has what each proxy was measured at, `duels` the pairs of them; a side that is missing or has failed is left
 * out of both.
 */
export async function measureCase(fields, run) {
  const result = { fields, lines: {}, duels: [], errors: {} };
  if (fields.skipped) return result;
  const upstream = await run.upstreams.of(fields.script);
  const contenders = createContenders(upstream, run.upstreams.folder, run.options, run.versions);
  const of = { fields, run, result, contenders, upstream };
  try {
    for (let round = 1; round <= fields.pairs; round++) await measureRound(round, of);
  } finally {
    await contenders.endAll();
  }
  if (fields.name === 'unary') keepRates(result, run);
  return result;
}

async function measureRound(round, of) {
  const { fields, run, result } = of;
  const seen = new Map();
  for (const [left, right] of fields.duels) {
    // At half of whose rate, when the rate is not to be had?
    const hasNoRate = fields.job.share && (run.missing[left] || result.errors[left]);
    const duel = { left, right };
    result.duels.push(duel);
    if (hasNoRate) continue;
    for (const [side, name] of Object.entries(duel)) {
      if (fields.shared && seen.has(name)) duel[`${side}Line`] = seen.get(name);
      else if (!run.missing[name] && !result.errors[name]) {
        run.progress(
          `round ${round}/${fields.pairs}: ${fields.name}, ${name}${side === 'left' ? '' : ` (beside ${left})`}`,
        );
        const line = await measureOne(name, left, of);
        seen.set(name, line);
        duel[`${side}Line`] = line;
        if (line) result.lines[name] = [...(result.lines[name] ?? []), line];
      }
    }
  }
}

/** One measurement; undefined when it failed, and why is kept. `beside` is whose rate is asked for in an open loop. */
async function measureOne(name, beside, { fields, run, result, contenders, upstream }) {
  const measure = TOOLS[fields.tool];
  try {
    if (fields.fresh) await contenders.end(name);
    const isNew = contenders.isNew(name);
    const proxy = await contenders.get(name);
    const job = { ...fields.job, ...fields.slow?.[name], script: fields.script, upstreamPid: upstream.pid };
    if (job.share) {
      const half = job.share * (await closedLoopRate(beside, contenders, run, upstream));
      job.rate = Math.round(Math.min(half, job.mostRate));
    }
    if (isNew && !fields.cold) await measure(proxy, job);
    return await measureUndisturbed(() => measure(proxy, job));
  } catch (error) {
    result.errors[name] = error.message.split('\n')[0].slice(0, 200);
    run.progress(`  ${name}: ${result.errors[name]}`);
    return undefined;
  }
}

/**
 * What was measured beside a busy neighbour is measured again, a few times: whatever it showed, so that nothing is chosen
 * by its result. The last is kept, and says how busy the neighbour was.
 */
async function measureUndisturbed(measure) {
  for (let again = RETAKES; ; again--) {
    await quiet(QUIET_MS);
    const line = await measure();
    const isDisturbed = line.error !== undefined || line.othersCores > MOST_FOR_OTHERS;
    if (isDisturbed && again > 0) continue;
    if (line.error) throw new Error(line.error);
    return line;
  }
}

async function closedLoopRate(name, contenders, run, upstream) {
  if (run.rates[name] === undefined) {
    run.progress(`the closed-loop rate of ${name}`);
    const line = await TOOLS.wrk(await contenders.get(name), { ...CALIBRATE, upstreamPid: upstream.pid });
    if (line.error) throw new Error(line.error);
    run.rates[name] = line.rate;
  }
  return run.rates[name];
}

function keepRates({ lines }, run) {
  for (const [name, measured] of Object.entries(lines)) run.rates[name] = median(measured.map(({ rate }) => rate));
}
