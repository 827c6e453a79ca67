// What few services use, and what is loaded only when it is used: reading a file costs an import more than running it.

type Args<F> = F extends (...args: infer A) => unknown ? A : never;

export const mapEvents = (...args: Args<typeof import('./middleware/map-events.js').mapEvents>) =>
  (require('./middleware/map-events.js') as typeof import('./middleware/map-events.js')).mapEvents(...args);

export const validate = (...args: Args<typeof import('./middleware/validate.js').validate>) =>
  (require('./middleware/validate.js') as typeof import('./middleware/validate.js')).validate(...args);

export const tool = (...args: Args<typeof import('./tools/tool.js').tool>) =>
  (require('./tools/tool.js') as typeof import('./tools/tool.js')).tool(...args);

export const tracing = (...args: Args<typeof import('./middleware/tracing.js').tracing>) =>
  (require('./middleware/tracing.js') as typeof import('./middleware/tracing.js')).tracing(...args);

export const registerMetrics = (...args: Args<typeof import('./prom-client.js').registerMetrics>) =>
  (require('./prom-client.js') as typeof import('./prom-client.js')).registerMetrics(...args);
