// Ours: the public API of the built package, and the variants that the targets ask for by name.
import { sdkOn } from './sdk.mjs';

export const load = () => import('../../../dist/index.mjs');

/** What follows the dash in `trae-text` and the like; each changes one thing against plain `trae`. */
const VARIANTS = {
  text: (peer) => ({ ...peer, read: 'text' }),
  final: (peer) => ({ ...peer, read: 'final' }),
  native: async (peer, { timeout }) => addEach(peer, ADDED.native, () => timeout()),
  js: async (peer) => addEach(peer, ADDED.js, () => (request, next) => next(request)),
  cache: async (peer, { cache }, setup) => {
    peer.client.use(cache());
    return checkHits(peer, setup);
  },
  /** The article's middleware: a Map by URL and body, five minutes. */
  article: async (peer, _, setup) => {
    const kept = new Map();
    peer.client.use(async (req, next) => {
      const key = `${req.url}:${JSON.stringify(req.data)}`;
      const hit = kept.get(key);
      if (hit && Date.now() - hit.at < 300_000) return hit.res;
      const res = await next();
      kept.set(key, { res, at: Date.now() });
      return res;
    });
    await peer.client.post(setup.path, setup.body);
    return peer;
  },
  /** Every hit comes from Redis: nothing is kept in memory. */
  redis: async (peer, { cache }, setup) => {
    peer.client.use(cache({ store: setup.redisUrl, maxBytes: 0 }));
    return checkHits(peer, setup);
  },
  sdk: (peer, _, setup) => sdkOn({ fetch: peer.client.fetch }, setup),
};

/**
 * How many middlewares `trae-native` and `trae-js` add; the target is per middleware. Many native ones, because one
 * costs less than the noise of a run; one JavaScript one, because neighbours share a crossing and would hide it.
 */
export const ADDED = { native: 16, js: 1 };

export async function open(setup) {
  const trae = await load();
  const { origin, path, headers, body, streamBody, concurrency, h2, tls, ca, variant } = setup;
  const client = trae.createClient({
    baseURL: origin,
    headers,
    timeout: 60_000,
    pool: { maxSockets: concurrency },
    ...(tls && { tls: { ca }, http2: h2 ? 'only' : 'off' }),
  });
  const openStream = () => client.stream(path, streamBody);
  const peer = {
    client,
    unary: async () => (await client.post(path, body)).data.id,
    stream: async (onEvent) => {
      for await (const event of await openStream()) onEvent(event);
    },
    text: async (onText) => {
      for await (const text of (await openStream()).text()) onText(text);
    },
    final: async () => (await (await openStream()).finalMessage()).content[0].text,
    counters: () => client.stats?.(),
  };
  return variant ? VARIANTS[variant](peer, trae, setup) : peer;
}

function addEach(peer, count, make) {
  for (let i = 0; i < count; i++) peer.client.use(make());
  return peer;
}

/** Misses would be measured as hits without a word if the defaults did not cache this request: check once. */
async function checkHits(peer, { path, body }) {
  const ask = () => peer.client.post(path, body);
  await ask();
  const { cache } = await ask();
  if (cache !== 'hit') throw new Error(`second equal request was '${cache}', not a cache hit`);
  return peer;
}
