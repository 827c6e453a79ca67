// Headers as callers give them, in any of their containers, as the one record that the rest reads.

import { kindOf, config as wrong } from './errors.js';
import { fields, guarded, isPlain } from './secrets.js';

export type HeaderRecord = Record<string, unknown>;

const ACCEPTED = '`headers` must be an object, a Map, a Headers or a list of [name, value] pairs';

/** A record of them, in which `null` removes one and a name that was given twice has a list. */
export function plainHeaders(headers: unknown): HeaderRecord {
  const plain: HeaderRecord = Object.create(null);
  if (headers === undefined || headers === null) return plain;
  if (typeof headers === 'object' && isPlain(headers)) {
    for (const [name, value] of Object.entries(headers)) plain[name] = value ?? null;
    return plain;
  }
  for (const [name, value] of pairs(headers)) {
    const lower = name.toLowerCase();
    const present = plain[lower] ?? null;
    plain[lower] = present === null ? (value ?? null) : [present, value ?? []].flat();
  }
  return plain;
}

/** `over` laid over `under`, a record made here; names are the same in any case. */
export function mergeHeaders(under: unknown, over: unknown): HeaderRecord {
  const merged: HeaderRecord = Object.assign(Object.create(null), under);
  const present = new Map(Object.keys(merged).map((name) => [name.toLowerCase(), name]));
  for (const [name, value] of Object.entries(plainHeaders(over))) {
    const before = present.get(name.toLowerCase());
    if (before !== undefined) delete merged[before];
    present.set(name.toLowerCase(), name);
    merged[name] = value;
  }
  return guarded(merged, fields);
}

function pairs(headers: unknown): [string, unknown][] {
  if (!Array.isArray(headers) && !isMap(headers)) throw wrong(`${ACCEPTED}, got ${kindOf(headers)}`);
  return [...headers].map((pair: unknown, at) => {
    if (Array.isArray(pair) && pair.length === 2 && typeof pair[0] === 'string') return pair as [string, unknown];
    throw wrong(`${ACCEPTED}; number ${at + 1} of the list is no such pair`);
  });
}

/** By shape: a Map, and any library's Headers. */
function isMap(headers: unknown): headers is Iterable<unknown> {
  if (typeof headers !== 'object' || headers === null) return false;
  return Symbol.iterator in headers && typeof (headers as Map<string, unknown>).get === 'function';
}
