// The cases: what is asked through each proxy, how many at a time, and who is set against whom.

const PEERS = ['nginx', 'nginx-1', 'undici', 'portkey', 'litellm', 'direct'];
/** Those that can be expected to hold thousands of streams. */
const FEW = ['nginx', 'undici'];

/** A window holds many answers of each that was in flight, also of those that take half a second. */
const SLOW = { litellm: { windowMs: 8_000 } };

/** About a kibibyte of JSON. */
const ANSWER = { times: 0, text: 'Fair winds. '.repeat(60) };
const against = (left, peers) => peers.map((right) => [left, right]);

/**
 * `duels`: ours, or who stands in its place, and who it is set against; each is measured in turn. With `shared` each
 * proxy is measured once a round and stands in all its duels: where a measurement takes a quarter of a minute.
 * The first measurement of a proxy that was just started is not counted, unless `cold`. `alone`: peers have no such case.
 */
const TABLE = {
  unary: {
    unit: 'request',
    tool: 'wrk',
    script: ANSWER,
    job: { connections: 64, prompts: 'distinct', warmMs: 1_000, windowMs: 2_000 },
    quick: { windowMs: 1_000 },
    slow: SLOW,
    duels: against('trae', PEERS),
  },
  hits: {
    unit: 'request',
    tool: 'wrk',
    script: ANSWER,
    job: { connections: 64, prompts: 'same', warmMs: 1_000, windowMs: 2_000 },
    quick: { windowMs: 1_000 },
    alone: true,
    duels: against('trae', ['direct']),
  },
  streams: {
    unit: 'event',
    tool: 'streams',
    // An event a write, as an API that waits for its model writes them.
    script: { times: 0, events: 200, eventsPerWrite: 1 },
    job: { streams: 64, warmMs: 1_000, windowMs: 2_000 },
    quick: { windowMs: 1_000 },
    duels: against('trae', PEERS),
  },
  paced: {
    unit: 'event',
    tool: 'streams',
    script: { times: 0, events: 1_000, eventsPerWrite: 1, paceUs: 250_000, stamp: true },
    job: { paced: true, streams: 2_000, warmMs: 1_000, windowMs: 12_000 },
    quick: { windowMs: 3_000 },
    duels: [...against('trae', ['direct', ...FEW]), ...against('nginx', ['direct']), ...against('undici', ['direct'])],
    shared: true,
    cold: true,
    files: 5_000,
    pairs: 3,
  },
  idle: {
    unit: 'stream',
    tool: 'streams',
    script: { times: 0, events: 1_000, hangAfterEvents: 6 },
    job: { idle: true, streams: 2_000, warmMs: 1_000 },
    quick: {},
    duels: against('trae', FEW),
    shared: true,
    cold: true,
    fresh: true,
    files: 5_000,
    pairs: 3,
  },
  overhead: {
    unit: 'request',
    tool: 'openLoop',
    script: ANSWER,
    // Above it the generator would need the core that the proxy needs.
    job: { share: 0.5, mostRate: 10_000, warmMs: 2_000, windowMs: 4_000 },
    quick: { windowMs: 2_000 },
    duels: [...against('trae', ['direct']), ...against('nginx', ['direct']), ...against('undici', ['direct'])],
  },
};

/** What a name on the command line stands for besides itself. */
const GROUPS = { unary: ['unary', 'hits'], paced: ['paced', 'idle'] };

/** Chosen cases, each with the duels of those that may take part; an unknown name throws. */
export function selectCases({ cases, peers, quick, pairs }) {
  const wanted = cases?.flatMap((name) => GROUPS[name] ?? [name]);
  const unknown = wanted?.find((name) => !TABLE[name]);
  if (unknown) throw new Error(`unknown case '${unknown}'; known: ${Object.keys(TABLE).join(', ')}`);
  return Object.entries(TABLE)
    .filter(([name]) => !wanted || wanted.includes(name))
    .map(([name, fields]) => ({
      ...fields,
      name,
      job: { ...fields.job, ...(quick && fields.quick) },
      pairs: pairs ?? (quick ? 1 : (fields.pairs ?? 5)),
      duels: peers ? chosen(fields, peers) : fields.duels,
    }));
}

/** A peer named by hand takes part in every chosen case; `direct` stays where it is the measure of the others. */
function chosen({ tool, duels, shared, alone }, peers) {
  if (alone) return duels;
  const named = peers.filter((peer) => peer !== 'trae' && peer !== 'direct');
  if (tool === 'openLoop') return against('trae', ['direct']).concat(named.map((peer) => [peer, 'direct']));
  const hasDirect = duels.some(([, right]) => right === 'direct') && (shared || peers.includes('direct'));
  const others = hasDirect ? [...named, 'direct'] : named;
  return [...against('trae', others), ...(shared && hasDirect ? named.map((peer) => [peer, 'direct']) : [])];
}
