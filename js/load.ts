// Finds the addon; where there is none, or none that fits, says which is wanted here and why it can't be had.

import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const NATIVE = '../native/index.js';

/** The addon's module as its loader gives it. */
export function load(file: string): unknown {
  try {
    return find(file);
  } catch (cause) {
    throw new Error(unavailable(cause, machine()), { cause });
  }
}

/** In a service that was bundled into one file, this file is somewhere else than its package. */
function find(file: string): unknown {
  const require = createRequire(file);
  let path: string;
  try {
    path = require.resolve(NATIVE);
  } catch {
    path = join(dirname(require.resolve('trae-native/package.json')), 'native/index.js');
  }
  return require(path);
}

/** What decides which addon is wanted. */
export interface Machine {
  platform: string;
  arch: string;
  /** `glibc 2.36`, `musl`; nothing where there is only one. */
  libc: string | undefined;
}

function machine(): Machine {
  const { platform, arch } = process;
  return { platform, arch, libc: platform === 'linux' ? libc() : undefined };
}

function libc(): string {
  const report = process.report?.getReport() as { header?: { glibcVersionRuntime?: string } } | undefined;
  const version = report?.header?.glibcVersionRuntime;
  return version ? `glibc ${version}` : 'musl';
}

const PLATFORMS = ['linux', 'darwin', 'win32'];

/** The package that brings the addon for a machine; nothing where there is none. */
export function packageFor({ platform, arch, libc }: Machine): string | undefined {
  if (!PLATFORMS.includes(platform) || (arch !== 'x64' && arch !== 'arm64')) return undefined;
  const kind = platform === 'linux' ? `-${libc === 'musl' ? 'musl' : 'gnu'}` : platform === 'win32' ? '-msvc' : '';
  return `trae-native-${platform}-${arch}${kind}`;
}

/** One sentence: where this is, what is missing, what to do. The loader itself speaks of a bug in npm whatever it is. */
export function unavailable(failure: unknown, machine: Machine): string {
  const { platform, arch, libc } = machine;
  const here = `${platform}-${arch}${libc ? ` (${libc})` : ''}`;
  const wanted = packageFor(machine);
  if (wanted === undefined)
    return `trae-native has no addon for ${here}: Linux, macOS and Windows on x64 and arm64 have one`;
  const broken = causes(failure).find(({ code }) => code === 'ERR_DLOPEN_FAILED');
  if (broken) return `trae-native's addon can't be loaded on ${here}: ${reason(broken.message, wanted)}`;
  return (
    `trae-native's addon for ${here} is not installed: it comes with the optional package ${wanted}, ` +
    'so install with optional dependencies, on the kind of machine it is for; in a checkout, `npm run build` makes it'
  );
}

function reason(message: string, wanted: string): string {
  const needed = /version `(GLIBC_[\d.]+)' not found/.exec(message)?.[1];
  if (needed) return `it needs ${needed.replace('_', ' ')} or newer, which this system does not have`;
  const line = message.split('\n', 1)[0];
  return `${line}; if ${wanted} was copied from another kind of machine, install it on this one`;
}

interface Cause {
  message: string;
  code: string | undefined;
}

/** The loader makes a chain of what it tried, the last first. */
function causes(failure: unknown): Cause[] {
  const found: Cause[] = [];
  for (let cause = failure; cause instanceof Error && found.length < 20; cause = cause.cause)
    found.push({ message: cause.message, code: (cause as NodeJS.ErrnoException).code });
  return found;
}
