// One call of axios's.

import type { AxiosAdapter, AxiosResponse, InternalAxiosRequestConfig } from 'axios';
import type { Axios } from '../../axios.js';
import type { Client } from '../client.js';
import { linesOf, type TraeResponse } from '../response.js';
import { guarded, shownUrl } from '../secrets.js';
import { connections } from './connections.js';
import { failed, guardConfig, refused, tooLong } from './failure.js';
import { Meter } from './progress.js';
import { type Asked, asked } from './request.js';

export function adapterOf(client: Client, axios: Axios): AxiosAdapter {
  const reach = connections(client, axios);
  return async (config) => {
    let call: Asked | undefined;
    guardConfig(config);
    try {
      call = asked(config, axios);
      const res = (await reach(config).request(call.options)) as TraeResponse;
      call.sent();
      return await answered(res, call, config, axios);
    } catch (error) {
      throw failed(error, call, config, axios);
    } finally {
      call?.over();
    }
  };
}

async function answered(
  res: TraeResponse,
  call: Asked,
  config: InternalAxiosRequestConfig,
  axios: Axios,
): Promise<AxiosResponse> {
  const response: AxiosResponse = {
    data: undefined,
    status: res.status,
    statusText: res.statusText,
    headers: headersOf(res, axios),
    config,
    request: requestOf(res),
  };
  // Errors from here on are of an answer.
  call.response = response;
  response.data = await content(res, call, config, axios);
  const { validateStatus } = config;
  if (!response.status || !validateStatus || validateStatus(response.status)) return response;
  throw refused(res, response, axios);
}

async function content(
  res: TraeResponse,
  call: Asked,
  config: InternalAxiosRequestConfig,
  axios: Axios,
): Promise<unknown> {
  const { responseType, onDownloadProgress, maxContentLength = -1 } = config;
  if (call.options.responseType !== 'stream') {
    // The engine knows no limit of nothing.
    if (maxContentLength === 0 && (res.data as string).length > 0) throw tooLong(0, config, axios);
    return text(res.data, config);
  }
  const meter = onDownloadProgress && new Meter(onDownloadProgress, 'download', lengthOf(call.response));
  const limit = maxContentLength > -1 ? maxContentLength : Number.POSITIVE_INFINITY;
  const source = res.data as AsyncIterable<Buffer>;
  async function* counted(): AsyncGenerator<Buffer> {
    let read = 0;
    for await (const chunk of source) {
      read += chunk.length;
      if (read > limit) throw tooLong(limit, config, axios);
      meter?.add(chunk.length);
      yield chunk;
    }
    meter?.end();
  }
  if (responseType === 'stream') {
    if (!meter && limit === Number.POSITIVE_INFINITY) return source;
    const { Readable } = require('node:stream') as typeof import('node:stream');
    return Readable.from(counted(), { objectMode: false });
  }
  const chunks: Buffer[] = [];
  for await (const chunk of counted()) chunks.push(chunk);
  const whole = Buffer.concat(chunks);
  return text(responseType === 'arraybuffer' ? whole : whole.toString(encodingOf(config)), config);
}

/** What axios hands to its own transforms: text, without a byte order mark. */
function text(data: unknown, config: InternalAxiosRequestConfig): unknown {
  if (config.responseType === 'arraybuffer') return typeof data === 'string' ? Buffer.from(data) : data;
  const read = Buffer.isBuffer(data) ? data.toString(encodingOf(config)) : data;
  const utf8 = config.responseEncoding === undefined || /^utf-?8$/i.test(config.responseEncoding);
  return utf8 && typeof read === 'string' && read.charCodeAt(0) === 0xfeff ? read.slice(1) : read;
}

function encodingOf(config: InternalAxiosRequestConfig): BufferEncoding {
  return (config.responseEncoding ?? 'utf8') as BufferEncoding;
}

function lengthOf(response: AxiosResponse | undefined): number | undefined {
  const length = response?.headers['content-length'];
  return length === undefined ? undefined : Number(length);
}

/**
 * Headers of axios's, cookies as a list. Their `set()` looks through all the others for each; these have one spelling
 * each and no line breaks, so that they are fields at once. One that is called like a method is left to `set()`.
 */
function headersOf(res: TraeResponse, axios: Axios): AxiosResponse['headers'] {
  const headers = new axios.AxiosHeaders();
  const fields = headers as unknown as Record<string, string | string[]>;
  for (const line of linesOf(res).split('\n')) {
    const colon = line.indexOf(': ');
    if (colon <= 0) continue;
    const name = line.slice(0, colon);
    const value = line.slice(colon + 2);
    const own = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (name === 'set-cookie') fields[name] = [...((own as string[] | undefined) ?? []), value];
    else if (own === undefined && name in headers) headers.set(name, value);
    else fields[name] = own === undefined ? value : `${own}, ${value}`;
  }
  return headers;
}

/** As much of Node's request as people read: where the answer came from. */
function requestOf(res: TraeResponse): object {
  const { method, url } = res.request;
  const request = {
    method,
    get path() {
      const { pathname, search } = new URL(url);
      return pathname + search;
    },
    get host() {
      return new URL(url).hostname;
    },
    get protocol() {
      return new URL(url).protocol;
    },
    res: { responseUrl: url },
  };
  return guarded(request, () => {
    const { path, host, protocol } = request;
    return { method, path: shownUrl(path), host, protocol, res: { responseUrl: shownUrl(url) } };
  });
}
