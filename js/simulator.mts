// The door for `import`; see index.mts.

import { createRequire } from 'node:module';

const api = createRequire(import.meta.url)('./simulator.js') as typeof import('./simulator.js');

export const { createSimulator, Simulator } = api;
