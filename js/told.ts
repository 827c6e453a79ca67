// What Rust settles without a call: a promise of the JSON that it tells.

import { type Form, type Head, type Listener, listen } from './native.js';

/** Starts something under a number; the promise is of what is told under that. */
export function told(start: (id: number) => void): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const settled = (_head: Head, _form: Form, content: unknown): void => {
      try {
        resolve(content === undefined ? undefined : JSON.parse(content as string));
      } catch (cause) {
        reject(cause);
      }
    };
    start(listen({ ...NEVER, settled, failed: (error) => reject(error) }));
  });
}

const never = (): void => {};
const NEVER: Listener = {
  settled: never,
  opened: never,
  failed: never,
  entered: never,
  events: never,
  bytes: never,
  ended: never,
  room: never,
};
