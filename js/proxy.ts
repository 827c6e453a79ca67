// The caching proxy, in this process: its work is done off the JavaScript thread, which only starts and stops it.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import type { ProxyOptions, ProxySources } from '../proxy.js';
import { kindOf, config as wrong } from './errors.js';
import { native } from './native.js';
import { json, judged } from './reply.js';

interface NativeProxy {
  urls(): string[];
  reload(sources: string): void;
  stop(limitMs?: number): Promise<number>;
}

/** A server keeps its process, as Node's own do; the addon holds nothing that would. */
const LONGEST = 2 ** 31 - 1;

/** Proxies that run: one that a service knows only by its URL must not be collected. */
const running = new Set<ProxyServer>();

export class ProxyServer {
  readonly #native: NativeProxy;
  readonly #sources: Partial<ProxySources>;
  readonly #held = setInterval(() => {}, LONGEST);
  readonly urls: readonly string[];
  #stopped: Promise<number> | undefined;

  constructor(options: ProxyOptions, sources: Partial<ProxySources>) {
    this.#sources = sources;
    try {
      this.#native = judged(() => {
        const made = new native.NativeProxy(written(options, sources));
        return made as unknown as NativeProxy;
      });
    } catch (error) {
      clearInterval(this.#held);
      throw error;
    }
    running.add(this);
    this.urls = Object.freeze(this.#native.urls());
  }

  get url(): string {
    return this.urls[0] as string;
  }

  reload(options: ProxyOptions = {}): void {
    judged(() => this.#native.reload(written(options, this.#sources)));
  }

  stop({ drainTimeout }: { drainTimeout?: number } = {}): Promise<number> {
    this.#stopped ??= this.#native.stop(drainTimeout).finally(() => {
      clearInterval(this.#held);
      running.delete(this);
    });
    return this.#stopped;
  }

  async close(): Promise<void> {
    await this.stop({ drainTimeout: 0 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Its options may hold keys. */
  [inspect.custom](): object {
    return { urls: this.urls };
  }
}

function written(options: ProxyOptions, sources: Partial<ProxySources>): string {
  const page = join(__dirname, 'page');
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw wrong(`the options of a proxy must be an object, got ${kindOf(options)}`);
  const given = existsSync(join(page, 'index.html')) ? { ...options, $page: page } : options;
  return json({ ...sources, given }, 'proxy options');
}

/** Starts a proxy before the Messages API. */
export async function createProxy(
  options: ProxyOptions = {},
  sources: Partial<ProxySources> = {},
): Promise<ProxyServer> {
  return new ProxyServer(options, sources);
}
