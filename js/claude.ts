// A client for the Claude API as a service in production wants it.

import { Client } from './client.js';
import type { Options } from './config.js';
import { config as wrong } from './errors.js';

export interface ClaudeOptions extends Options {
  apiKey?: unknown;
  authToken?: unknown;
  version?: string;
  betas?: readonly string[];
}

const API = 'https://api.anthropic.com';
const VERSION = '2023-06-01';

/** A client with a key, a version, retries and a log of failures; each of its options says otherwise. */
export function claude(options: ClaudeOptions = {}): Client {
  const { apiKey, authToken, version = VERSION, betas, baseURL, baseUrl, headers, ...rest } = options;
  const beta = betas === undefined ? {} : { 'anthropic-beta': betas.join(',') };
  return new Client({
    retry: true,
    logger: { level: 'warn' },
    ...(rest['jwt'] === undefined && rest['auth'] === undefined && { auth: credential(apiKey, authToken) }),
    ...rest,
    baseURL: versioned(baseURL ?? baseUrl ?? env('CLAUDE_BASE_URL', 'ANTHROPIC_BASE_URL') ?? API),
    headers: { 'anthropic-version': version, ...beta, ...headers },
  });
}

/** What is given comes before what the environment has. */
function credential(apiKey: unknown, authToken: unknown): object {
  if (apiKey !== undefined && authToken !== undefined) throw wrong('`apiKey` and `authToken` are both given: give one');
  if (apiKey !== undefined) return of(apiKey);
  if (authToken !== undefined) return { ...of(authToken), scheme: 'bearer' };
  const key = env('CLAUDE_API_KEY', 'ANTHROPIC_API_KEY');
  if (key !== undefined) return { value: key };
  const token = env('ANTHROPIC_AUTH_TOKEN');
  if (token !== undefined) return { value: token, scheme: 'bearer' };
  throw wrong('claude() needs a key: set ANTHROPIC_API_KEY, or give `apiKey`, `authToken`, `auth` or `jwt`');
}

const of = (value: unknown): object => (typeof value === 'function' ? { provider: value } : { value });

function env(...names: string[]): string | undefined {
  return names.map((name) => process.env[name]).find((value) => value !== undefined && value !== '');
}

/** Both forms are common: with the version of the API in the base URL, and without it. */
function versioned(base: unknown): unknown {
  return typeof base === 'string' ? `${base.replace(/(\/v1)?\/*$/, '')}/v1` : base;
}
