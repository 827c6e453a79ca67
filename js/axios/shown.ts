// What is printed of a call and of its failure: no key, query or content, also where a server repeats what it was sent.

import type { AxiosResponse, InternalAxiosRequestConfig } from 'axios';
import type { ErrorResponse } from '../errors.js';
import { fields, guarded, redacted, shownUrl } from '../secrets.js';

/** The config of a call, that errors and answers carry along. Read, or given to axios again, it is as it was. */
export function guardConfig(config: InternalAxiosRequestConfig): void {
  if (!Object.isExtensible(config)) return;
  guarded(config, () => redacted({ ...config, headers: plain(config.headers) }));
}

/** The answer of an error: as the engine knows it, which has left out what the call was sent with, or without content. */
export function guardAnswer(response: AxiosResponse, known: ErrorResponse | undefined): void {
  const { status, statusText, headers } = response;
  guarded(response, () =>
    known
      ? { ...known, data: fields(known.data) }
      : redacted({ status, statusText, headers: plain(headers), data: response.data }),
  );
}

/** As much of Node's request as people read: where the answer came from. */
export function requestOf(method: string, url: string): object {
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

/** Headers of axios's are a class of its own, of which nothing would be shown. */
function plain(headers: unknown): unknown {
  return (headers as { toJSON?(): unknown } | undefined)?.toJSON?.() ?? headers;
}
