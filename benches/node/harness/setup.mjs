// What every peer is given: the same address, headers and body, and the script that the simulator follows.
import { readFileSync } from 'node:fs';

const MESSAGE = {
  model: 'claude-sonnet-5',
  max_tokens: 1024,
  messages: [{ role: 'user', content: 'Hello, Claude. '.repeat(20) }],
};

/** `job` is what run.mjs hands over: peer, case fields, server address, CA file. */
export function setupOf(job, script = job.script) {
  const { protocol, origin, hostname, port } = new URL(job.url);
  const path = '/v1/messages';
  return {
    origin,
    hostname,
    port: Number(port),
    path,
    url: origin + path,
    tls: protocol === 'https:',
    ca: job.caFile && readFileSync(job.caFile, 'utf8'),
    h2: job.h2,
    concurrency: job.concurrency,
    redisUrl: job.redisUrl,
    variant: job.peer.split('-')[1],
    headers: headersOf(script),
    body: MESSAGE,
    streamBody: { ...MESSAGE, stream: true },
  };
}

function headersOf(script) {
  const headers = {
    'content-type': 'application/json',
    'x-api-key': 'bench-key',
    'anthropic-version': '2023-06-01',
  };
  return script ? { ...headers, 'x-simulator': JSON.stringify(script) } : headers;
}

/** `trae-text` lives in peers/trae.mjs: what follows the dash is a variant. */
export const peerModule = (name) => import(`../peers/${name.split('-')[0]}.mjs`);
