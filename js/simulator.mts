// The door for `import`; see index.mts.

import api = require('./simulator.js');

export const { createSimulator, Simulator } = api;
