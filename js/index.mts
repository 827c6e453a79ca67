// The door for `import`: the same module object as for `require`, so that there is one engine per environment.

import api = require('./index.js');

export const {
  AbortError,
  ApiStreamError,
  AuthenticationError,
  auth,
  BadRequestError,
  CircuitOpenError,
  ConfigError,
  ConflictError,
  ConnectionError,
  createClient,
  EventStream,
  HttpError,
  idempotencyKey,
  IncompleteStreamError,
  jwt,
  LimitError,
  metrics,
  MiddlewareError,
  NotFoundError,
  OverloadedError,
  ParseError,
  PermissionError,
  QueueFullError,
  RateLimitError,
  RedirectError,
  RequestTooLargeError,
  retry,
  ServerError,
  StreamError,
  StreamIdleError,
  TimeoutError,
  timeout,
  TraeError,
  trae,
  UnprocessableError,
  ValidationError,
} = api;

export default api.trae;
