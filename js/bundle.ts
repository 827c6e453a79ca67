// All of the facade as one file: reading forty costs an import more than running them. Nothing in it runs before the
// door is used that leads to it.

export const api = (): typeof import('./index.js') => require('./index.js');

export const simulator = (): typeof import('./simulator.js') => require('./simulator.js');

export const proxy = (): typeof import('./proxy.js') => require('./proxy.js');

export const testing = (): typeof import('./testing.js') => require('./testing.js');

export const axios = (): typeof import('./axios.js') => require('./axios.js');

/** For tests and benchmarks. */
export const native = (): typeof import('./native.js') => require('./native.js');

export const load = (): typeof import('./load.js') => require('./load.js');

export const message = (): typeof import('./message.js') => require('./message.js');

export const partialJson = (): typeof import('./partial-json.js') => require('./partial-json.js');

export const held = (): typeof import('./held.js') => require('./held.js');
