// The cases: what is asked of the server, how many at a time, what is counted, and against whom.

/** Text of a stamped delta: µs since the Unix epoch in 20 digits, zeroes in front. */
export const STAMP_LENGTH = 20;

const ALL = ['undici', 'wreq', 'impit', 'axios', 'got', 'fetch', 'sdk'];
const STREAMING = ['wreq', 'axios', 'fetch', 'sdk'];
// 50 events a write: with one, the server is at its limit before the fast clients are (measured at about 600,000/s).
const BURST = { events: 1000, eventsPerWrite: 50 };

const BASE = {
  unary: { reads: 'unary', concurrency: 64, unit: 'request' },
  burst: { reads: 'stream', concurrency: 64, unit: 'event', script: BURST },
  // The streams start spread over one pace: users are not in step, and a peer slow to start would be spread anyway.
  paced: {
    reads: 'stream',
    concurrency: 200,
    unit: 'event',
    paced: true,
    script: { events: 1000, eventsPerWrite: 1, paceUs: 20_000, stamp: true },
  },
};

/** At the same 10,000 events a second as `paced`, so that the cost per event can be compared. */
const crowd = (streams, paceUs) => ({
  ...BASE.paced,
  concurrency: streams,
  script: { ...BASE.paced.script, events: 150, paceUs },
});

// Warm-up was measured: with 0.5 s undici and the SDK still paid 1.3 to 3 times their settled CPU per call, which would
// have flattered us. --quick saves on pairs, peers and the window, never on this.
const TIMES = { windowMs: 500, warmMs: 1200, limitMs: 25_000 };
const QUICK_TIMES = { ...TIMES, windowMs: 300, limitMs: 15_000 };

/** `peers` run by default (any other with --peer); `quick` is the one that --quick keeps, the first unless named. */
const TABLE = {
  unary: { ...BASE.unary, peers: ALL, quick: ['undici', 'sdk'] },
  latency: { ...BASE.unary, concurrency: 1, peers: ['undici', 'wreq', 'sdk'] },
  burst: { ...BASE.burst, peers: [...STREAMING, 'impit', 'raw'], quick: ['sdk'] },
  paced: { ...BASE.paced, peers: STREAMING, quick: ['sdk'] },
  'unary-tls': { ...BASE.unary, tls: true, peers: ['undici', 'sdk'] },
  'burst-tls': { ...BASE.burst, tls: true, peers: ['sdk'] },
  'paced-tls': { ...BASE.paced, tls: true, peers: ['sdk'] },
  'unary-h2': { ...BASE.unary, tls: true, h2: true, peers: ['undici', 'sdk'] },
  'burst-h2': { ...BASE.burst, tls: true, h2: true, peers: ['sdk'] },
  'paced-h2': { ...BASE.paced, tls: true, h2: true, peers: ['sdk'] },
  paced2000: { ...crowd(2000, 200_000), peers: ['sdk'] },
  // Not in a default run: it needs 10,000 file descriptors on both sides.
  paced10000: { ...crowd(10_000, 1_000_000), peers: ['sdk'], onDemand: true },
  // Ours in other ways; the first name is measured against the second.
  text: { ...BASE.burst, ours: 'trae-text', peers: ['sdk'], script: { ...BURST, stamp: true } },
  final: {
    ...BASE.burst,
    ours: 'trae-final',
    peers: ['sdk'],
    // With fewer the compiler's work is in the figure.
    round: 16,
    script: { events: 4000, eventsPerWrite: 50, stamp: true },
  },
  'sdk-on-trae': { ...BASE.unary, ours: 'trae-sdk', peers: ['sdk'] },
  cache: { ...BASE.unary, ours: 'trae-cache', concurrency: 1, round: 50_000, peers: ['map', 'trae-article'] },
  'cache-redis': { ...BASE.unary, ours: 'trae-redis', concurrency: 1, round: 5_000, peers: ['ioredis'], redis: true },
  'cache-redis-64': { ...BASE.unary, ours: 'trae-redis', redis: true, peers: ['ioredis'] },
  'middleware-native': { ...BASE.unary, ours: 'trae-native', peers: ['trae'] },
  'middleware-js': { ...BASE.unary, ours: 'trae-js', peers: ['trae'] },
};

/** What a name on the command line stands for besides itself. */
const GROUPS = {
  tls: ['unary-tls', 'burst-tls', 'paced-tls'],
  h2: ['unary-h2', 'burst-h2', 'paced-h2'],
  memory: ['unary', 'burst', 'paced2000'],
};

/** The chosen cases in the order of the table; an unknown name throws. `load` and `state` are handled by run.mjs. */
export function selectCases({ quick: isQuick, cases, peers }) {
  const wanted = cases?.flatMap((name) => GROUPS[name] ?? [name]);
  const unknown = wanted?.find((name) => !TABLE[name] && name !== 'load' && name !== 'state');
  if (unknown)
    throw new Error(`unknown case '${unknown}'; known: ${[...Object.keys(TABLE), 'load', 'state'].join(', ')}`);
  return Object.entries(TABLE)
    .filter(([name, { onDemand }]) => (wanted ? wanted.includes(name) : !onDemand))
    .map(([name, fields]) => ({
      ours: 'trae',
      ...(isQuick ? QUICK_TIMES : TIMES),
      ...fields,
      name,
      peers: peers ?? (isQuick ? (fields.quick ?? fields.peers.slice(0, 1)) : fields.peers),
    }));
}

export const LOAD_PEERS = ['trae', ...ALL];
