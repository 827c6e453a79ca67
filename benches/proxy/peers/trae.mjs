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

/** Variant `bare`: the same without middlewares, which says what they cost. */
export async function start({ upstream, folder, options }) {
  const file = join(folder, `proxy-${Date.now()}-${options.variant ?? 'all'}.toml`);
  writeFileSync(file, options.variant === 'bare' ? server(upstream) : server(upstream) + MIDDLEWARES);
  const child = startChild(process.execPath, [cli(options), 'proxy', '--config', file], { stdout: 'pipe' });
  const { url, pid } = await firstLine(child, 'the proxy').catch((error) => {
    throw new Error(`${error.message} ${child.lastWords.trim()}`);
  });
  const version = options.variant === 'bare' ? 'no middleware' : 'all middlewares';
  return {
    url,
    headers: {},
    pids: family(pid ?? child.pid),
    version,
    metrics: `${url}/metrics`,
    end: () => endChild(child),
  };
}

const server = (upstream) => `
listen = "127.0.0.1:0"

[upstream]
url = "${upstream}"
key = "bench-key"
`;

/** Limits that count and never hold; the simulator tells of a limit of its own, that would: hence no `adapt`. */
const MIDDLEWARES = `
[cache]
ttl = 300000

[retry]
attempts = 2

[rateLimit]
requests = 100000000
adapt = false

[concurrency]
limit = 100000

[circuitBreaker]

[metrics]
`;
