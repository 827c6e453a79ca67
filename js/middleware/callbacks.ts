// The caller's functions in native middlewares: how each is asked, and what of its answer goes back.

import type { Ask } from '../callback.js';
import { fromFailure, kindOf, config as wrong } from '../errors.js';
import { surface } from '../words.js';

/** A credential as a provider gives it. */
type Credential = string | { token: string; expiresAt?: Date | number; lifetimeMs?: number };

type Provider = (ask: { reason: string; readonly signal: AbortSignal }) => Credential | Promise<Credential>;

/** Gives a credential when one is needed. */
export const provider =
  (given: Provider): Ask =>
  async (question, signal) => {
    const { reason } = JSON.parse(question);
    return told(
      await given({
        reason,
        get signal() {
          return signal();
        },
      }),
    );
  };

/** What it refuses continues "its provider failed:". */
function told(given: unknown): { token: string; lifetimeMs?: number } {
  if (typeof given === 'string') return { token: given };
  if (typeof given !== 'object' || given === null) throw wrong(`it gave ${kindOf(given)}, ${WANTED}`);
  const { token, expiresAt, lifetimeMs } = given as Record<string, unknown>;
  if (typeof token !== 'string') throw wrong(`it gave a \`token\` that is ${kindOf(token)}, ${WANTED}`);
  if (expiresAt !== undefined && lifetimeMs !== undefined)
    throw wrong('it gave `expiresAt` and `lifetimeMs`: give one');
  if (expiresAt === undefined && lifetimeMs === undefined) return { token };
  const left = expiresAt === undefined ? time('lifetimeMs', lifetimeMs) : until(expiresAt);
  if (left > 0) return { token, lifetimeMs: left };
  // Sent, it would be refused, and asked for again by every call.
  const name = expiresAt === undefined ? 'lifetimeMs' : 'expiresAt';
  throw wrong(`it gave \`${name}\` that has passed already; is it in seconds? milliseconds are wanted`);
}

const WANTED = 'where a string or { token, expiresAt, lifetimeMs } is wanted';

const until = (at: unknown): number => time('expiresAt', at instanceof Date ? at.getTime() : at) - Date.now();

function time(name: string, value: unknown): number {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  const wanted = name === 'expiresAt' ? 'a Date or milliseconds since 1970' : 'milliseconds';
  throw wrong(`it gave \`${name}\` that is ${kindOf(value)}, where ${wanted} must be`);
}

/** Decides which failures are worth another attempt. */
export const shouldRetry =
  (given: (error: unknown, attempt: number) => unknown): Ask =>
  async (question) => {
    const { error, attempt } = JSON.parse(question);
    return Boolean(await given(fromFailure(error), attempt));
  };

/** Says what a call belongs to. */
export const key =
  (given: (req: object) => unknown): Ask =>
  async (question) => {
    const key = await given(JSON.parse(question));
    if (key === undefined || key === null) return null;
    if (typeof key === 'string') return key;
    throw wrong(`\`key\` gave ${kindOf(key)}, where a string is wanted`);
  };

/** Takes the lines of a log, those of one wake-up together. What it throws at one of them keeps it from no other. */
export const sink =
  (given: (line: object) => unknown): Ask =>
  (lines) => {
    for (const line of JSON.parse(lines)) {
      try {
        given(line);
      } catch (thrown) {
        surface(thrown);
      }
    }
  };

/** Is told of each retry. */
export const onRetry =
  (given: (error: unknown, attempt: number, waitMs: number) => unknown): Ask =>
  (question) => {
    const { error, attempt, waitMs } = JSON.parse(question);
    return given(fromFailure(error), attempt, waitMs);
  };
