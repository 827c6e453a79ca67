// The door for `import`; see index.mts.

import api from './proxy.js';

export const { createProxy, ProxyServer } = api;
