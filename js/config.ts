// A client's and a call's options: merged, and brought into the JSON that Rust checks.

import { isDeepStrictEqual } from 'node:util';
import { kindOf, TraeError, config as wrong } from './errors.js';
import type { Native } from './middleware/native.js';
import { mergeHeaders, plainHeaders } from './request-headers.js';
import { fields, guarded, isPlain } from './secrets.js';

// biome-ignore lint/suspicious/noExplicitAny: options are free-form here; Rust checks each by name.
export type Options = Record<string, any>;

/** Among a call's options, where nobody else sees it: the session that the call is a turn of. */
export const SESSION = Symbol('session');

/** A turn of a session: what keeps it, and what that is told. */
export interface Turn {
  native: Native;
  session: object;
}

/** Options whose objects are laid over each other field by field; all others replace. */
const MERGED = new Set(['params', 'pool', 'tls', 'timeout']);
const FUNCTIONS = ['validateStatus', 'transformRequest', 'transformResponse'] as const;
const AGENTS = ['httpAgent', 'httpsAgent'] as const;
const FUNCTION = '[function]';

/** `over` laid over `under`; header names are the same in any case. Neither is changed. */
export function merge(under: Options, over: Options | undefined): Options {
  const merged: Options = { ...under };
  for (const [name, value] of Object.entries(over ?? {})) {
    if (value === undefined) continue;
    if (name === '__proto__') throw wrong('unknown option `__proto__`');
    const key = name === 'baseUrl' ? 'baseURL' : name;
    const present = merged[key];
    if (key === 'headers') merged[key] = mergeHeaders(present, value);
    else merged[key] = MERGED.has(key) && isLiteral(present) && isLiteral(value) ? { ...present, ...value } : value;
  }
  if (isLiteral(merged['tls'])) merged['tls'] = guarded({ ...merged['tls'] }, fields);
  if (isLiteral(merged['store'])) merged['store'] = guardedStore(merged['store']);
  return guarded(merged);
}

/** Options that tell when they, or one of the objects in them that are ours, are changed. */
export function live<T extends Options>(options: T, changed: () => void): T {
  return new Proxy(options, {
    get(target, name, receiver) {
      const value = Reflect.get(target, name, receiver);
      const nested = name === 'headers' || MERGED.has(name as string);
      return nested && isLiteral(value) ? live(value, changed) : value;
    },
    defineProperty(target, name, property) {
      changed();
      return Reflect.defineProperty(target, name, property);
    },
    deleteProperty(target, name) {
      changed();
      return Reflect.deleteProperty(target, name);
    },
  });
}

/** Refuses what is no set of options at all, and would otherwise be one without any. */
export function requireObject(value: unknown, whose: string): asserts value is Options {
  const set = typeof value === 'object' && value !== null && !(Symbol.iterator in value);
  if (!set) throw wrong(`${whose} must be an object, got ${kindOf(value)}`);
}

/** What only a client has: a call would go somewhere else than its caller thinks. */
const CLIENTS = [
  'baseURL',
  'baseUrl',
  'pool',
  'http2',
  'proxy',
  'tls',
  'store',
  'sessions',
  'httpAgent',
  'httpsAgent',
  'allowAbsoluteUrls',
  'transport',
];

/** Refuses a client's options in a call, unless they are that client's own: `res.config` may be used again. */
export function requireNoClients(call: Options | undefined, client: Options): void {
  if (call === undefined || call === null) return;
  for (const name of CLIENTS) {
    const given = call[name];
    // By content: some are copied wherever options are merged.
    if (given === undefined || isDeepStrictEqual(given, client[name === 'baseUrl' ? 'baseURL' : name])) continue;
    throw wrong(`\`${name}\` is an option of a client, not of a call: use extend({ ${name}: … })`);
  }
}

/** Checks what JavaScript reads itself, of a client or of a call, so that nothing is sent first. */
export function requireFunctions(options: Options | undefined): void {
  for (const name of FUNCTIONS) {
    const value = options?.[name];
    if (value === undefined || value === null || typeof value === 'function') continue;
    throw wrong(`\`${name}\` must be a function, got ${kindOf(value)}`);
  }
}

/** By shape, since agents come from many libraries. */
export function requireAgents(options: Options): void {
  for (const name of AGENTS) {
    const agent = options[name];
    if (agent === undefined || agent === null) continue;
    if (typeof agent === 'object' && ('options' in agent || 'maxSockets' in agent)) continue;
    throw wrong(`\`${name}\` must be an agent of node:http or node:https, got ${kindOf(agent)}`);
  }
}

/** The signal, in a form that we can leave whatever it does. */
export function signalOf(signal: unknown): AbortSignal | undefined {
  if (signal === undefined || signal === null) return undefined;
  const given = signal as AbortSignal;
  if (signal instanceof AbortSignal && given.removeEventListener === EventTarget.prototype.removeEventListener)
    return signal;
  if (typeof given.addEventListener !== 'function' || typeof given.removeEventListener !== 'function')
    throw wrong(`\`signal\` must be an AbortSignal, got ${kindOf(signal)}`);
  // What a signal that is not Node's own throws when a call leaves it must not cost that call its end.
  const leave = (name: string, listener: () => void): void => {
    try {
      given.removeEventListener(name, listener);
    } catch {}
  };
  return Object.create(given, {
    aborted: { get: () => given.aborted },
    reason: { get: () => given.reason },
    addEventListener: { value: given.addEventListener.bind(given) },
    removeEventListener: { value: leave },
  });
}

