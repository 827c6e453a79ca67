// Which recording comes nearest to what was asked, and where the two differ: what a failing test has to know.

import { isDeepStrictEqual } from 'node:util';
import type { Exchange } from './exchange.js';
import type { Shown } from './stage.js';

/** Of a value, in a message. */
const LONGEST = 60;

export function nearest(asked: Shown, exchanges: readonly Exchange[]): string {
  const ranked = exchanges
    .map(({ request }, place) => ({ request, place, score: likeness(asked, request) }))
    .sort((one, other) => other.score - one.score);
  const best = ranked[0];
  if (best === undefined) return 'it is empty';
  const number = `number ${best.place + 1} comes nearest`;
  const found = difference(asked, best.request);
  if (found === undefined) return `${number}, and is no match by your function`;
  return `${number}, which differs at ${found.at}: asked ${short(found.asked)}, recorded ${short(found.recorded)}`;
}

function likeness(asked: Shown, recorded: Shown): number {
  const [path, query] = asked.url.split('?');
  const [otherPath, otherQuery] = recorded.url.split('?');
  const place =
    (path === otherPath ? 8 : 0) + (query === otherQuery ? 2 : 0) + (asked.method === recorded.method ? 4 : 0);
  if (isDeepStrictEqual(asked.body, recorded.body)) return place + 2;
  const fields = Object.entries(json(asked) ?? {});
  const equal = fields.filter(([name, value]) => isDeepStrictEqual(value, json(recorded)?.[name]));
  return place + (fields.length > 0 ? equal.length / fields.length : 0);
}

function json({ body }: Shown): Record<string, unknown> | undefined {
  const { json } = (body ?? {}) as { json?: unknown };
  return typeof json === 'object' && json !== null ? (json as Record<string, unknown>) : undefined;
}

interface Difference {
  at: string;
  asked: unknown;
  recorded: unknown;
}

function difference(asked: Shown, recorded: Shown): Difference | undefined {
  for (const at of ['method', 'url'] as const)
    if (asked[at] !== recorded[at]) return { at, asked: asked[at], recorded: recorded[at] };
  const [one, other] = [json(asked), json(recorded)];
  return one && other ? first(one, other, 'body') : first(asked.body, recorded.body, 'body');
}

/** The first place at which they differ, as deep as it goes. */
function first(asked: unknown, recorded: unknown, at: string): Difference | undefined {
  if (isDeepStrictEqual(asked, recorded)) return undefined;
  if (!isObject(asked) || !isObject(recorded) || Array.isArray(asked) !== Array.isArray(recorded))
    return { at, asked, recorded };
  for (const name of new Set([...Object.keys(asked), ...Object.keys(recorded)])) {
    const place = Array.isArray(asked) ? `${at}[${name}]` : `${at}.${name}`;
    const found = first(asked[name], recorded[name], place);
    if (found) return found;
  }
  return { at, asked, recorded };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function short(value: unknown): string {
  const text = value === undefined ? 'nothing' : JSON.stringify(value);
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}
