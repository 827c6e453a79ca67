// The door for `import`; see index.mts.

import api from './simulator.js';

export const { createSimulator, Simulator } = api;
