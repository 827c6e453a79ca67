// What was typed, checked: a mistake is told before anything is done.

import { type ParseArgsConfig, parseArgs } from 'node:util';

/** A mistake of whoever typed the command. */
export class UsageError extends Error {}

type Flags = NonNullable<ParseArgsConfig['options']>;

/** The values of these flags; nothing else may stand there. */
export function flags<F extends Flags>(args: string[], options: F) {
  try {
    return parseArgs({ args, options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message.split('. ')[0] : String(error));
  }
}

/** A whole number within bounds. */
export function count(name: string, text: string | undefined, most: number, least = 0): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > most || value < least)
    throw new UsageError(`--${name} must be a whole number from ${least} to ${most}`);
  return value;
}
