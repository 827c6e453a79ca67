// Names of options that nobody knows, and what was meant by them.

import { config as wrong } from './errors.js';

/** Those that a client has, besides the short forms of middlewares; a test compares them with the engine's. */
export const CLIENT_OPTIONS = [
  'baseURL',
  'baseUrl',
  'headers',
  'params',
  'pool',
  'http2',
  'proxy',
  'tls',
  'allowAbsoluteUrls',
  'store',
  'timeout',
  'redirect',
  'maxResponseBytes',
  'maxEventBytes',
  'responseType',
  'pings',
  'transformRequest',
  'transformResponse',
  'validateStatus',
  'signal',
  'sessions',
  'httpAgent',
  'httpsAgent',
  'transport',
] as const;

/** What `claude()` knows besides, and where a client of another kind has it. */
const OF_CLAUDE: Record<string, string> = {
  apiKey: '`auth: { value }`',
  authToken: "`auth: { value, scheme: 'bearer' }`",
  version: 'the header `anthropic-version`',
  betas: 'the header `anthropic-beta`',
};
export const CLAUDE_OPTIONS = Object.keys(OF_CLAUDE);

/** Those of a call, where they stand beside members of its body. */
export const CALL_OPTIONS: readonly string[] = [
  'headers',
  'params',
  'timeout',
  'retry',
  'redirect',
  'cache',
  'priority',
  'maxResponseBytes',
  'maxEventBytes',
  'pings',
  'skipValidation',
  'validateStatus',
  'transformRequest',
  'transformResponse',
  'middlewares',
];

/** What others call what is here called otherwise, too far from it for a slip of the keyboard. */
const ELSEWHERE: Record<string, string> = {
  retries: 'retry',
  maxRetries: 'retry',
  maxIterations: 'maxTurns',
  max_iterations: 'maxTurns',
  maxSteps: 'maxTurns',
  max_steps: 'maxTurns',
};

/** Of a name, in a message. */
const LONGEST = 60;

/** Refuses the first option that is none of these, with the name that was meant. */
export function requireKnown(options: object, known: readonly string[]): void {
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined && !known.includes(name))
      throw wrong(`unknown option \`${name.slice(0, LONGEST)}\`: ${meant(name, known)}`);
  }
}

function meant(name: string, known: readonly string[]): string {
  const claudes = nearest(
    name,
    CLAUDE_OPTIONS.filter((option) => !known.includes(option)),
  );
  const near = nearTo(name, known);
  if (near) return `did you mean \`${near}\`?`;
  if (claudes) return `\`${claudes}\` is an option of claude(): here it is ${OF_CLAUDE[claudes]}`;
  return `known names are \`${known.join('`, `')}\``;
}

/** The one of these that was meant by a name which is none of them. */
export function nearTo(name: string, known: readonly string[]): string | undefined {
  const near = (Object.hasOwn(ELSEWHERE, name) && ELSEWHERE[name]) || nearest(name, known);
  return near && known.includes(near) ? near : undefined;
}

/** As the engine does it: a third of a name may be otherwise. */
function nearest(name: string, known: readonly string[]): string | undefined {
  let found: { option: string; distance: number } | undefined;
  for (const option of known) {
    const most = Math.floor(Math.max(option.length, name.length) / 3);
    // Long names are not worth comparing: they are too far from all.
    if (Math.abs(option.length - name.length) > most) continue;
    const distance = edits(name.toLowerCase(), option.toLowerCase());
    if (distance <= most && distance < (found?.distance ?? Infinity)) found = { option, distance };
  }
  return found?.option;
}

/** How many letters have to be put in, left out, replaced or swapped with their neighbour. */
function edits(from: string, to: string): number {
  let before: number[] = [];
  let row = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (let i = 1; i <= from.length; i++) {
    const above = row;
    row = [i];
    for (let j = 1; j <= to.length; j++) {
      const same = from[i - 1] === to[j - 1] ? 0 : 1;
      let least = Math.min(at(above, j) + 1, at(row, j - 1) + 1, at(above, j - 1) + same);
      const swapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      if (swapped) least = Math.min(least, at(before, j - 2) + 1);
      row.push(least);
    }
    before = above;
  }
  return at(row, to.length);
}

const at = (row: readonly number[], place: number): number => row[place] as number;
