// The caller's functions in native middlewares: how each is asked, and what of its answer goes back.

import type { Ask } from '../callback.js';
import { fromFailure, kindOf, config as wrong } from '../errors.js';

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

function told(given: unknown): { token: string; lifetimeMs?: number } {
  if (typeof given === 'string') return { token: given };
  if (typeof given !== 'object' || given === null) throw wrong(`${GIVES}, got ${kindOf(given)}`);
  const { token, expiresAt, lifetimeMs } = given as Record<string, unknown>;
  if (typeof token !== 'string') throw wrong(`${GIVES}, got a \`token\` that is ${kindOf(token)}`);
  if (expiresAt !== undefined && lifetimeMs !== undefined)
    throw wrong('the provider of `auth` gave `expiresAt` and `lifetimeMs`: give one');
  if (lifetimeMs !== undefined) return { token, lifetimeMs: time('lifetimeMs', lifetimeMs) };
  if (expiresAt === undefined) return { token };
  const at = expiresAt instanceof Date ? expiresAt.getTime() : expiresAt;
  return { token, lifetimeMs: time('expiresAt', at) - Date.now() };
}

const GIVES = 'the provider of `auth` must give a string or { token, expiresAt, lifetimeMs }';

function time(name: string, value: unknown): number {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  const wanted = name === 'expiresAt' ? 'a Date or milliseconds since 1970' : 'milliseconds';
  throw wrong(`\`${name}\`, which the provider of \`auth\` gave, must be ${wanted}, got ${kindOf(value)}`);
}

/** Decides which failures are worth another attempt. */
export const shouldRetry =
  (given: (error: unknown, attempt: number) => unknown): Ask =>
  async (question) => {
    const { error, attempt } = JSON.parse(question);
    return Boolean(await given(fromFailure(error), attempt));
  };

/** Takes the lines of a log, those of one wake-up together. What it throws at one of them keeps it from no other. */
export const sink =
  (given: (line: object) => unknown): Ask =>
  (lines) => {
    for (const line of JSON.parse(lines)) {
      try {
        given(line);
      } catch (thrown) {
        queueMicrotask(() => {
          throw thrown;
        });
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
