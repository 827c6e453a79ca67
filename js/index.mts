// The door for `import`: the same module object as for `require`, so that there is one engine per environment.

import api = require('./index.js');

export const {
  AbortError,
  ApiStreamError,
  AuthenticationError,
  BadRequestError,
  CircuitOpenError,
  ConfigError,
  ConflictError,
  ConnectionError,
  createClient,
  EventStream,
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
  StreamError,
  StreamIdleError,
  TimeoutError,
  TraeError,
  trae,
  UnprocessableError,
  ValidationError,
} = api;

export default api.trae;
