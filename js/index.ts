// What `trae-native` is to the outside: every public name, and nothing else. The contract is index.d.ts.
//
// - client.ts: the client · claude.ts: one for the Claude API · config.ts: its options · sender.ts: how its calls are sent · call.ts: one call
// - warmup.ts: connections before the first call
// - middleware/: the onion; tracing.ts: a span for each call
// - body.ts, multipart.ts and request-headers.ts: what it sends
// - session.ts: conversations · tools/: the loop of tools · api/: the rest of the Claude API
// - stream.ts: events · emit/: sent on to browsers · mapping.ts: events made of events · readable.ts: bytes
// - result.ts, message.ts: what events add up to · listeners.ts, partial-json.ts: who listens to them
// - context.ts: whose asynchronous context callbacks have
// - response.ts and headers.ts: answers · schema.ts: what they should be
// - prom-client.ts: figures on a page of prom-client · diagnostics.ts: what happens, on channels
// - errors.ts: failures as classes · secrets.ts: what is never shown · names.ts, spelling.ts: options that nobody knows
// - beside.ts: files that are there whole or not at all
// - lazy.ts: what is loaded only when it is used
// - native.ts: the only room that talks to Rust

import { type Client, createClient } from './client.js';

export { claude } from './claude.js';
export { createClient } from './client.js';
export {
  AbortError,
  ApiStreamError,
  AuthenticationError,
  BadRequestError,
  CircuitOpenError,
  ConfigError,
  ConflictError,
  ConnectionError,
  CredentialError,
  HttpError,
  IncompleteStreamError,
  LimitError,
  MiddlewareError,
  NotFoundError,
  OverloadedError,
  ParseError,
  PermissionError,
  QueueFullError,
  RateLimitError,
  RedirectError,
  RequestTooLargeError,
  ServerError,
  SessionBusyError,
  StoreError,
  StreamError,
  StreamIdleError,
  TimeoutError,
  TraeError,
  UnprocessableError,
  ValidationError,
} from './errors.js';
export { mapEvents, registerMetrics, tool, tracing, validate } from './lazy.js';
export {
  auth,
  cache,
  circuitBreaker,
  concurrency,
  fallback,
  hedge,
  idempotencyKey,
  jwt,
  keyPool,
  logger,
  metrics,
  rateLimit,
  redact,
  retry,
  timeout,
} from './middleware/native.js';
export { EventStream } from './stream.js';

/** A wrong environment, as a proxy's URL can be, fails calls and not the import: other clients may need none of it. */
function ready(): Client {
  try {
    return createClient();
  } catch (error) {
    return createClient({ proxy: false }).before(() => {
      throw error;
    });
  }
}

/** A client that is ready; its pool is made when it is first used. */
export const trae: Client & { create: typeof createClient } = Object.defineProperty(ready(), 'create', {
  value: createClient,
}) as Client & { create: typeof createClient };

export default trae;
