// `trae-native doctor`: from the addon to one tiny call, a step after the other, what each took and what to mend.

import { lookup } from 'node:dns/promises';
import { type Client, claude, type TraeError, type Warmup } from 'trae-native';
import { withoutKeys } from '../secrets.js';
import { flags } from './flags.js';
import { keyFault, remedy } from './remedies.js';
import { paint, rounded, took } from './terminal.js';

const HELP = `Usage: trae-native doctor [options]

Looks from the addon to one tiny call (16 tokens at most) whether this machine
reaches the API.

  --base-url <url>   default: ANTHROPIC_BASE_URL, or https://api.anthropic.com
  --model <name>     for the call (default claude-haiku-4-5)
  --no-call          make no call: no key is needed, nothing is billed
  --json             one JSON object instead of lines
  --help             this text

Ends with 1 where something must be mended.
`;

const FLAGS = {
  'base-url': { type: 'string' },
  model: { type: 'string' },
  'no-call': { type: 'boolean' },
  json: { type: 'boolean' },
  help: { type: 'boolean' },
} as const;

const KEYS = ['CLAUDE_API_KEY', 'ANTHROPIC_API_KEY', 'ANTHROPIC_AUTH_TOKEN'] as const;
const LIMIT = 15_000;

/** What one look came to. */
interface Step {
  step: string;
  ok: boolean;
  /** What there is to say, without secrets. */
  says: string;
  ms?: number;
  mend?: string;
}

interface Wish {
  base: URL;
  model: string;
  call: boolean;
}

