// `trae-native/axios`: axios on this engine. What axios has decided already is obeyed, what it leaves to its adapter
// is done here.
//
// - axios/adapter.ts: one call · axios/request.ts: what is asked, out of axios's config
// - axios/data.ts: what is sent · axios/failure.ts: failures as axios's own errors
// - axios/connections.ts: proxies and agents, which are a client's here · axios/progress.ts: progress events
// - axios/options.ts: which of axios's options are refused

import type { Axios, AxiosAdapterOptions } from '../axios.js';
import { adapterOf } from './axios/adapter.js';
import { type Client, Client as ClientClass } from './client.js';
import { kindOf, config as wrong } from './errors.js';
import { requireKnown } from './names.js';

/** What a copy of axios is known by. */
const PARTS = ['AxiosError', 'CanceledError', 'AxiosHeaders', 'getUri'] as const;

/** Loaded when the first adapter is made, and from where the service has it. */
function installed(): Axios {
  try {
    const axios = require('axios');
    return (axios.default ?? axios) as Axios;
  } catch (cause) {
    throw wrong('trae-native/axios needs the package axios, which is not installed', cause);
  }
}

/** An adapter whose calls are made by this client; without one, by the package's own. */
export function createAdapter(client?: Client, options: AxiosAdapterOptions = {}) {
  if (client !== undefined && !(client instanceof ClientClass))
    throw wrong(`createAdapter() takes a client of createClient(), got ${kindOf(client)}`);
  if (typeof options !== 'object' || options === null)
    throw wrong(`createAdapter() takes options, got ${kindOf(options)}`);
  requireKnown(options, ['axios'], ' of createAdapter()');
  const { axios = installed() } = options;
  for (const name of PARTS)
    if (typeof axios?.[name] !== 'function') throw wrong(`\`axios\` must be a copy of axios: it has no \`${name}\``);
  const own = client ?? (require('./index.js') as typeof import('./index.js')).trae;
  return adapterOf(own, axios);
}
