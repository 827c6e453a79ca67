// Files of this machine: read from disk as they are sent, written to it as they come.

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { type Place, placeOf, pour, Unwritten } from '../beside.js';
import { ConfigError, config as wrong } from '../errors.js';
import type { TraeResponse } from '../response.js';

/** What the API takes, by how its name ends. */
const TYPES: Record<string, string> = {
  '.csv': 'text/csv',
  '.docx': 'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  '.gif': 'image/gif',
  '.htm': 'text/html',
  '.html': 'text/html',
  '.jpeg': 'image/jpeg',
  '.jpg': 'image/jpeg',
  '.json': 'application/json',
  '.jsonl': 'application/jsonl',
  '.md': 'text/markdown',
  '.pdf': 'application/pdf',
  '.png': 'image/png',
  '.txt': 'text/plain',
  '.webp': 'image/webp',
  '.xlsx': 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  '.xml': 'application/xml',
};

export const BINARY = 'application/octet-stream';

export const typeOf = (name: string): string => TYPES[extname(name).toLowerCase()] ?? BINARY;

/** A file as a Blob is: its bytes are read when it is sent, and again if it is sent again. */
export interface DiskFile {
  readonly name: string;
  readonly type: string;
  readonly size: number;
  stream(): ReadableStream<Uint8Array>;
}

/** A file that is there and can be measured; one that is not is told before anything is sent. */
export async function diskFile(path: string): Promise<DiskFile> {
  const found = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    throw wrong(`the file ${JSON.stringify(path)} can't be read: ${cause.code ?? cause.message}`, cause);
  });
  if (!found.isFile()) throw wrong(`${JSON.stringify(path)} is no file`);
  const name = basename(path);
  return {
    name,
    type: typeOf(name),
    size: found.size,
    // By so much at a time as the engine takes in one go.
    stream: () => Readable.toWeb(createReadStream(path, { highWaterMark: 256 << 10 })) as ReadableStream<Uint8Array>,
  };
}

/** The path that a file is named by; what names none is told before anything is asked. */
export function pathOf(given: string | URL, whose: string): string {
  if (given instanceof URL && given.protocol !== 'file:')
    throw wrong(`${whose} must be a path or a file: URL, got one of ${given.protocol}`);
  let path = given;
  try {
    if (path instanceof URL) path = fileURLToPath(path);
  } catch (cause) {
    throw wrong(`${whose} is a URL that names no file here: ${(cause as Error).message}`, cause);
  }
  if (path.includes('\0')) throw wrong(`${whose} has a NUL in it, and no path has one`);
  return path;
}

/** Where a download goes, looked at before it is asked for. */
export function targetOf(path: string): Place {
  try {
    return placeOf(path);
  } catch (error) {
    throw unwritten(path, error as Error);
  }
}

/** Writes it all beside its place and then puts it there: under its name a file is whole, or not there. */
export async function toDisk(res: TraeResponse, place: Place, path: string): Promise<number> {
  const source = res.data as Readable;
  try {
    return await pour(place, source);
  } catch (error) {
    // It may not have been read at all.
    source.destroy?.();
    throw error instanceof Unwritten ? unwritten(path, error, { phase: 'body', attempts: res.attempts }) : error;
  }
}

/** The same error where the disk was found wanting only as the answer came, but for its phase. */
function unwritten(path: string, { message, cause }: Error, when = { phase: 'prepare', attempts: 0 }): ConfigError {
  const told = `\`to\` of download(), ${JSON.stringify(path)}, can't be written: ${message}`;
  return new ConfigError({ code: 'CONFIG', message: told, ...when }, cause);
}
