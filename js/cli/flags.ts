// What was typed, checked: a mistake is told before anything is done.

import { type ParseArgsConfig, parseArgs } from 'node:util';
import { nearest } from '../spelling.js';

/** A mistake of whoever typed the command. */
export class UsageError extends Error {}

type Flags = NonNullable<ParseArgsConfig['options']>;

/** The values of these flags; nothing else may stand there. */
export function flags<F extends Flags>(args: string[], options: F) {
  try {
    return parseArgs({ args, options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    throw new UsageError(inWords(error as NodeJS.ErrnoException, Object.keys(options)));
  }
}

/** What Node says of a mistake; of a flag that nobody knows also which was meant. */
function inWords({ code, message }: NodeJS.ErrnoException, known: string[]): string {
  const [first = message] = message.split(/\.\s/);
  if (code !== 'ERR_PARSE_ARGS_UNKNOWN_OPTION') return first;
  const near = nearest(/'-+([^'=]*)/.exec(first)?.[1] ?? '', known);
  return near ? `${first}: did you mean --${near}?` : `${first}: there are --${known.join(', --')}`;
}

/** An URL to call. It is not repeated: it may hold a key. */
export function address(name: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol))
    throw new UsageError(`--${name} must be an URL such as https://api.anthropic.com`);
  if (url.username || url.password)
    throw new UsageError(`--${name} holds a user name or password: a key is taken from ANTHROPIC_API_KEY`);
  return text;
}

/** A whole number within bounds. */
export function count(name: string, text: string | undefined, most: number, least = 0): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > most || value < least)
    throw new UsageError(`--${name} must be a whole number from ${least} to ${most}`);
  return value;
}
