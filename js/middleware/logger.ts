// To whom the lines of logger() go: as objects to a function, or to a logger that has its own levels.

import { hostname } from 'node:os';
import { engine, settle } from '../native.js';

/** A line as it comes from Rust. */
interface Line {
  level: number;
  time: number;
  msg: string;
  [field: string]: unknown;
}

type Method = (fields: object, message: string) => void;
type Leveled = Record<string, Method>;

export interface LoggerOptions {
  sink?: 'stderr' | ((line: Line) => void) | object;
  base?: object | null;
  [option: string]: unknown;
}

const LABELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];

/** The options with a sink that takes lines; a line says of itself where it comes from unless its logger does. */
export function lineTaker(given: LoggerOptions | undefined): LoggerOptions {
  // What is no set of options the engine refuses by name; a logger alone is where lines go.
  if (given !== undefined && (typeof given !== 'object' || given === null)) return given;
  const options: LoggerOptions | undefined = isLeveled(given) ? { sink: given } : given;
  const { sink = 'stderr', base, ...rest } = options ?? {};
  if (sink !== 'stderr') listenToEnd();
  if (isLeveled(sink)) return { ...rest, base: base ?? {}, sink: (line: Line) => leveled(sink, line) };
  if (sink === 'stderr') flushAtExit();
  return { ...rest, sink, base: base === undefined ? { pid: process.pid, hostname: hostname() } : (base ?? {}) };
}

/** As pino's loggers and the console are. */
function isLeveled(sink: unknown): sink is Leveled {
  return typeof sink === 'object' && sink !== null && typeof (sink as Leveled)['info'] === 'function';
}

function leveled(sink: Leveled, { level, time: _time, msg, ...fields }: Line): void {
  // Not every logger has a word for each: the next one below says it.
  const known = LABELS.slice(0, level / 10).findLast((label) => typeof sink[label] === 'function');
  sink[known ?? 'info']?.(fields, msg);
}

let listens = false;

/** A call that was aborted last holds no script, but has its line still to write. */
function listenToEnd(): void {
  if (listens) return;
  listens = true;
  process.on('beforeExit', () => {
    if (settle()) setTimeout(() => {}, 1);
  });
}

let flushes = false;

/** The lines of the last calls are still on their way when the process ends. */
function flushAtExit(): void {
  if (flushes) return;
  flushes = true;
  process.on('exit', () => engine.flushLog());
}
