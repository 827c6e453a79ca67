// Names of options that nobody knows, and what was meant by them.

import { config as wrong } from './errors.js';
import { nearest } from './spelling.js';

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
  mimeType: 'mediaType',
  mimetype: 'mediaType',
  mime_type: 'mediaType',
  contentType: 'mediaType',
  content_type: 'mediaType',
  maxIterations: 'maxTurns',
  max_iterations: 'maxTurns',
  maxSteps: 'maxTurns',
  max_steps: 'maxTurns',
};

/** Of a name, in a message. */
const LONGEST = 60;

/** Refuses the first option that is none of these, with the name that was meant; `of` says what it is an option of. */
export function requireKnown(options: object, known: readonly string[], of = ''): void {
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined && !known.includes(name))
      throw wrong(`unknown option \`${name.slice(0, LONGEST)}\`${of}: ${meant(name, known)}`);
  }
}

/** Refuses what is one of these but for its spelling. Any other name may be the caller's own, as in all calls. */
export function requireSpelt(options: object, known: readonly string[]): void {
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || known.includes(name)) continue;
    const option = nearTo(name, known);
    if (option) throw wrong(`unknown option \`${name.slice(0, LONGEST)}\`: did you mean \`${option}\`?`);
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
  const elsewhere = Object.hasOwn(ELSEWHERE, name) ? ELSEWHERE[name] : undefined;
  return elsewhere !== undefined && known.includes(elsewhere) ? elsewhere : nearest(name, known);
}
