// What is asked, out of axios's config.

import type { AxiosResponse, InternalAxiosRequestConfig } from 'axios';
import type { Axios } from '../../axios.js';
import type { Options } from '../config.js';
import { type Sending, sending } from './data.js';
import { errorOf } from './failure.js';

export interface Asked {
  options: Options;
  /** The answer, once it is there. */
  response?: AxiosResponse;
  sent: Sending['sent'];
  failure: Sending['failure'];
  over(): void;
}

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
];

export function asked(config: InternalAxiosRequestConfig, axios: Axios): Asked {
  requireKnown(config as Config, axios);
  const { maxContentLength = -1, responseType, responseEncoding } = config;
  const given = sending(config, axios);
  const { url, user } = target(config, axios);
  const whole = responseType === 'arraybuffer' || responseEncoding !== undefined ? 'buffer' : 'text';
  const streamed = responseType === 'stream' || config.onDownloadProgress;
  const { signal, leave } = signalOf(config);
  const options: Options = {
    // What the caller asks of this client alone.
    ...((config as Config)['trae'] as Options | undefined),
    method: config.method ?? 'get',
    url,
    data: given.data,
    headers: headersOf(config, given, user),
    responseType: streamed ? 'stream' : whole,
    // Axios judges the status itself.
    validateStatus: null,
    redirect: config.maxRedirects === 0 ? 'manual' : 'follow',
    ...(config.timeout ? { timeout: Number(config.timeout) } : undefined),
    ...(maxContentLength > -1 && !streamed ? { maxResponseBytes: Math.max(maxContentLength, 1) } : undefined),
    ...(signal ? { signal } : undefined),
  };
  const over = (): void => {
    given.over();
    leave?.();
  };
  return { options, sent: given.sent, failure: given.failure, over };
}

function requireKnown(config: Config, axios: Axios): void {
  for (const name of UNKNOWN) {
    if (config[name] === undefined || config[name] === null || config[name] === false) continue;
    const message = `trae-native/axios can't obey \`${name}\`: docs/axios.md says what is there instead`;
    throw errorOf(message, 'ERR_NOT_SUPPORT', config, axios);
  }
}

/** An URL's user goes into a header, as axios has it. */
function target(config: InternalAxiosRequestConfig, axios: Axios): { url: string; user: string | undefined } {
  const url = place(config, axios);
  const absolute = /^([a-z][a-z\d+\-.]*):\/\//i.exec(url) ?? /^(data|file|blob):/i.exec(url);
  if (absolute && !/^https?$/i.test(absolute[1] as string))
    throw errorOf(`Unsupported protocol ${absolute[1]}:`, axios.AxiosError.ERR_BAD_REQUEST, config, axios);
  const { username, password } = (config.auth ?? {}) as { username?: string; password?: string };
  if (config.auth) return { url: withoutUser(url).url, user: `${username || ''}:${password || ''}` };
  return withoutUser(url);
}

function withoutUser(url: string): { url: string; user: string | undefined } {
  if (!/^[a-z]+:\/\/[^/?#]*@/i.test(url)) return { url, user: undefined };
  const parsed = new URL(url);
  const user = `${decoded(parsed.username)}:${decoded(parsed.password)}`;
  parsed.username = '';
  parsed.password = '';
  return { url: parsed.href, user };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Axios builds it; what has no parameters is put together here, which is what most calls are. */
function place(config: InternalAxiosRequestConfig, axios: Axios): string {
  const { url = '', baseURL, params, paramsSerializer, allowAbsoluteUrls } = config;
  const isAbsolute = /^([a-z][a-z\d+\-.]*:)?\/\//i.test(url);
  if (params === undefined || params === null) {
    const hashless = url.replace(/#.*$/s, '');
    if (!baseURL || (isAbsolute && allowAbsoluteUrls !== false)) return hashless;
    return hashless ? `${baseURL.replace(/\/?\/$/, '')}/${hashless.replace(/^\/+/, '')}` : baseURL;
  }
  return axios.getUri({ url, baseURL, params, paramsSerializer, allowAbsoluteUrls, method: 'get' });
}

function headersOf(
  config: InternalAxiosRequestConfig,
  { data, length, names }: Sending,
  user: string | undefined,
): Record<string, unknown> {
  const headers: Record<string, unknown> = {};
  const given = config.headers?.toJSON?.() ?? config.headers ?? {};
  for (const [name, value] of Object.entries(given as Record<string, unknown>)) {
    if (value === undefined || value === null || value === false) continue;
    headers[name.toLowerCase()] = Array.isArray(value) ? value.map(String) : String(value);
  }
  if (names && !/boundary=/i.test(String(headers['content-type']))) delete headers['content-type'];
  // Axios sends no media type that nobody has named.
  else if (data !== undefined && data !== null && headers['content-type'] === undefined) headers['content-type'] = null;
  if (length !== undefined) headers['content-length'] = String(length);
  if (user !== undefined) headers['authorization'] = `Basic ${Buffer.from(user).toString('base64')}`;
  if (config.decompress === false) headers['accept-encoding'] = 'identity';
  return headers;
}

/** One signal for whatever may end the call. */
function signalOf(config: InternalAxiosRequestConfig): { signal: unknown; leave?: () => void } {
  const { signal, cancelToken } = config as { signal?: AbortSignal; cancelToken?: Token };
  if (!cancelToken) return { signal };
  const controller = new AbortController();
  const abort = (): void => controller.abort(cancelToken.reason ?? signal?.reason);
  cancelToken.subscribe(abort);
  if (signal?.aborted) abort();
  signal?.addEventListener('abort', abort);
  const leave = (): void => {
    cancelToken.unsubscribe(abort);
    signal?.removeEventListener('abort', abort);
  };
  // A stream outlives its call, and may be given up by either as long as it is read.
  return config.responseType === 'stream' ? { signal: controller.signal } : { signal: controller.signal, leave };
}

/** What axios's tokens have besides what its types say. */
interface Token {
  reason?: unknown;
  subscribe(listener: () => void): void;
  unsubscribe(listener: () => void): void;
}
