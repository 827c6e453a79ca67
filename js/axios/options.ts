// Which of axios's options mean nothing here, or nothing at all: refused before anything is sent.

import type { InternalAxiosRequestConfig } from 'axios';
import type { Axios } from '../../axios.js';
import { kindOf } from '../errors.js';
import { CALL_OPTIONS } from '../names.js';
import { nearest } from '../spelling.js';
import { errorOf } from './failure.js';

type Config = InternalAxiosRequestConfig & Record<string, unknown>;

/** Options that say where or how a request goes, and that nobody here could obey: to leave one out would be a lie. */
const UNKNOWN = [
  'socketPath',
  'transport',
  'lookup',
  'beforeRedirect',
  'maxRate',
  'insecureHTTPParser',
  'http2Options',
  'family',
  'sensitiveHeaders',
];

/** What is said to axios itself. In `trae` it would be overwritten without a word. */
const OF_AXIOS: Record<string, string> = {
  method: 'method',
  url: 'url',
  data: 'data',
  headers: 'headers',
  responseType: 'responseType',
  validateStatus: 'validateStatus',
  redirect: 'maxRedirects',
};

/** What a call has that axios has no word for. Other names are fields of a middleware's own. */
const OF_CALLS = ['signal', ...CALL_OPTIONS].filter((name) => !Object.hasOwn(OF_AXIOS, name));

export function requireOptions(given: InternalAxiosRequestConfig, axios: Axios): void {
  const config = given as Config;
  requireKnown(config, axios);
  requireOwn(config['trae'], config, axios);
  requireFunctions(config, axios);
  requireEncoding(config, axios);
}

function requireKnown(config: Config, axios: Axios): void {
  for (const name of UNKNOWN) {
    const given = config[name];
    // Nothing is asked by 0, for one, or by an empty list.
    if (!given || (Array.isArray(given) && given.length === 0)) continue;
    const message = `trae-native/axios can't obey \`${name}\`: docs/axios.md says what is there instead`;
    throw errorOf(message, 'ERR_NOT_SUPPORT', config, axios);
  }
}

/** Refuses what `trae` can't say, and a name that comes so near to one of a call's that it was meant for that. */
function requireOwn(own: unknown, config: Config, axios: Axios): void {
  const refuse = (message: string): never => {
    throw errorOf(message, axios.AxiosError.ERR_BAD_OPTION, config, axios);
  };
  if (own === undefined || own === null) return;
  if (typeof own !== 'object' || Array.isArray(own))
    refuse(`\`trae\` must be an object of options, got ${kindOf(own)}`);
  for (const [name, value] of Object.entries(own)) {
    if (value === undefined || OF_CALLS.includes(name)) continue;
    if (Object.hasOwn(OF_AXIOS, name)) refuse(`\`trae.${name}\` is what axios itself has as \`${OF_AXIOS[name]}\``);
    const near = nearest(name, OF_CALLS);
    if (near) refuse(`unknown option \`trae.${name}\`: did you mean \`${near}\`?`);
  }
}

/** What is called only when the answer is here, or in a turn where nobody could catch what it throws. */
function requireFunctions(config: Config, axios: Axios): void {
  for (const name of ['validateStatus', 'onUploadProgress', 'onDownloadProgress']) {
    const given = config[name];
    if (!given || typeof given === 'function') continue;
    const message = `\`${name}\` must be a function, got ${kindOf(given)}`;
    throw errorOf(message, axios.AxiosError.ERR_BAD_OPTION_VALUE, config, axios);
  }
}

/** Told before anything is sent, and not when the answer is here. What is no text has none. */
function requireEncoding(config: Config, axios: Axios): void {
  const { responseType, responseEncoding } = config;
  if (responseEncoding == null || responseType === 'arraybuffer' || responseType === 'stream') return;
  if (Buffer.isEncoding(responseEncoding)) return;
  const message = "`responseEncoding` must be an encoding of Node's Buffer, as 'utf8' or 'latin1'";
  throw errorOf(message, axios.AxiosError.ERR_BAD_OPTION_VALUE, config, axios);
}
