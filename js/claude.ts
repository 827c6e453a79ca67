// A client for the Claude API as a service in production wants it.

import { Client } from './client.js';
import { type Options, requireObject } from './config.js';
import { kindOf, placed, config as wrong } from './errors.js';
import { SHORT_FORMS } from './middleware/short.js';
import { CLAUDE_OPTIONS, CLIENT_OPTIONS, requireKnown } from './names.js';
import { type HeaderRecord, mergeHeaders } from './request-headers.js';

export interface ClaudeOptions extends Options {
  apiKey?: unknown;
  authToken?: unknown;
  version?: unknown;
  betas?: unknown;
}

const API = 'https://api.anthropic.com';
const VERSION = '2023-06-01';

const KNOWN = [...CLIENT_OPTIONS, ...SHORT_FORMS, ...CLAUDE_OPTIONS];

/** A client with a key, a version, retries and a log of failures; each of its options says otherwise. */
export function claude(options: ClaudeOptions = {}): Client {
  return placed(claude, () => new Client(preset(options)));
}

function preset(options: ClaudeOptions): Options {
  requireObject(options, 'the options of claude()');
  // Before anything else is asked for: a key under a name that nobody knows is a key all the same.
  requireKnown(options, KNOWN);
  // One that is undefined must not take a default out.
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const { apiKey, authToken, version, betas, baseURL, baseUrl, headers: own, ...rest } = given as ClaudeOptions;
  const headers = mergeHeaders({ ...versions(version), ...beta(betas) }, own);
  const auth = credential(
    { apiKey, authToken, auth: rest['auth'], jwt: rest['jwt'], keyPool: rest['keyPool'] },
    headers,
  );
  return {
    retry: true,
    logger: { level: 'warn' },
    ...(auth && { auth }),
    ...rest,
    baseURL: versioned(baseURL ?? baseUrl ?? env('CLAUDE_BASE_URL', 'ANTHROPIC_BASE_URL') ?? API),
    headers,
  };
}

function versions(version: unknown = VERSION): HeaderRecord {
  if (typeof version === 'string' && version !== '') return { 'anthropic-version': version };
  throw wrong(
    `\`version\` must be a date as '${VERSION}', got ${version === '' ? 'an empty string' : kindOf(version)}`,
  );
}

function beta(betas: unknown = []): HeaderRecord {
  const names: unknown[] = Array.isArray(betas) ? betas : [betas];
  const wrongOne = names.find((name) => typeof name !== 'string' || name === '');
  if (wrongOne !== undefined || names.includes(undefined))
    throw wrong(`\`betas\` must be a list of names, got ${wrongOne === '' ? 'an empty string' : kindOf(wrongOne)}`);
  return names.length === 0 ? {} : { 'anthropic-beta': names.join(',') };
}

/** What is given comes before what the environment has; nothing where another option or a header is the credential. */
function credential(given: Record<string, unknown>, headers: HeaderRecord): object | undefined {
  const names = Object.keys(given).filter((name) => given[name] !== undefined);
  const ours = names.find((name) => name === 'apiKey' || name === 'authToken');
  if (ours !== undefined && names.length > 1)
    throw wrong(`\`${names[0]}\` and \`${names[1]}\` are both given: give one`);
  if (ours !== undefined) return of(ours, given[ours]);
  if (names.length > 0 || has(headers, 'x-api-key')) return undefined;
  const key = env('CLAUDE_API_KEY', 'ANTHROPIC_API_KEY');
  if (key !== undefined) return { value: key };
  const token = env('ANTHROPIC_AUTH_TOKEN');
  if (token !== undefined) return { value: token, scheme: 'bearer' };
  if (has(headers, 'authorization')) return undefined;
  throw wrong('claude() needs a key: set ANTHROPIC_API_KEY, or give `apiKey`, `authToken`, `auth`, `jwt` or `keyPool`');
}

function of(name: string, value: unknown): object {
  const scheme = name === 'authToken' ? { scheme: 'bearer' } : {};
  if (typeof value === 'function') return { ...scheme, provider: value };
  if (typeof value === 'string' && value !== '') return { ...scheme, value };
  throw wrong(`\`${name}\` must be a string or a function, got ${value === '' ? 'an empty string' : kindOf(value)}`);
}

const has = (headers: HeaderRecord, name: string): boolean =>
  Object.entries(headers).some(([given, value]) => given.toLowerCase() === name && value !== null && value !== '');

function env(...names: string[]): string | undefined {
  return names.map((name) => process.env[name]).find((value) => value !== undefined && value !== '');
}

/** Both forms are common: with the version of the API in the base URL, and without it. */
function versioned(base: unknown): unknown {
  if (typeof base !== 'string' && !(base instanceof URL)) return base;
  const [, path = '', query = ''] = /^([^?#]*)(.*)$/s.exec(String(base)) ?? [];
  return `${path.replace(/(\/v1)?\/*$/, '')}/v1${query}`;
}
