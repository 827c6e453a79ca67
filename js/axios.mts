// The door for `import`; see index.mts. An `import axios` gives another copy of axios than a `require` does, with
// errors of its own: the adapter throws those of the copy that its service has.

import axios from 'axios';
import door from './axios.js';

export const createAdapter: typeof door.createAdapter = (client, options = {}) =>
  door.createAdapter(client, options instanceof Object ? { ...options, axios: options.axios ?? axios } : options);
