// A client's and a call's options: merged, and brought into the JSON that Rust checks.

import { config as wrong } from './errors.js';
import { guarded, isPlain } from './secrets.js';

// biome-ignore lint/suspicious/noExplicitAny: options are free-form here; Rust checks each by name.
export type Options = Record<string, any>;

/** Options whose objects are laid over each other field by field; all others replace. */
const MERGED = new Set(['headers', 'params', 'pool', 'tls', 'timeout']);
const FUNCTION = '[function]';

/** `over` laid over `under`; header names are the same in any case. Neither is changed. */
export function merge(under: Options, over: Options | undefined): Options {
  const merged: Options = { ...under };
  for (const [name, value] of Object.entries(over ?? {})) {
    if (value === undefined) continue;
    const key = name === 'baseUrl' ? 'baseURL' : name;
    const present = merged[key];
    const both = MERGED.has(key) && isObject(present) && isObject(value);
    merged[key] = key === 'headers' ? mergeHeaders(present, value) : both ? { ...present, ...value } : value;
  }
  return guarded(merged);
}

function mergeHeaders(under: unknown, over: unknown): Options {
  const merged: Options = Object.assign(Object.create(null), under);
  for (const [name, value] of headerEntries(over)) {
    const lower = name.toLowerCase();
    for (const present of Object.keys(merged)) if (present.toLowerCase() === lower) delete merged[present];
    merged[name] = value ?? null;
  }
  return guarded(merged);
}

/** A record, a list of pairs, a Map or fetch's Headers. */
function headerEntries(headers: unknown): [string, unknown][] {
  if (headers === null || headers === undefined) return [];
  if (typeof headers !== 'object') throw wrong(`headers must be an object, got a ${typeof headers}`);
  if (Symbol.iterator in headers) return [...(headers as Iterable<[string, unknown]>)];
  return Object.entries(headers);
}

/** Headers as Rust takes them: `null` removes one. */
export function plainHeaders(headers: unknown): Options {
  const plain: Options = Object.create(null);
  for (const [name, value] of headerEntries(headers)) {
    const more = Object.hasOwn(plain, name) && Symbol.iterator in (headers as object);
    plain[name] = more ? [plain[name], value ?? null].flat() : (value ?? null);
  }
  return plain;
}

/** The client's options as JSON. */
export function clientJson(options: Options): string {
  const { httpAgent, httpsAgent, signal: _signal, ...rest } = options;
  const agent = httpsAgent ?? httpAgent;
  const pool = agent ? { ...poolOf(agent), ...rest.pool } : rest.pool;
  const judgeStatus = 'validateStatus' in rest ? { judgeStatus: true } : {};
  return JSON.stringify(
    { ...rest, ...judgeStatus, pool, tls: textual(rest.tls), headers: rest.headers && plainHeaders(rest.headers) },
    known,
  );
}

/** What an agent of `node:http` says about its pool. */
function poolOf(agent: { options?: Options } & Options): Options {
  const { keepAlive, maxSockets, maxFreeSockets, timeout } = { ...agent.options, ...own(agent) };
  const pool: Options = {};
  if (typeof keepAlive === 'boolean') pool['keepAlive'] = keepAlive;
  if (Number.isFinite(maxSockets)) pool['maxSockets'] = maxSockets;
  if (Number.isFinite(maxFreeSockets)) pool['maxFreeSockets'] = maxFreeSockets;
  if (Number.isFinite(timeout) && timeout > 0) pool['idleTimeout'] = timeout;
  return pool;
}

function own(agent: Options): Options {
  return { keepAlive: agent['keepAlive'], maxSockets: agent['maxSockets'], maxFreeSockets: agent['maxFreeSockets'] };
}

/** Certificates and keys are PEM texts, however they were read. */
function textual(tls: unknown): unknown {
  if (!isObject(tls)) return tls;
  const text = (value: unknown): unknown =>
    ArrayBuffer.isView(value) ? Buffer.from(value as Uint8Array).toString() : value;
  const entries = Object.entries(tls).map(([name, value]) => [
    name,
    Array.isArray(value) ? value.map(text) : text(value),
  ]);
  return Object.fromEntries(entries);
}

/** What JSON would drop or spoil, said so that Rust can judge it. */
function known(_name: string, value: unknown): unknown {
  if (typeof value === 'function') return FUNCTION;
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  return value;
}

/** Names of a call's options that Rust reads; the rest is the caller's own. */
const CALL = ['timeout', 'redirect', 'maxResponseBytes', 'maxEventBytes', 'responseType', 'pings'] as const;

/** A call's options as JSON, or nothing where it has none of its own. */
export function callJson(options: Options | undefined, judge: boolean, shape: string | undefined): string | undefined {
  if (options === undefined && !judge && shape === undefined) return undefined;
  const json: Options = {};
  let some = false;
  for (const name of CALL) {
    if (options?.[name] === undefined) continue;
    json[name] = options[name];
    some = true;
  }
  if (options?.['headers'] !== undefined) json['headers'] = plainHeaders(options['headers']);
  if (options?.['params'] !== undefined) json['params'] = params(options['params']);
  if (judge) json['judgeStatus'] = true;
  if (shape !== undefined && json['responseType'] === undefined) json['responseType'] = shape;
  return some || Object.keys(json).length > 0 ? JSON.stringify(json, known) : undefined;
}

export function params(value: unknown): unknown {
  return value instanceof URLSearchParams ? value.toString() : value;
}

function isObject(value: unknown): value is Options {
  return typeof value === 'object' && value !== null && (isPlain(value) || !Array.isArray(value));
}
