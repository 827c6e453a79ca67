// Processes of a service for one test, each with a client of its own; they end by their process ids with it.

import { type ChildProcess, fork } from 'node:child_process';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

export class Replica {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve(value: never): void; reject(error: Error): void }>();
  #number = 0;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(t: TestContext, config: object): Promise<Replica> {
    const program = fileURLToPath(new URL('./replica.mjs', import.meta.url));
    const child = fork(program, [JSON.stringify(config)], {
      execArgv: [],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const replica = new Replica(child);
    t.after(() => replica.kill());
    const ready = replica.#answer<void>(0);
    child.on('message', ({ number, value, failed }: { number: number; value: never; failed?: string }) => {
      const waiting = replica.#waiting.get(number);
      replica.#waiting.delete(number);
      if (failed === undefined) waiting?.resolve(value);
      else waiting?.reject(new Error(failed));
    });
    child.once('close', () => {
      for (const { reject } of replica.#waiting.values()) reject(new Error('the replica has ended'));
    });
    await ready;
    return replica;
  }

  /** What it says to an order of replica.mjs. */
  tell<T = unknown>(order: string, ...given: unknown[]): Promise<T> {
    const number = ++this.#number;
    const answer = this.#answer<T>(number);
    this.#child.send({ number, order, given });
    return answer;
  }

  #answer<T>(number: number): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(number, { resolve, reject });
    });
  }

  /** Ends it at once, as a crash would. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.kill('SIGKILL');
    await ended;
  }
}

export function replicas(t: TestContext, config: object, count = 4): Promise<Replica[]> {
  return Promise.all(Array.from({ length: count }, () => Replica.start(t, config)));
}
