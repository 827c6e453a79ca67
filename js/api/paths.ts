// Where things are in the Claude API.

import { kindOf, config as wrong } from '../errors.js';

/** A path of the API, which has its version in its paths where the base URL has none. */
export function ofApi(base: unknown, below: string): string {
  return /\/v1\/*(\?.*)?$/.test(String(base ?? '')) ? below : `/v1${below}`;
}

/** An id as one step of a path; one that is missing must not become the list of all. */
export function step(id: unknown, what: string): string {
  if (typeof id !== 'string' || id === '')
    throw wrong(`${what} needs an id, got ${id === '' ? 'an empty string' : kindOf(id)}`);
  // A URL takes these for steps up the path, in whatever way they are written; half a character can't be written at all.
  if (/^\.\.?$/.test(id) || /\p{Surrogate}/u.test(id)) throw wrong(`${what} needs an id, got ${JSON.stringify(id)}`);
  return `/${encodeURIComponent(id)}`;
}
