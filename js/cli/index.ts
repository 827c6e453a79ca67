// The command `trae-native`: its commands, and what it says of a wrong one. Each is built on the package's public names.

import { inWords } from '../beside.js';
import { nearest } from '../spelling.js';
import { UsageError } from './flags.js';

const HELP = `Usage: trae-native <command> [options]

  chat       talk to a model; a conversation can be kept in a file
  proxy      run the caching proxy before the API, with its page
  simulate   run the simulated Claude API
  doctor     say whether this machine reaches the API, and what to mend

trae-native help <command> says more; --version says which version this is.
`;

/** Loaded when they are asked for: what one sets before the engine begins would come too late otherwise. */
const COMMANDS: Record<string, (args: string[]) => Promise<number>> = {
  chat: async (args) => (await import('./chat.js')).chat(args),
  proxy: async (args) => (await import('./proxy.js')).proxy(args),
  simulate: async (args) => (await import('./simulate.js')).simulate(args),
  doctor: async (args) => (await import('./doctor.js')).doctor(args),
};

export async function main([name, ...args]: string[]): Promise<number> {
  if (name === '--version' || name === '-v') {
    const { version } = require('trae-native/package.json') as { version: string };
    process.stdout.write(`${version}\n`);
    return 0;
  }
  if (name === 'help' && args.length > 0) return command(args[0] as string, ['--help']);
  if (name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(HELP);
    return 0;
  }
  if (name !== undefined) return command(name, args);
  process.stderr.write(HELP);
  return 2;
}

function command(name: string, args: string[]): number | Promise<number> {
  const run = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (run) return run(args);
  const near = nearest(name, Object.keys(COMMANDS));
  const meant = near ? ` Did you mean ${near}?` : '';
  process.stderr.write(`trae-native: there is no command ${JSON.stringify(name)}.${meant}\n${HELP}`);
  return 2;
}

/** Runs it, and says in one line what went wrong: a stack is of no use to who types. */
export async function run(): Promise<void> {
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(`trae-native: ${message.replace(/\.?$/, '.')}\n`);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  }
}

/** Nobody takes what is said. A reader that has enough, as `head` does, is no failure; a disk that is full is one. */
function unheard(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(0);
  process.stderr.write(`trae-native: the output can't be written: ${inWords(error)}.\n`);
  process.exit(1);
}

process.stdout.on('error', unheard);
// Of this one nobody could be told.
process.stderr.on('error', () => {});
void run();
