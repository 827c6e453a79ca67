// What is sent: what axios's transforms have left, in pieces where somebody wants to know how far it is.

import type { InternalAxiosRequestConfig } from 'axios';
import type { Axios } from '../../axios.js';
import { piece } from '../body.js';
import { errorOf } from './failure.js';
import { Meter } from './progress.js';

export interface Sending {
  data: unknown;
  /** How long it is, where that is known. */
  length: number | undefined;
  /** It names its own media type, with a boundary in it or as a Blob does. */
  names: boolean;
  /** The answer is here: all was sent. */
  sent(): void;
  /** Why it was not sent, where that was a limit. */
  failure(): unknown;
  over(): void;
}

const PLAIN: Sending = {
  data: undefined,
  length: undefined,
  names: false,
  sent: () => {},
  failure: () => undefined,
  over: () => {},
};

/** What is sent at once; also what is cut off of a longer body at a time. */
const PIECE = 64 << 10;

export function sending(config: InternalAxiosRequestConfig, axios: Axios): Sending {
  const { data, onUploadProgress, maxBodyLength = -1 } = config;
  // Most calls: a text, and nobody asks how long it is.
  if (typeof data === 'string' && maxBodyLength === -1 && !onUploadProgress) return { ...PLAIN, data };
  const body = whole(data);
  const limit = maxBodyLength > -1 ? maxBodyLength : Number.POSITIVE_INFINITY;
  const tooLong = () =>
    errorOf('Request body larger than maxBodyLength limit', axios.AxiosError.ERR_BAD_REQUEST, config, axios);
  const length = body?.length ?? sizeOf(data);
  if (length !== undefined && length > limit) throw tooLong();
  if (data !== undefined && data !== null && body === undefined && !isStream(data) && !isForm(data)) {
    const message = 'Data after transformation must be a string, an ArrayBuffer, a Buffer, or a Stream';
    throw errorOf(message, axios.AxiosError.ERR_BAD_REQUEST, config, axios);
  }
  const names = isForm(data) || typeof (data as { getHeaders?: unknown } | null)?.getHeaders === 'function';
  const meter = onUploadProgress && length !== 0 ? new Meter(onUploadProgress, 'upload', length) : undefined;
  const plain: Sending = {
    data: typeof data === 'string' ? data : (body ?? data),
    length: undefined,
    names,
    sent: () => {
      if (meter && body) meter.add(body.length);
      meter?.end();
    },
    failure: () => undefined,
    over: () => meter?.stop(),
  };
  // The package form-data knows how long it is, and some servers take no form without a length.
  if (!body) plain.length = knownLength(data);
  const counted = body ? meter && body.length > PIECE : (meter || limit < Number.POSITIVE_INFINITY) && isStream(data);
  if (!counted) return plain;
  let failure: unknown;
  const pieces = body ? slices(body) : (data as AsyncIterable<unknown>);
  async function* counting(): AsyncGenerator<Uint8Array> {
    let read = 0;
    for await (const part of pieces) {
      const bytes = piece(part);
      read += bytes.length;
      if (read > limit) {
        failure = tooLong();
        throw failure;
      }
      meter?.add(bytes.length);
      yield bytes;
    }
    meter?.end();
  }
  return { ...plain, data: counting(), length, sent: () => meter?.end(), failure: () => failure };
}

function* slices(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += PIECE) yield bytes.subarray(at, at + PIECE);
}

/** What is in memory. */
function whole(data: unknown): Uint8Array | undefined {
  if (typeof data === 'string') return Buffer.from(data);
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return data instanceof ArrayBuffer ? new Uint8Array(data) : undefined;
}

function sizeOf(data: unknown): number | undefined {
  const { size } = (data ?? {}) as { size?: unknown };
  return typeof size === 'number' && isForm(data) ? size : undefined;
}

function isStream(data: unknown): boolean {
  if (typeof data !== 'object' || data === null) return false;
  return Symbol.asyncIterator in data || typeof (data as { pipe?: unknown }).pipe === 'function';
}

function knownLength(data: unknown): number | undefined {
  const form = (data ?? {}) as { hasKnownLength?(): boolean; getLengthSync?(): number };
  return form.hasKnownLength?.() ? form.getLengthSync?.() : undefined;
}

/** A form, or a Blob: by shape, for those of other packages. */
function isForm(data: unknown): boolean {
  const named = Object.prototype.toString.call(data);
  return named === '[object FormData]' || named === '[object Blob]' || named === '[object File]';
}
