// A span of OpenTelemetry for each call, named as its conventions for generative AI have it, and the header that
// carries it on. What is asked and answered is never part of it.

import type { Attributes, Span, TracerProvider } from '@opentelemetry/api';
import { ended, seen } from '../ending.js';
import { kindOf, TraeError, config as wrong } from '../errors.js';
import type { TraeResponse } from '../response.js';
import type { Handler, Next } from './compose.js';
import { answered, asked, Message } from './genai.js';
import type { TraeRequest } from './request.js';

export interface TracingOptions {
  /** Whose tracer makes the spans; the global one unless said otherwise. */
  tracerProvider?: TracerProvider;
  /** `gen_ai.provider.name` */
  provider?: string;
}

const OPTIONS = ['tracerProvider', 'provider'];

/** A middleware that makes a span for each call that passes it, and ends it when its stream ends. */
export function tracing(options: TracingOptions = {}): Handler {
  const { tracerProvider, provider = 'anthropic' } = checked(options);
  const api = load();
  const tracer = (tracerProvider ?? api.trace).getTracer('trae-native');

  const failed = (span: Span, error: unknown): void => {
    const ours = error instanceof TraeError;
    span.setAttribute('error.type', ours ? error.code : error instanceof Error ? error.name : '_OTHER');
    if (ours && error.status !== undefined) span.setAttribute('http.response.status_code', error.status);
    // What an error says that is not ours, nobody knows.
    span.setStatus({ code: api.SpanStatusCode.ERROR, ...(ours && { message: error.message }) });
    span.end();
  };

  /** Holds nothing of the stream, which may be dropped. */
  const ending =
    (span: Span, message: Message) =>
    (error: unknown): void => {
      span.setAttributes(message.attributes);
      if (error === undefined) span.end();
      else failed(span, error);
    };

  const succeeded = (span: Span, res: TraeResponse): void => {
    span.setAttributes(answered(res));
    const message = new Message();
    if (span.isRecording()) seen(res.data, (events) => message.note(events));
    if (ended(res.data, ending(span, message))) return;
    message.note([res.data]);
    ending(span, message)(undefined);
  };

  return async function tracing(req: TraeRequest, next: Next): Promise<TraeResponse> {
    const { name, attributes } = asked(req, provider);
    const span = tracer.startSpan(name, { kind: api.SpanKind.CLIENT, attributes: attributes as Attributes });
    const context = api.trace.setSpan(api.context.active(), span);
    try {
      // The names of the headers are the propagator's: `traceparent` and `tracestate` by default.
      api.propagation.inject(context, req, { set: ({ headers }, name, value) => (headers[name] = value) });
      const res = await api.context.with(context, () => next());
      succeeded(span, res);
      return res;
    } catch (error) {
      failed(span, error);
      throw error;
    }
  };
}

function checked(options: TracingOptions): TracingOptions {
  if (typeof options !== 'object' || options === null)
    throw wrong(`\`tracing\` must be an object, got ${kindOf(options)}`);
  const unknown = Object.keys(options).find((name) => !OPTIONS.includes(name));
  if (unknown !== undefined)
    throw wrong(`unknown option \`tracing.${unknown}\`: known names are \`${OPTIONS.join('`, `')}\``);
  const { tracerProvider, provider } = options;
  if (provider !== undefined && typeof provider !== 'string')
    throw wrong(`\`tracing.provider\` must be a string, got ${kindOf(provider)}`);
  if (tracerProvider !== undefined && typeof tracerProvider?.getTracer !== 'function')
    throw wrong(`\`tracing.tracerProvider\` must be a provider of tracers, got ${kindOf(tracerProvider)}`);
  return options;
}

function load(): typeof import('@opentelemetry/api') {
  try {
    return require('@opentelemetry/api');
  } catch (cause) {
    throw wrong('tracing() needs the package @opentelemetry/api: install it beside trae-native', cause);
  }
}