export async function doctor(args: string[]): Promise<number> {
  const given = flags(args, FLAGS);
  if (given.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const steps: Step[] = [];
  const { dim, green, red, yellow } = paint(process.stdout);
  const tell = (step: Step): void => {
    const { ok, ms, mend } = step;
    // Keys are pasted into all kinds of places, an URL's path among them.
    const says = withoutKeys(step.says);
    steps.push({ ...step, says, ...(ms !== undefined && { ms: rounded(ms) }) });
    if (given.json) return;
    const time = ms === undefined ? '' : dim(` (${took(ms)})`);
    process.stdout.write(`${ok ? green('ok') : red('no')}  ${step.step.padEnd(10)} ${says}${time}\n`);
    if (mend) process.stdout.write(`    ${''.padEnd(10)} ${yellow(mend)}\n`);
  };
  const { env } = process;
  const base =
    given['base-url'] ?? (env['CLAUDE_BASE_URL'] || env['ANTHROPIC_BASE_URL'] || 'https://api.anthropic.com');
  await look(base, given.model ?? 'claude-haiku-4-5', !given['no-call'], tell);
  const ok = steps.every((step) => step.ok);
  if (given.json) process.stdout.write(`${JSON.stringify({ ok, steps })}\n`);
  return ok ? 0 : 1;
}

/** Each step needs those before it. */
async function look(base: string, model: string, call: boolean, tell: (step: Step) => void): Promise<void> {
  const { version } = require('trae-native/package.json') as { version: string };
  const machine = `${process.platform}-${process.arch}, Node ${process.versions.node}`;
  tell({ step: 'addon', ok: true, says: `trae-native ${version} on ${machine}` });
  const wish = target(base, model, call, tell);
  if (!wish) return;
  const keyed = key(call, tell);
  const proxy = proxyFor(wish.base);
  if (proxy) tell({ step: 'proxy', ok: true, says: `${proxy.name} names ${proxy.host}` });
  if (!proxy && !(await name(wish.base.hostname, tell))) return;
  const client = clientFor(base, keyed, tell);
  if (!client) return;
  try {
    if ((await connection(client, tell)) && call && keyed) await tiny(client, wish.model, tell);
  } finally {
    await client.close();
  }
}

/** Nothing where the environment says something that no client takes. */
function clientFor(baseURL: string, keyed: boolean, tell: (step: Step) => void): Client | undefined {
  try {
    return claude({
      baseURL,
      ...(keyed ? {} : { apiKey: 'none' }),
      retry: false,
      logger: false,
      timeout: { connect: LIMIT, firstByte: 2 * LIMIT, total: 4 * LIMIT },
    });
  } catch (error) {
    tell({ step: 'client', ok: false, says: (error as TraeError).message });
    return undefined;
  }
}

function target(base: string, model: string, call: boolean, tell: (step: Step) => void): Wish | undefined {
  try {
    const url = new URL(base);
    if (!/^https?:$/.test(url.protocol)) throw new Error(`it begins with ${url.protocol}`);
    if (url.username || url.password) throw new Error('it holds a user name or password, and these are not sent');
    const query = url.search ? ', and a query that is not shown here' : '';
    const says = `base URL ${url.protocol}//${url.host}${url.pathname}${query}`;
    const open = url.protocol === 'http:' && !/^(localhost|127\.|\[::1\])/.test(url.host);
    tell({ step: 'config', ok: true, says, ...(open && { mend: 'plain http: the key can be read on the way' }) });
    return { base: url, model, call };
  } catch (error) {
    const mend = 'set ANTHROPIC_BASE_URL or --base-url to one such as https://api.anthropic.com, the key not in it';
    tell({ step: 'config', ok: false, says: `the base URL is none: ${(error as Error).message}`, mend });
    return undefined;
  }
}

function key(call: boolean, tell: (step: Step) => void): boolean {
  const name = KEYS.find((name) => process.env[name]);
  if (name === undefined) {
    const mend = 'set ANTHROPIC_API_KEY, or use --no-call';
    tell({ step: 'key', ok: !call, says: 'none in the environment', ...(call && { mend }) });
    return false;
  }
  const fault = keyFault(process.env[name] as string);
  const says = fault ? `${name} can not be right: ${fault}` : `${name} is set`;
  tell({ step: 'key', ok: fault === undefined, says, ...(fault && { mend: `set ${name} anew` }) });
  return fault === undefined;
}

/** Which variable would be obeyed, as the engine does; where it leads is said without user and password. */
function proxyFor(base: URL): { name: string; host: string } | undefined {
  const { env } = process;
  const none = (env['NO_PROXY'] ?? env['no_proxy'] ?? '').split(',').map((one) => one.trim().replace(/^\*?\./, ''));
  const passed = none.some(
    (one) => one === '*' || (one && (base.hostname === one || base.hostname.endsWith(`.${one}`))),
  );
  if (passed) return undefined;
  const names = base.protocol === 'https:' ? ['HTTPS_PROXY', 'https_proxy'] : ['HTTP_PROXY', 'http_proxy'];
  const name = [...names, 'ALL_PROXY', 'all_proxy'].find((name) => env[name]);
  if (name === undefined) return undefined;
  const given = env[name] as string;
  const url = URL.parse?.(given) ?? URL.parse?.(`http://${given}`);
  return { name, host: url ? url.host : 'something that is no URL' };
}

async function name(host: string, tell: (step: Step) => void): Promise<boolean> {
  const started = performance.now();
  try {
    const found = await lookup(host.replace(/^\[|\]$/g, ''), { all: true });
    const says = `${host} is ${found.map(({ address }) => address).join(', ')}`;
    tell({ step: 'dns', ok: true, says, ms: performance.now() - started });
    return true;
  } catch (error) {
    const says = `${host} is not known: ${(error as NodeJS.ErrnoException).code}`;
    tell({ step: 'dns', ok: false, says, ...mended({ code: 'DNS', message: '' }) });
    return false;
  }
}

/** The connection and one HEAD on it. Most statuses only say that somebody is there, as 401, 404 and 405 do. */
async function connection(client: Client, tell: (step: Step) => void): Promise<boolean> {
  const started = performance.now();
  let warmed: Warmup;
  try {
    warmed = await client.warmup({ timeout: LIMIT });
  } catch (error) {
    failed('connect', error as TraeError, tell);
    return false;
  }
  const [first] = warmed.connections;
  const total = performance.now() - started;
  const { connectMs, status, httpVersion, error } = first ?? { connectMs: null };
  if (error) {
    failed('connect', error, tell);
    return false;
  }
  tell({ step: 'connect', ok: true, says: 'TCP, TLS and what stands between', ms: connectMs ?? total });
  const ok = status === undefined || isHealthy(status);
  const says = `answered ${status ?? '?'} over HTTP/${httpVersion ?? '?'}${ok ? '' : ': it is there, and not well'}`;
  tell({
    step: 'head',
    ok,
    says,
    ms: total - (connectMs ?? 0),
    ...(!ok && mended({ code: 'SERVER', status, message: '' })),
  });
  return true;
}

/** Who answers that he knows no HEAD is well. */
function isHealthy(status: number): boolean {
  return status < 500 || status === 501;
}

async function tiny(client: Client, model: string, tell: (step: Step) => void): Promise<void> {
  const messages = [{ role: 'user', content: 'Say hello.' }];
  try {
    const { timing, requestId, data, headers } = await client.post('/messages', { model, max_tokens: 16, messages });
    const usage = `${data.usage?.input_tokens ?? '?'} tokens in, ${data.usage?.output_tokens ?? '?'} out`;
    tell({
      step: 'call',
      ok: true,
      says: `${model} answered, ${usage}, ${requestId ?? 'no request id'}`,
      ms: timing.totalMs ?? 0,
    });
    const left = headers.get('anthropic-ratelimit-requests-remaining');
    const limit = headers.get('anthropic-ratelimit-requests-limit');
    if (left && limit) tell({ step: 'limits', ok: true, says: `${left} of ${limit} requests are left` });
  } catch (error) {
    failed('call', error as TraeError, tell);
  }
}

function failed(step: string, error: TraeError, tell: (step: Step) => void): void {
  const { code, status, message, phase } = error;
  const says = `${message}${phase ? ` (${code} in phase ${phase})` : ''}`;
  tell({ step, ok: false, says, ...mended({ code, status, message }) });
}

function mended(fault: Parameters<typeof remedy>[0]): { mend?: string } {
  const mend = remedy(fault);
  return mend === undefined ? {} : { mend };
}
