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
  const judge = (result: Result): unknown => {
    if (result.issues !== undefined) throw fault(result.issues);
    return result.value;
  };
  const result = schema['~standard'].validate(value);
  return 'then' in result ? result.then(judge) : judge(result);
}

/** Where the issues are. Their own words may quote what they found, and that is nobody's but the caller's. */
export function places(issues: readonly Issue[]): string {
  const all = [...new Set(Array.from(issues, ({ path = [] }) => path.reduce(further, '') || 'its root'))];
  const more = all.length > NAMED ? ` and ${all.length - NAMED} more places` : '';
  return `${all.slice(0, NAMED).join(', ')}${more}`;
}

function further(place: string, part: PropertyKey | { readonly key: PropertyKey }): string {
  const key = typeof part === 'object' ? part.key : part;
  if (typeof key === 'number' || /^\d{1,9}$/.test(String(key))) return `${place}[${String(key)}]`;
  const name = String(key);
  if (/^[A-Za-z_$][\w$]*$/.test(name) && name.length <= LONGEST) return place === '' ? name : `${place}.${name}`;
  return `${place}[${JSON.stringify(name.length > LONGEST ? `${name.slice(0, LONGEST)}…` : name)}]`;
}
