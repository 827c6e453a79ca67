// The peer `axios`: the http adapter with keep-alive agents; without them every call would pay a connection.
import http from 'node:http';
import https from 'node:https';
import { readEvents } from './sse.mjs';

export const load = () => import('axios');

export async function open({ url, headers, body, streamBody, concurrency }) {
  const { default: axios } = await load();
  const pool = { keepAlive: true, maxSockets: concurrency };
  const client = axios.create({ headers, httpAgent: new http.Agent(pool), httpsAgent: new https.Agent(pool) });
  return {
    unary: async () => (await client.post(url, body)).data.id,
    stream: async (onEvent) => {
      const { data } = await client.post(url, streamBody, { responseType: 'stream' });
      await readEvents(data.setEncoding('utf8'), onEvent);
    },
  };
}
