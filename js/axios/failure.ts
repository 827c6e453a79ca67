// Failures as axios's own errors, of the copy of axios that the service has. Ours is the cause. Printed they show no
// key, query or content, also where a server repeats what it was sent.

import type { AxiosError, AxiosResponse, InternalAxiosRequestConfig } from 'axios';
import type { Axios } from '../../axios.js';
import { type ErrorResponse, TraeError } from '../errors.js';
import { failureOf, type TraeResponse } from '../response.js';
import { fields, guarded, redacted } from '../secrets.js';
import type { Asked } from './request.js';

type Config = InternalAxiosRequestConfig;

/** Where axios has a code of its own, or Node one that people compare; all other codes are ours. */
const CODES: Record<string, string> = {
  DNS: 'ENOTFOUND',
  CONNECTION_REFUSED: 'ECONNREFUSED',
  CONNECTION_RESET: 'ECONNRESET',
  CONNECTION: 'ERR_NETWORK',
  TLS: 'ERR_NETWORK',
  PROXY: 'ERR_NETWORK',
  INCOMPLETE: 'ERR_BAD_RESPONSE',
  TOO_LARGE: 'ERR_BAD_RESPONSE',
  DECODE: 'ERR_BAD_RESPONSE',
  REDIRECT: 'ERR_FR_TOO_MANY_REDIRECTS',
  REQUEST_BODY: 'ERR_BAD_REQUEST',
  CONFIG: 'ERR_BAD_OPTION',
};

/** An error of axios's; the cause is not among its fields, as axios has it. */
export function errorOf(
  message: string,
  code: string,
  config: Config,
  axios: Axios,
  response?: AxiosResponse,
  cause?: unknown,
): AxiosError {
  const error = new axios.AxiosError(message, code, config, response?.request, response);
  if (cause !== undefined)
    Object.defineProperty(error, 'cause', { value: cause, writable: true, configurable: true, enumerable: false });
  if (response) guardAnswer(response, cause instanceof TraeError ? cause.response : undefined);
  return error as AxiosError;
}

/** Whatever a call has failed with. What is not ours is somebody's own: a middleware's, or axios's already. */
export function failed(error: unknown, call: Asked | undefined, config: Config, axios: Axios): unknown {
  const given = call?.failure();
  if (given !== undefined) return given;
  if (!(error instanceof TraeError)) return error;
  if (error.code === 'ABORTED') return canceled(error, config, axios);
  if (error.code === 'TIMEOUT') return late(error, config, axios, call?.response);
  const { maxContentLength = -1 } = config;
  if (error.code === 'TOO_LARGE' && maxContentLength > -1) return tooLong(maxContentLength, config, axios, error);
  if (error.response) return known(error, config, axios);
  return errorOf(error.message, CODES[error.code] ?? error.code, config, axios, call?.response, error);
}

/** An answer whose status is none that is wanted. */
export function refused(res: TraeResponse, response: AxiosResponse, axios: Axios): AxiosError {
  return ofStatus(response, axios, failureOf(res));
}

export function tooLong(limit: number, config: Config, axios: Axios, cause?: unknown): AxiosError {
  const message = `maxContentLength size of ${limit} exceeded`;
  return errorOf(message, axios.AxiosError.ERR_BAD_RESPONSE, config, axios, undefined, cause);
}

function ofStatus(response: AxiosResponse, axios: Axios, cause: unknown): AxiosError {
  const { status, config } = response;
  const { ERR_BAD_REQUEST, ERR_BAD_RESPONSE } = axios.AxiosError;
  const code = status >= 400 && status < 500 ? ERR_BAD_REQUEST : ERR_BAD_RESPONSE;
  return errorOf(`Request failed with status code ${status}`, code, config, axios, response, cause);
}

/** A middleware has made an error of an answer. */
function known(error: TraeError, config: Config, axios: Axios): AxiosError {
  const { status, statusText, headers, data } = error.response as NonNullable<TraeError['response']>;
  const made = new axios.AxiosHeaders(Object.fromEntries(headers));
  return ofStatus({ status, statusText, headers: made, data, config, request: error.request }, axios, error);
}

function canceled(error: TraeError, config: Config, axios: Axios): unknown {
  // A token's reason is an error that axios has made of it.
  const reason = config.cancelToken?.reason;
  if (reason) return reason;
  const made = new axios.CanceledError(undefined, config);
  return Object.defineProperty(made, 'cause', { value: error, writable: true, configurable: true, enumerable: false });
}

function late(error: TraeError, config: Config, axios: Axios, response?: AxiosResponse): AxiosError {
  const { timeout, timeoutErrorMessage, transitional } = config;
  const message = timeoutErrorMessage || (timeout ? `timeout of ${timeout}ms exceeded` : error.message);
  const { ETIMEDOUT, ECONNABORTED } = axios.AxiosError;
  return errorOf(message, transitional?.clarifyTimeoutError ? ETIMEDOUT : ECONNABORTED, config, axios, response, error);
}

/** The config of a call, that errors and answers carry along. Read, or given to axios again, it is as it was. */
export function guardConfig(config: InternalAxiosRequestConfig): void {
  if (!Object.isExtensible(config)) return;
  guarded(config, () => redacted({ ...config, headers: plain(config.headers) }));
}

/** The answer of an error: as the engine knows it, which has left out what the call was sent with, or without content. */
function guardAnswer(response: AxiosResponse, known: ErrorResponse | undefined): void {
  const { status, statusText, headers } = response;
  guarded(response, () =>
    known
      ? { ...known, data: fields(known.data) }
      : redacted({ status, statusText, headers: plain(headers), data: response.data }),
  );
}

/** Headers of axios's are a class of its own, of which nothing would be shown. */
function plain(headers: unknown): unknown {
  return (headers as { toJSON?(): unknown } | undefined)?.toJSON?.() ?? headers;
}
