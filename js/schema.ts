// Standard Schema (standardschema.dev): what zod, valibot, arktype and others agree on, and what we say of a failure.

import { kindOf, config as wrong } from './errors.js';

/** What a schema found wrong, and where. */
export interface Issue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

type Result = { readonly value: unknown; readonly issues?: undefined } | { readonly issues: readonly Issue[] };

export interface Schema {
  readonly '~standard': { readonly version: 1; validate(value: unknown): Result | Promise<Result> };
}

/** How many places a message names. */
const NAMED = 5;
/** A name in a path may be the answer's own and of any length. */
const LONGEST = 40;
/** How far down a place is told. */
const PARTS = 16;

/** Refuses what is no schema; those of some libraries are functions. */
export function requireSchema(given: unknown): Schema {
  const standard = (given as Partial<Schema> | null | undefined)?.['~standard'];
  if (standard?.version === 1 && typeof standard.validate === 'function') return given as Schema;
  throw wrong(
    `validate() takes a schema that speaks Standard Schema, as those of zod, valibot and arktype do, got ${kindOf(given)}`,
  );
}

/** The schema's output, or what `fault` makes of the issues, thrown; a promise only where the schema gives one. */
export function checked(schema: Schema, value: unknown, fault: (issues: readonly Issue[]) => Error): unknown {
  const judge = (result: unknown): unknown => {
    const { issues, value } = required(result);
    if (issues !== undefined) throw fault(issues);
    return value;
  };
  const result: unknown = schema['~standard'].validate(value);
  return isPromise(result) ? result.then(judge) : judge(result);
}

function isPromise(result: unknown): result is PromiseLike<unknown> {
  return typeof (result as Partial<PromiseLike<unknown>> | null | undefined)?.then === 'function';
}

/** What a schema gave, if that is what Standard Schema says: what is not must not pass for a judgement. */
function required(result: unknown): { issues?: readonly Issue[]; value?: unknown } {
  if (typeof result !== 'object' || result === null)
    throw wrong(`the schema of validate() breaks its contract: it gave ${kindOf(result)}, where an object must be`);
  const { issues } = result as { issues?: unknown };
  if (issues !== undefined && !Array.isArray(issues))
    throw wrong(`the schema of validate() breaks its contract: its \`issues\` are ${kindOf(issues)} and no list`);
  return result;
}

/** Where the issues are. Their own words may quote what they found, and that is nobody's but the caller's. */
export function places(issues: readonly Issue[]): string {
  const all = [...new Set(Array.from(issues, (issue) => placeOf(issue) || 'its root'))];
  const more = all.length > NAMED ? ` and ${all.length - NAMED} more places` : '';
  return `${all.slice(0, NAMED).join(', ')}${more}`;
}

/** As far as it can be read: a schema of nobody's library may have put anything there. */
function placeOf(issue: unknown): string {
  const path = (issue as Partial<Issue> | null | undefined)?.path;
  if (!Array.isArray(path)) return '';
  return `${path.slice(0, PARTS).reduce(further, '')}${path.length > PARTS ? '…' : ''}`;
}

function further(place: string, part: unknown): string {
  const key = typeof part === 'object' && part !== null ? (part as { key?: unknown }).key : part;
  const odd = typeof key === 'function' || (typeof key === 'object' && key !== null);
  const name = odd ? kindOf(key) : String(key);
  if (typeof key === 'number' || /^\d{1,9}$/.test(name)) return `${place}[${name}]`;
  if (/^[A-Za-z_$][\w$]*$/.test(name) && name.length <= LONGEST) return place === '' ? name : `${place}.${name}`;
  return `${place}[${JSON.stringify(name.length > LONGEST ? `${name.slice(0, LONGEST)}…` : name)}]`;
}
