// A conversation in a file, which is there whole or as it was before; what another process has said in it stays.

import { readFileSync } from 'node:fs';
import type { ExportedSession } from 'trae-native';
import { placeOf, put } from '../beside.js';
import { UsageError } from './flags.js';

/** What people say to a model is for nobody else to read. */
const MODE = 0o600;

/** Another process has gone on with the same file: there is no order in which both could stand in it. */
export class Overtaken extends Error {}

export class Kept {
  readonly #path: string;
  /** What this process last read or wrote there. */
  #known: string | undefined;
  readonly exported: ExportedSession | undefined;

  /** Looks whether it can be written, too: a turn that can't be kept is paid for all the same. */
  constructor(path: string) {
    this.#path = path;
    try {
      placeOf(path, MODE);
      this.#known = textOf(path);
      if (this.#known !== undefined) this.exported = JSON.parse(this.#known) as ExportedSession;
    } catch (error) {
      throw this.wrong(error);
    }
  }

  save(exported: ExportedSession): void {
    const text = `${JSON.stringify(exported)}\n`;
    try {
      const found = textOf(this.#path);
      if (found !== undefined && found !== this.#known) throw this.#overtaken(text);
      put(placeOf(this.#path, MODE), text);
      this.#known = text;
    } catch (error) {
      if (error instanceof Overtaken) throw error;
      throw new Error(`--session ${this.#path} could not be written: ${(error as Error).message}`);
    }
  }

  /** A file that is no conversation, or not to be one. */
  wrong(error: unknown): UsageError {
    return new UsageError(`--session ${this.#path}: ${(error as Error).message}`);
  }

  #overtaken(text: string): Overtaken {
    const aside = `${this.#path}.${process.pid}`;
    put(placeOf(aside, MODE), text);
    const told = `another process has changed --session ${this.#path} meanwhile, and it was left as it is`;
    return new Overtaken(`${told}: go on with this conversation by --session ${aside}`);
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw new Error(`it can't be read: ${code ?? message}`);
  }
}