/** The client's options as JSON. */
export function clientJson(options: Options): string {
  const { httpAgent, httpsAgent, signal: _signal, transport: _transport, ...rest } = options;
  const agent = httpsAgent ?? httpAgent;
  const pool = agent ? { ...poolOf(agent), ...rest.pool } : rest.pool;
  const judgeStatus = 'validateStatus' in rest ? { $judgeStatus: true } : {};
  const { tls, headers, store } = rest;
  return json({
    ...rest,
    ...judgeStatus,
    pool,
    tls: textual(tls),
    store: plainStore(store),
    params: params(rest.params),
    headers: headers && plainHeaders(headers),
  });
}

/** What an agent of `node:http` says about its pool. */
function poolOf(agent: { options?: Options } & Options): Options {
  const { keepAlive, maxSockets, maxFreeSockets } = agent;
  const { timeout, ...options } = { ...agent.options };
  const pool: Options = {};
  if (typeof (keepAlive ?? options['keepAlive']) === 'boolean') pool['keepAlive'] = keepAlive ?? options['keepAlive'];
  // Infinity is an agent's word for no limit, and so is leaving it out.
  for (const [name, value] of Object.entries({ maxSockets, maxFreeSockets })) {
    const size = value ?? options[name];
    if (Number.isFinite(size)) pool[name] = size;
  }
  if (Number.isFinite(timeout) && timeout > 0) pool['idleTimeout'] = timeout;
  return pool;
}

/** Where state is shared holds passwords and keys, in itself and further in. */
function guardedStore(store: Options): Options {
  const inner = Object.entries(store).map(([name, value]) => [
    name,
    isLiteral(value) ? guarded({ ...value }, fields) : value,
  ]);
  return guarded(Object.fromEntries(inner), fields);
}

/** The option `store` as Rust reads it: URLs and PEM as texts, and nothing hidden. */
export function plainStore(store: unknown): unknown {
  if (store instanceof URL) return store.href;
  if (typeof store !== 'object' || store === null || !isLiteral(store)) return store;
  const { url, tls, sentinel } = store;
  const text = (one: unknown): unknown => (one instanceof URL ? one.href : one);
  return {
    ...store,
    url: Array.isArray(url) ? url.map(text) : text(url),
    tls: textual(tls),
    sentinel: isLiteral(sentinel) ? { ...sentinel } : sentinel,
  };
}

/** Certificates and keys are PEM texts, however they were read. */
function textual(tls: unknown): unknown {
  if (typeof tls !== 'object' || tls === null || Array.isArray(tls)) return tls;
  const text = (value: unknown): unknown =>
    ArrayBuffer.isView(value) ? Buffer.from(value as Uint8Array).toString() : value;
  const entries = Object.entries(tls).map(([name, value]) => [
    name,
    Array.isArray(value) ? value.map(text) : text(value),
  ]);
  return Object.fromEntries(entries);
}

/** Options as JSON, with nothing in them lost on the way. */
export function json(options: Options): string {
  try {
    return JSON.stringify(options, known);
  } catch (cause) {
    if (cause instanceof TraeError) throw cause;
    throw wrong(`the options can't be written as JSON: ${(cause as Error).message}`, cause);
  }
}

/** What JSON would drop or spoil, said so that Rust can judge it, or refused where it could not. */
function known(name: string, value: unknown): unknown {
  if (typeof value === 'function') return FUNCTION;
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  if (typeof value === 'symbol' || value instanceof Map || value instanceof Set)
    throw wrong(`\`${name}\` can't be ${kindOf(value)}`);
  return value;
}

/** Names of a call's options that Rust reads; the rest is the caller's own. */
const CALL = [
  'timeout',
  'retry',
  'cache',
  'priority',
  'redirect',
  'maxResponseBytes',
  'maxEventBytes',
  'responseType',
  'pings',
] as const;

/** A call's options as JSON, or nothing where it has none of its own. */
export function callJson(
  options: Options | undefined,
  judge: boolean,
  shape: string | undefined,
  fetched?: { seen: boolean },
): string | undefined {
  const turn = (options as { [SESSION]?: Turn } | undefined)?.[SESSION];
  if (options === undefined && !judge && shape === undefined) return undefined;
  const own: Options = {};
  let some = false;
  for (const name of CALL) {
    if (options?.[name] === undefined) continue;
    own[name] = options[name];
    some = true;
  }
  if (options?.['headers'] !== undefined) own['headers'] = plainHeaders(options['headers']);
  if (options?.['params'] !== undefined) own['params'] = params(options['params']);
  if (judge) own['$judgeStatus'] = true;
  if (fetched) own['$fetch'] = fetched.seen;
  if (turn !== undefined) own['$session'] = turn.session;
  if (shape !== undefined && own['responseType'] === undefined) own['responseType'] = shape;
  return some || Object.keys(own).length > 0 ? json(own) : undefined;
}

/** A call's parameters as JSON, all of them. */
export function callParams(value: unknown): string {
  return json({ params: params(value) ?? null }).slice('{"params":'.length, -1);
}

function params(value: unknown): unknown {
  return value instanceof URLSearchParams ? value.toString() : value;
}

function isLiteral(value: unknown): value is Options {
  return typeof value === 'object' && value !== null && isPlain(value);
}
