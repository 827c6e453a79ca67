// The simulator as a process of its own: prints one line of JSON, then runs until it is told to end.

import { readFileSync } from 'node:fs';
import { createSimulator, type Simulator } from 'trae-native/simulator';
import { count, flags, UsageError } from './flags.js';

const HELP = `Usage: trae-native simulate [options]

Prints {"url","ca","pid"} as one line of JSON and runs until SIGTERM or SIGINT.

  --port <n>             port; 0 takes a free one (default 0)
  --host <address>       address to listen on (default 127.0.0.1)
  --tls                  speak TLS; "ca" is the certificate to trust
  --http <1|2|auto>      HTTP versions (default auto)
  --script <file.json>   a reply, or an array of replies, to queue
  --keep <n>             requests remembered (default 1000)
  --until-stdin-closes   also end when stdin closes
  --help                 this text
`;

const FLAGS = {
  port: { type: 'string' },
  host: { type: 'string' },
  tls: { type: 'boolean' },
  http: { type: 'string' },
  script: { type: 'string' },
  keep: { type: 'string' },
  'until-stdin-closes': { type: 'boolean' },
  help: { type: 'boolean' },
} as const;

function versions(text: string | undefined): 'auto' | '1' | '2' | undefined {
  if (text === undefined || text === 'auto' || text === '1' || text === '2') return text;
  throw new UsageError('--http must be 1, 2 or auto');
}

/** The file is read here, so that a mistake in it ends the command before anything listens. */
function script(path: string | undefined): object | object[] {
  if (path === undefined) return [];
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw inScript(path, error);
  }
}

function inScript(path: string | undefined, error: unknown): UsageError {
  return new UsageError(`--script ${path}: ${error instanceof Error ? error.message : error}`);
}

function untilToldToEnd(simulator: Simulator, stdin: boolean): Promise<number> {
  return new Promise((resolve) => {
    // The simulator's threads do not keep the process alive; this timer does.
    const alive = setInterval(() => {}, 2 ** 30);
    const end = async () => {
      clearInterval(alive);
      await simulator.close();
      resolve(0);
      process.exit(0);
    };
    process.once('SIGTERM', end);
    process.once('SIGINT', end);
    if (stdin) process.stdin.once('end', end).once('close', end).resume();
  });
}

export async function simulate(args: string[]): Promise<number> {
  const given = flags(args, FLAGS);
  if (given.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const options = {
    port: count('port', given.port, 65535),
    host: given.host,
    tls: given.tls,
    http: versions(given.http),
    keep: count('keep', given.keep, 1_000_000),
  };
  const replies = script(given.script);
  const simulator = await createSimulator(options);
  try {
    simulator.reply(replies);
  } catch (error) {
    await simulator.close();
    throw inScript(given.script, error);
  }
  process.stdout.write(`${JSON.stringify({ url: simulator.url, ca: simulator.ca, pid: process.pid })}\n`);
  return untilToldToEnd(simulator, given['until-stdin-closes'] === true);
}
