// The command `trae-native`: its commands, and what it says of a wrong one. Each is built on the package's public names.

import { chat } from './chat.js';
import { doctor } from './doctor.js';
import { UsageError } from './flags.js';
import { simulate } from './simulate.js';

const HELP = `Usage: trae-native <command> [options]

  chat       talk to a model; a conversation can be kept in a file
  simulate   run the simulated Claude API
  doctor     say whether this machine reaches the API, and what to mend

trae-native <command> --help says more; --version says which version this is.
`;

const COMMANDS: Record<string, (args: string[]) => Promise<number>> = { chat, simulate, doctor };

export async function main([name, ...args]: string[]): Promise<number> {
  const command = COMMANDS[name ?? ''];
  if (command) return command(args);
  if (name === '--version' || name === '-v') {
    const { version } = require('trae-native/package.json') as { version: string };
    process.stdout.write(`${version}\n`);
    return 0;
  }
  if (name === '--help' || name === '-h') {
    process.stdout.write(HELP);
    return 0;
  }
  process.stderr.write(
    name === undefined ? HELP : `trae-native: there is no command ${JSON.stringify(name)}.\n${HELP}`,
  );
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

// A reader that has enough, as `head` does, is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});
void run();
