// One call of axios's.

import type { AxiosAdapter, AxiosResponse, InternalAxiosRequestConfig } from 'axios';
import type { Axios } from '../../axios.js';
import type { Client } from '../client.js';
import type { TraeResponse } from '../response.js';
import { connections } from './connections.js';
import { failed, refused, tooLong } from './failure.js';
import { Meter } from './progress.js';
import { type Asked, asked } from './request.js';

export function adapterOf(client: Client, axios: Axios): AxiosAdapter {
  const reach = connections(client, axios);
  return async (config) => {
    let call: Asked | undefined;
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
    headers: new axios.AxiosHeaders(record(res)),
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
  const meter = onDownloadProgress && new Meter(onDownloadProgress, 'download', lengthOf(res));
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

function lengthOf(res: TraeResponse): number | undefined {
  const length = res.headers.get('content-length');
  return length === null ? undefined : Number(length);
}

/** A plain record: cookies are a list. */
function record(res: TraeResponse): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of res.headers) {
    if (name !== 'set-cookie') headers[name] = value;
    else headers[name] = [...((headers[name] as string[] | undefined) ?? []), value];
  }
  return headers;
}

/** As much of Node's request as people read: where the answer came from. */
function requestOf(res: TraeResponse): object {
  const { method, url } = res.request;
  return {
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
}
