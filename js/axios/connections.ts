// Proxies, agents and the version of HTTP: options of a call for axios, and of a client here.

import type { InternalAxiosRequestConfig } from 'axios';
import type { Axios } from '../../axios.js';
import type { Client } from '../client.js';
import type { Options } from '../config.js';
import { errorOf } from './failure.js';

type Config = InternalAxiosRequestConfig & { httpVersion?: unknown };

/** How many clients are kept for proxies and versions; a service has one or two. */
const MOST = 32;
const NONE = {};

/** The client of a call: the one that was given, or that with other connections. */
export function connections(client: Client, axios: Axios): (config: InternalAxiosRequestConfig) => Client {
  const byAgents = new WeakMap<object, Map<string, Client>>();
  return (config: Config) => {
    const { proxy, httpAgent, httpsAgent, httpVersion } = config;
    if (proxy === undefined && httpAgent === undefined && httpsAgent === undefined && httpVersion === undefined)
      return client;
    const agent = (httpsAgent ?? httpAgent ?? NONE) as object;
    const clients = byAgents.get(agent) ?? new Map<string, Client>();
    byAgents.set(agent, clients);
    const key = JSON.stringify([proxy, httpVersion]);
    const known = clients.get(key);
    if (known) return known;
    if (clients.size >= MOST) clients.clear();
    const made = client.extend({
      ...ofAgent(agent, config, axios),
      ...ofProxy(config, axios),
      ...ofVersion(config, axios),
    });
    clients.set(key, made);
    return made;
  };
}

function ofProxy(config: Config, axios: Axios): Options {
  const { proxy } = config;
  if (proxy === undefined || proxy === null) return {};
  if (proxy === false) return { proxy: false };
  if ((proxy as unknown) instanceof URL) return { proxy: (proxy as unknown as URL).href };
  const { hostname, host = hostname, port, protocol = 'http' } = proxy as typeof proxy & { hostname?: string };
  if (!host) throw errorOf('`proxy.host` is missing', 'ERR_BAD_OPTION', config, axios);
  const name = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
  return { proxy: `${protocol.replace(/:$/, '')}://${userOf(proxy.auth)}${name}${port ? `:${port}` : ''}` };
}

/** Axios takes a text too. */
function userOf(auth: unknown): string {
  if (!auth) return '';
  const { username, password } = auth as { username?: string; password?: string };
  const [user = '', word = ''] = typeof auth === 'string' ? auth.split(/:(.*)/s) : [username, password];
  return `${encodeURIComponent(user)}:${encodeURIComponent(word)}@`;
}

function ofVersion(config: Config, axios: Axios): Options {
  const { httpVersion } = config;
  if (httpVersion === undefined || httpVersion === null) return {};
  if (Number(httpVersion) === 1) return { http2: 'off' };
  if (Number(httpVersion) === 2) return { http2: 'only' };
  throw errorOf(`Unsupported protocol version '${httpVersion}'`, 'ERR_BAD_OPTION_VALUE', config, axios);
}

/** What an agent may say of where it connects, and of whom it trusts there, that has no word here. */
const UNOBEYED = ['lookup', 'localAddress', 'family', 'socketPath', 'servername', 'checkServerIdentity', 'pfx', 'crl'];

/** What an agent of Node's says of sockets and certificates. */
function ofAgent(agent: object, config: Config, axios: Axios): Options {
  if (agent === NONE) return {};
  const { options = {}, proxy } = agent as { options?: Options; proxy?: unknown };
  const refuse = (what: string): never => {
    throw errorOf(`trae-native/axios can't obey an agent ${what}: see docs/axios.md`, 'ERR_NOT_SUPPORT', config, axios);
  };
  if (options['rejectUnauthorized'] === false) refuse('with `rejectUnauthorized: false`: `tls.ca` takes a certificate');
  for (const name of UNOBEYED) if (options[name]) refuse(`with \`${name}\``);
  // An agent of a proxy's: its URL is what we need of it.
  if (proxy instanceof URL) return { proxy: proxy.href };
  if (proxy !== undefined && proxy !== null) refuse('of a proxy whose URL it does not show: use `proxy`');
  const { ca, cert, key, minVersion } = options;
  const tls = Object.fromEntries(Object.entries({ ca, cert, key, minVersion }).filter(([, value]) => value != null));
  return { httpsAgent: agent, ...(Object.keys(tls).length > 0 ? { tls } : undefined) };
}
