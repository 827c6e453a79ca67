// What went wrong, in words.

const WORDS: Record<number, string> = {
  400: 'The request was refused as wrong',
  401: 'The proxy does not know this key: reload the page and sign in',
  403: 'This caller may not do that',
  404: 'There is no such thing',
  413: 'The request is too large',
  429: 'Too many requests, or a budget is used up',
  500: 'The API failed',
  502: 'The proxy got no good answer from the API',
  503: 'The proxy takes no requests at the moment',
  504: 'The API took too long',
  529: 'The API is overloaded',
};

export class Failure extends Error {
  constructor(
    message: string,
    readonly requestId: string | null = null,
    readonly status: number | null = null,
  ) {
    super(message);
  }
}

/** A failure of the Messages API's shape: of an answer, or of an `error` event. */
export function failure(told: unknown, status: number | null, requestId: string | null): Failure {
  const { error, request_id } = (told ?? {}) as {
    error?: { type?: unknown; message?: unknown };
    request_id?: unknown;
  };
  const [type, message] = [text(error?.type), text(error?.message)];
  const what = status === null ? 'The answer broke off' : (WORDS[status] ?? 'The request failed');
  const known = [status, type].filter((part) => part !== null).join(', ');
  const words = `${what}${known && ` (${known})`}${message ? `: ${message}` : '.'}`;
  return new Failure(words, text(request_id) ?? requestId, status);
}

/** Anything that was thrown. */
export function asFailure(error: unknown, requestId: string | null = null): Failure {
  if (error instanceof Failure) return error;
  // What fetch throws is a TypeError, with words that each browser has of its own.
  if (error instanceof TypeError) return new Failure('The proxy could not be reached, or went away.', requestId);
  return new Failure(error instanceof Error ? error.message : String(error), requestId);
}

/** An answer that is none of 2xx, with its body as far as that says something. */
export async function refused(response: Response): Promise<Failure> {
  const told = await response.json().catch(() => null);
  return failure(told, response.status, requestIdOf(response));
}

/** The API's own name for the request, or the proxy's. */
export const requestIdOf = (response: Response): string | null =>
  response.headers.get('request-id') ?? response.headers.get('x-request-id');

const text = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);
