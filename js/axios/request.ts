// What is asked, out of axios's config.

import type { AxiosResponse, InternalAxiosRequestConfig } from 'axios';
import type { Axios } from '../../axios.js';
import type { Options } from '../config.js';
import { kindOf } from '../errors.js';
import { type Sending, sending } from './data.js';
import { errorOf } from './failure.js';
import { requireOptions } from './options.js';

export interface Asked {
  options: Options;
  /** The answer, once it is there. */
  response?: AxiosResponse;
  sent: Sending['sent'];
  failure: Sending['failure'];
  over(): void;
}

type Config = InternalAxiosRequestConfig & Record<string, unknown>;

export function asked(config: InternalAxiosRequestConfig, axios: Axios): Asked {
  requireOptions(config, axios);
  const { responseType, responseEncoding } = config;
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
    ...timeoutOf(config, axios),
    ...(streamed ? undefined : sizeOf(config)),
    ...(signal ? { signal } : undefined),
  };
  const over = (): void => {
    given.over();
    leave?.();
  };
  return { options, sent: given.sent, failure: given.failure, over };
}

/** Nothing where axios sets no limit: then the client's own hold. */
function timeoutOf(config: InternalAxiosRequestConfig, axios: Axios): Options | undefined {
  if (!config.timeout) return undefined;
  const timeout = Number.parseFloat(String(config.timeout));
  if (Number.isFinite(timeout)) return timeout === 0 ? undefined : { timeout };
  const message = 'error trying to parse `config.timeout` to int';
  throw errorOf(message, axios.AxiosError.ERR_BAD_OPTION_VALUE, config, axios);
}

/** The engine knows neither a limit of nothing, which is looked at when the answer is here, nor one of no bound. */
function sizeOf({ maxContentLength = -1 }: InternalAxiosRequestConfig): Options | undefined {
  if (!(maxContentLength > -1)) return undefined;
  return { maxResponseBytes: Math.min(Math.max(Math.floor(maxContentLength), 1), Number.MAX_SAFE_INTEGER) };
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
  // One that is none the engine refuses.
  if (!URL.canParse(url)) return { url, user: undefined };
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
  try {
    return axios.getUri({ url, baseURL, params, paramsSerializer, allowAbsoluteUrls, method: 'get' });
  } catch (error) {
    // A serializer of the caller's.
    const { ERR_BAD_REQUEST } = axios.AxiosError;
    if (error instanceof Error) throw axios.AxiosError.from(error, ERR_BAD_REQUEST, config);
    throw errorOf(
      `the parameters can't be written: ${kindOf(error)} was thrown`,
      ERR_BAD_REQUEST,
      config,
      axios,
      undefined,
      error,
    );
  }
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
