// Ours with every middleware that it has for this, so that what is compared is what one would run.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { firstLine } from '../../node/harness/server.mjs';
import { endChild, startChild } from '../harness/child.mjs';
import { family } from '../harness/proc.mjs';

const cli = ({ ours }) => join(ours, 'dist/bin/trae-native.js');

export function missing(options) {
  const asked = spawnSync(process.execPath, [cli(options), 'proxy', '--help'], { encoding: 'utf8' });
  return asked.status === 0 ? undefined : 'a build whose `trae-native` knows the command `proxy` (see --ours)';
}

/**
 * Without a variant it has all middlewares; `bare` has none, and `cache+retry` has these two alone: what each costs.
 */
export async function start({ upstream, folder, options }) {
  const file = join(folder, `proxy-${Date.now()}-${options.variant ?? 'all'}.toml`);
  writeFileSync(file, config(upstream, options.variant));
  const child = startChild(process.execPath, [cli(options), 'proxy', '--config', file], { stdout: 'pipe' });
  const { url, pid } = await firstLine(child, 'the proxy').catch((error) => {
    throw new Error(`${error.message} ${child.lastWords.trim()}`);
  });
  const version = { undefined: 'all middlewares', bare: 'no middleware' }[options.variant] ?? options.variant;
  return {
    url,
    headers: {},
    pids: family(pid ?? child.pid),
    version,
    metrics: `${url}/metrics`,
    end: () => endChild(child),
  };
}

/**
 * Limits that count and never hold; the simulator tells of a limit of its own, that would: hence no `adapt`. The log
 * writes what is grave only: no peer writes a line per request here.
 */
const MIDDLEWARES = {
  cache: '{ ttl = 300000 }',
  retry: '{ maxRetries = 1 }',
  rateLimit: '{ requests = 100000000, adapt = false }',
  concurrency: '{ limit = 100000 }',
  circuitBreaker: 'true',
  metrics: 'true',
  logger: '{ level = "warn" }',
  sessions: 'true',
  page: 'true',
};

function config(upstream, variant) {
  const wanted = variant?.split('+') ?? Object.keys(MIDDLEWARES);
  const lines = Object.entries(MIDDLEWARES).map(([name, on]) => `${name} = ${wanted.includes(name) ? on : 'false'}`);
  // By default a client has 256 connections to a host: further streams would wait for one.
  const pool = 'pool = { maxSockets = 10000, maxFreeSockets = 10000, queueLimit = 10000 }';
  const own = ['listen = "127.0.0.1:0"', `upstream = { url = "${upstream}", key = "bench-key", ${pool} }`];
  return `${[...own, ...lines].join('\n')}\n`;
}
