// The caching proxy as a process of its own: prints one line of JSON, then runs until it is told to end.

import { createHash, randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import type { ProxyServer } from 'trae-native/proxy';
import { count, flags, UsageError } from './flags.js';

const HELP = `Usage: trae-native proxy [options]

Prints {"url","urls","pid"} as one line of JSON and runs until SIGTERM or SIGINT, which let streams end; a second one
ends it at once. SIGHUP reads the options again. ANTHROPIC_API_KEY is the key it sends, unless options name one.

  --config <file>        options, in TOML or JSON; see docs/proxy.md
  --listen <place>       host:port, unix:/path or systemd (default 127.0.0.1:8787)
  --upstream <url>       the API behind it (default https://api.anthropic.com)
  --store <url>          Redis, for replicas that act as one
  --set <name=value>     any other option by its name, as cache.ttl=60000; may be repeated
  --no-page              serve no page at /
  --allow-anonymous      listen beyond this machine though there are no callers
  --threads <n>          how many answer at once (default: as many as there are cores)
  --new-key              print a new key for a caller, and what of it goes into the options
  --help                 this text

Each option can stand in the environment, too: TRAE_PROXY_CACHE_TTL is cache.ttl.
`;

const FLAGS = {
  config: { type: 'string' },
  listen: { type: 'string' },
  upstream: { type: 'string' },
  store: { type: 'string' },
  set: { type: 'string', multiple: true },
  'no-page': { type: 'boolean' },
  'allow-anonymous': { type: 'boolean' },
  threads: { type: 'string' },
  'new-key': { type: 'boolean' },
  help: { type: 'boolean' },
} as const;

type Given = { listen?: string; upstream?: string; store?: string; set?: string[] } & Record<string, unknown>;

/** Texts by the names of options. */
function texts(given: Given): Record<string, string> {
  const named = Object.entries({ listen: given.listen, 'upstream.url': given.upstream, store: given.store });
  const texts = Object.fromEntries(named.filter((pair): pair is [string, string] => pair[1] !== undefined));
  for (const pair of given.set ?? []) {
    const at = pair.indexOf('=');
    if (at < 1) throw new UsageError('--set takes name=value, as cache.ttl=60000');
    texts[pair.slice(0, at)] = pair.slice(at + 1);
  }
  if (given['no-page']) texts['page'] = 'false';
  if (given['allow-anonymous']) texts['allowAnonymous'] = 'true';
  return texts;
}

function newKey(): number {
  const key = `prk-${randomBytes(32).toString('base64url')}`;
  const digest = createHash('sha256').update(key).digest('hex');
  process.stdout.write(`${JSON.stringify({ key, digest: `sha256:${digest}` })}\n`);
  process.stderr.write('The caller keeps the key; the digest goes into the options, as the `key` of the caller.\n');
  return 0;
}

/** Ends it when it is told to, kindly at first. */
async function ended(proxy: ProxyServer): Promise<void> {
  await new Promise<void>((resolve) => {
    process.once('SIGTERM', () => resolve());
    process.once('SIGINT', () => resolve());
  });
  const again = (): void => process.exit(1);
  process.once('SIGTERM', again);
  process.once('SIGINT', again);
  const left = await proxy.stop();
  if (left > 0) process.stderr.write(`trae-native: ${left} connections were cut off after the drain timeout.\n`);
}

export async function proxy(args: string[]): Promise<number> {
  const given = flags(args, FLAGS);
  if (given.help) {
    process.stdout.write(HELP);
    return 0;
  }
  if (given['new-key']) return newKey();
  const { createProxy } = await import('trae-native/proxy');
  const ours = Object.entries(process.env).filter(([name]) => /^(TRAE_PROXY_|ANTHROPIC_API_KEY$)/.test(name));
  const environment = Object.fromEntries(ours);
  const sources = {
    environment,
    flags: texts(given),
    service: true,
    threads: count('threads', given.threads, 64, 1) ?? availableParallelism(),
    ...(given.config !== undefined && { file: given.config }),
  };
  const running = await createProxy({}, sources);
  const reload = (): void => {
    try {
      running.reload();
      process.stderr.write('trae-native: the options were read again.\n');
    } catch (error) {
      process.stderr.write(`trae-native: the options stay as they were: ${(error as Error).message}\n`);
    }
  };
  process.on('SIGHUP', reload);
  process.stdout.write(`${JSON.stringify({ url: running.url, urls: running.urls, pid: process.pid })}\n`);
  await ended(running);
  process.off('SIGHUP', reload);
  return 0;
}
