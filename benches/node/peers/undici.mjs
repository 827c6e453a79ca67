// The peer `undici`: Pool.request, its fastest door; a connection per call, or per 100 streams of HTTP/2.
import { readEvents } from './sse.mjs';

export const load = () => import('undici');

export async function open({ origin, path, headers, body, streamBody, concurrency, h2 }) {
  const { Pool } = await load();
  const pool = new Pool(origin, h2 ? multiplexed(concurrency) : { connections: concurrency });
  const post = async (value) => {
    const options = { path, method: 'POST', headers, idempotent: h2 || undefined };
    const answer = await pool.request({ ...options, body: JSON.stringify(value) });
    if (answer.statusCode !== 200) throw new Error(`status ${answer.statusCode}`);
    return answer.body;
  };
  return {
    unary: async () => (await (await post(body)).json()).id,
    stream: async (onEvent) => readEvents(await post(streamBody), onEvent),
    note: h2 ? 'HTTP/2 by allowH2, with pipelining and idempotent: true' : undefined,
  };
}

/**
 * By allowH2 alone undici 7 sends one POST at a time on a connection: it takes it for not repeatable, and pipelining is 1.
 * Both are lifted here; measuring it without would measure us against a queue.
 */
function multiplexed(concurrency) {
  return { connections: Math.ceil(concurrency / 100), allowH2: true, pipelining: 100 };
}
