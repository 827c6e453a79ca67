// The door for `import`. An `import axios` gives another copy of axios than a `require` does, with errors of its own:
// the adapter throws those of the copy that its service has.

import { createRequire } from 'node:module';
import axios from 'axios';

const door = createRequire(import.meta.url)('./axios.js') as typeof import('./axios.js');

export const createAdapter: typeof door.createAdapter = (client, options = {}) =>
  door.createAdapter(client, options instanceof Object ? { ...options, axios: options.axios ?? axios } : options);
