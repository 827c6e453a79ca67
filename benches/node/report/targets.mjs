// The targets of the project as data, and the verdict on each: met, missed, or not measured in this run.
import { ADDED } from '../peers/trae.mjs';

const NODE_MAJOR = Number(process.versions.node.split('.')[0]);

/** Median ratio, ours divided by theirs, of a case. */
const ratio = (name, peer, metric) => (all) => find(all, name, peer)?.ratio[metric]?.median;
/** Our own median of a case. */
const own = (name, metric, peer) => (all) => find(all, name, peer)?.ours[metric];
const load = (metric) => (all) => all.load.find(({ peer }) => peer === 'trae')?.[metric];

function find({ records }, name, peer) {
  return records.find((record) => record.case === name && (!peer || record.peer === peer) && record.pairs > 0);
}

const atLeast = (what, limit, value, unit = 'x') => ({ what, limit, value, unit, sign: '≥' });
const atMost = (what, limit, value, unit = 'x') => ({ what, limit, value, unit, sign: '≤' });

/** The same ratios are asked for over plain HTTP, over TLS and over HTTP/2. */
function onEveryWire(wire, h2) {
  const title = wire === '' ? '' : wire === '-h2' ? ' (HTTP/2)' : ' (TLS)';
  const pacedMain = h2 ? 0.06 : 0.1;
  const pacedCpu = h2 ? 0.11 : 0.25;
  return [
    atLeast(`unary${title}: req/s against undici`, 2.5, ratio(`unary${wire}`, 'undici', 'rate')),
    atLeast(`unary${title}: req/s against the SDK`, NODE_MAJOR >= 24 ? 10 : 20, ratio(`unary${wire}`, 'sdk', 'rate')),
    atMost(`unary${title}: main-thread CPU against undici`, 0.2, ratio(`unary${wire}`, 'undici', 'mainUs')),
    atMost(`unary${title}: process CPU against undici`, 1, ratio(`unary${wire}`, 'undici', 'cpuUs')),
    atLeast(`burst${title}: events/s against the SDK`, 3, ratio(`burst${wire}`, 'sdk', 'rate')),
    atMost(`burst${title}: main-thread CPU against the SDK`, 0.12, ratio(`burst${wire}`, 'sdk', 'mainUs')),
    atMost(`burst${title}: process CPU against the SDK`, 0.3, ratio(`burst${wire}`, 'sdk', 'cpuUs')),
    atMost(`paced 200${title}: main-thread CPU against the SDK`, pacedMain, ratio(`paced${wire}`, 'sdk', 'mainUs')),
    atMost(`paced 200${title}: process CPU against the SDK`, pacedCpu, ratio(`paced${wire}`, 'sdk', 'cpuUs')),
    atMost(`paced 200${title}: added delay p99`, 1000, own(`paced${wire}`, 'delayP99Us'), ' µs'),
  ];
}

/** The cost of an event among `streams` against its cost among 200: both at 10,000 events a second. */
const crowded = (name) => (all) => own(name, 'cpuUs')(all) / own('paced', 'cpuUs')(all);
/** Where one pair says dearer and another says cheaper the noise is larger than the cost: no verdict then. */
const perMiddleware = (kind) => (all) => {
  const extra = find(all, `middleware-${kind}`, 'trae')?.extraCpuUs;
  return extra?.min > 0 ? extra.median / ADDED[kind] : undefined;
};

const TARGETS = [
  ...onEveryWire('', false),
  atMost('unary: process CPU against pure Rust reqwest', 1.5, ratio('unary', 'rust', 'cpuUs')),
  atMost('one at a time: latency p50 against undici', 0.8, ratio('latency', 'undici', 'p50Ms')),
  ...onEveryWire('-tls', false),
  ...onEveryWire('-h2', true),
  atMost('.text(): main-thread CPU per event', 0.3, own('text', 'mainUs'), ' µs'),
  atMost('.finalMessage(): main-thread CPU per event', 0.05, own('final', 'mainUs'), ' µs'),
  atMost('2,000 paced streams: peak memory against the SDK', 0.35, ratio('paced2000', 'sdk', 'rssMb')),
  atMost('2,000 paced streams: CPU per event against 200', 1.3, crowded('paced2000')),
  atMost('10,000 paced streams: peak memory against the SDK', 0.35, ratio('paced10000', 'sdk', 'rssMb')),
  atMost('10,000 paced streams: CPU per event against 200', 1.3, crowded('paced10000')),
  atLeast('cache hit: rate against a bare Map', 0.9, ratio('cache', 'map', 'rate')),
  atMost('limit in Redis: round trips per call', 0.1, ({ state }) => state?.roundTripsPerCall, ''),
  atMost('a thousand equal misses: calls upstream', 1, ({ state }) => state?.equalUpstream, ''),
  atLeast('SDK on our fetch: req/s against its own', 4, ratio('sdk-on-trae', 'sdk', 'rate')),
  atMost('SDK on our fetch: main-thread CPU against its own', 0.3, ratio('sdk-on-trae', 'sdk', 'mainUs')),
  atMost('each native middleware: process CPU', 1, perMiddleware('native'), ' µs'),
  atMost('each JavaScript middleware: process CPU', 8, perMiddleware('js'), ' µs'),
  atMost('load: import', 20, load('importMs'), ' ms'),
  atMost('load: first request after import', 5, load('firstMs'), ' ms'),
  atMost('load: size of the binary', 8, ({ sizes }) => sizes.trae, ' MB'),
];

/** `verdict` is 'met', 'missed' or 'not measured' (not run, failed, or lost in noise). */
export function judge(all) {
  return TARGETS.map(({ what, sign, limit, unit, value: figure }) => {
    const value = figure(all);
    const met = sign === '≥' ? value >= limit : value <= limit;
    const verdict = Number.isFinite(value) ? (met ? 'met' : 'missed') : 'not measured';
    const measured = Number.isFinite(value) ? Number(value.toPrecision(3)) : undefined;
    return { what, target: `${sign} ${limit}${unit}`, measured, verdict };
  });
}
