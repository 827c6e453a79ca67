// A file that is there whole or not at all: written beside its place, and then put there. Apart from all else: the
// command takes this file for itself.

import { randomUUID } from 'node:crypto';
import {
  accessSync,
  chmodSync,
  constants,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from 'node:fs';
import { chmod, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve, sep } from 'node:path';

/** Where a file goes, by the end of all links. */
export interface Place {
  readonly path: string;
  /** Of a new file, before the process's umask. */
  readonly mode: number;
  /** Of the file that is there, which its next content has too. */
  readonly kept: number | undefined;
}

/** The disk does not take a file. What it says is the rest of a sentence that begins with the file's name. */
export class Unwritten extends Error {
  override name = 'Unwritten';
}

const WORDS: Record<string, string> = {
  EACCES: 'it may not be written',
  EDQUOT: "the user's share of the disk is used up",
  EFBIG: 'it would be larger than a file may be',
  EIO: 'the disk fails',
  EISDIR: 'it is a folder',
  ELOOP: 'its links lead round in a circle',
  EMFILE: 'too many files are open',
  ENAMETOOLONG: 'its name is too long',
  ENFILE: 'too many files are open',
  ENOENT: 'its folder is not there',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'what should be its folder is none',
  EPERM: 'it may not be written',
  EROFS: 'the disk can only be read',
};

/** What the system says, for people, with its code for whoever looks it up. */
export function inWords(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === undefined) return message;
  return `${(Object.hasOwn(WORDS, code) && WORDS[code]) || 'the system refuses'} (${code})`;
}

/** Looks whether a file can be put there, before anything is done for it that costs something. */
export function placeOf(path: string, mode = 0o666): Place {
  if (path.includes('\0')) throw new Unwritten('a path has no NUL in it');
  if (path.endsWith('/') || path.endsWith(sep)) throw new Unwritten('it is a folder by its name');
  return onDisk(() => {
    const real = followed(path);
    const found = statSync(real, { throwIfNoEntry: false });
    requireFile(found);
    // Renaming asks the folder only: a file that nobody may write would be replaced all the same.
    if (found) accessSync(real, constants.W_OK);
    accessSync(dirname(real), constants.W_OK | constants.X_OK);
    return { path: real, mode, kept: found && found.mode & 0o777 };
  });
}

function requireFile(found: Stats | undefined): void {
  if (found === undefined || found.isFile()) return;
  throw new Unwritten(
    found.isDirectory() ? 'it is a folder' : 'it is no plain file: what stands there is not replaced',
  );
}

/** Where its links lead: put there by its own name, a file would replace the link. */
function followed(path: string): string {
  try {
    // Not the other one, which takes `..` after a link for the folder of the link.
    return realpathSync.native(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  // There is nothing yet, or a link to where nothing is yet.
  const folder = realpathSync.native(dirname(path));
  const target = linkOf(path);
  return target === undefined ? join(folder, basename(path)) : followed(resolve(folder, target));
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

/** At once. */
export function put(place: Place, text: string): void {
  const beside = besides(place);
  try {
    onDisk(() => {
      writeFileSync(beside, text, { flag: 'wx', mode: place.kept ?? place.mode });
      // The umask has taken something of it.
      if (place.kept !== undefined) chmodSync(beside, place.kept);
      renameSync(beside, place.path);
    });
  } catch (error) {
    try {
      rmSync(beside, { force: true });
    } catch {}
    throw error;
  }
}

/** As it comes, held back by the disk; says how many bytes there were. What the source throws is what it is. */
export async function pour(place: Place, source: AsyncIterable<Uint8Array | string>): Promise<number> {
  const beside = besides(place);
  try {
    const bytes = await poured(beside, place, source);
    await rename(beside, place.path).catch(refused);
    return bytes;
  } catch (error) {
    await rm(beside, { force: true }).catch(() => {});
    throw error;
  }
}

async function poured(beside: string, place: Place, source: AsyncIterable<Uint8Array | string>): Promise<number> {
  const file = await open(beside, 'wx', place.kept ?? place.mode).catch(refused);
  let bytes = 0;
  try {
    for await (const piece of source) {
      await file.writeFile(piece).catch(refused);
      bytes += Buffer.byteLength(piece);
    }
  } finally {
    await file.close().catch(refused);
  }
  if (place.kept !== undefined) await chmod(beside, place.kept).catch(refused);
  return bytes;
}

/** Short, whatever the name of the file is: that may be as long as a name can be. */
function besides({ path }: Place): string {
  return join(dirname(path), `.trae-${randomUUID()}.part`);
}

function onDisk<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    return refused(error);
  }
}

function refused(cause: unknown): never {
  throw cause instanceof Unwritten ? cause : new Unwritten(inWords(cause), { cause });
}
