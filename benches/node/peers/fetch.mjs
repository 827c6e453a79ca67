// The peer `fetch`: the global of Node, and the shape shared by the peers that imitate it.
import { readEvents } from './sse.mjs';

/** Node builds its fetch at the first call; a data: URL makes it do so without a socket. */
export const load = async () => (await fetch('data:,')).text();

export const open = async (setup) => fetchLike((url, init) => fetch(url, init), setup);

/** A peer out of any function with the signature of fetch. */
export function fetchLike(send, { url, headers, body, streamBody }) {
  const post = async (text) => {
    const response = await send(url, { method: 'POST', headers, body: text() });
    if (response.status !== 200) throw new Error(`status ${response.status}`);
    return response;
  };
  return {
    unary: async () => (await (await post(() => JSON.stringify(body))).json()).id,
    stream: async (onEvent) => readEvents((await post(() => JSON.stringify(streamBody))).body, onEvent),
  };
}
