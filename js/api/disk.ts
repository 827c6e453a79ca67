// Files of this machine: read from disk as they are sent, written to it as they come.

import { randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { config as wrong } from '../errors.js';

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

/** Writes it all beside its place and then puts it there: under its name a file is whole, or not there. */
export async function toDisk(source: Readable, path: string): Promise<number> {
  const beside = `${path}.${randomUUID()}.part`;
  const file = createWriteStream(beside, { flags: 'wx' });
  try {
    await pipeline(source, file);
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
  return file.bytesWritten;
}
