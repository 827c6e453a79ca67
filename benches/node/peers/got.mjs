// The peer `got`: keep-alive agents and no retries, HTTP/2 by its own option.
import http from 'node:http';
import https from 'node:https';
import { readEvents } from './sse.mjs';

export const load = () => import('got');

export async function open({ url, headers, body, streamBody, concurrency, h2 }) {
  const { default: got } = await load();
  const pool = { keepAlive: true, maxSockets: concurrency };
  const agent = { http: new http.Agent(pool), https: new https.Agent(pool) };
  const client = got.extend({ headers, retry: { limit: 0 }, ...(h2 ? { http2: true } : { agent }) });
  return {
    unary: async () => (await client.post(url, { json: body }).json()).id,
    stream: async (onEvent) =>
      readEvents(client.stream.post(url, { body: JSON.stringify(streamBody) }).setEncoding('utf8'), onEvent),
    note: h2 ? 'HTTP/2 by http2: true' : undefined,
  };
}
