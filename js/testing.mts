// The door for `import`: the same module object as for `require`, so that there is one engine per environment.

import { createRequire } from 'node:module';

const testing = createRequire(import.meta.url)('./testing.js') as typeof import('./testing.js');

export const { createScripted, createSimulator, record, replay, Simulator } = testing;
