// The door for `import`; see index.mts.

import testing from './testing.js';

export const { createScripted, createSimulator, record, replay, Simulator } = testing;
