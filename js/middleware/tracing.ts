// A span of OpenTelemetry for each call, named as its conventions for generative AI have it, and the header that
// carries it on. What is asked and answered is never part of it.

import type { Attributes, Context, Span, TracerProvider } from '@opentelemetry/api';
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
    quietly(() => span.setAttribute('error.type', ours ? error.code : error instanceof Error ? error.name : '_OTHER'));
    if (ours && error.status !== undefined)
      quietly(() => span.setAttribute('http.response.status_code', error.status as number));
    // What an error says that is not ours, nobody knows.
    quietly(() => span.setStatus({ code: api.SpanStatusCode.ERROR, ...(ours && { message: error.message }) }));
    quietly(() => span.end());
  };

  /** Holds nothing of the stream, which may be dropped. */
  const ending =
    (span: Span, message: Message) =>
    (error: unknown): void => {
      quietly(() => span.setAttributes(message.attributes));
      if (error === undefined) quietly(() => span.end());
      else failed(span, error);
    };

  const succeeded = (span: Span, res: TraeResponse): void => {
    const message = new Message();
    quietly(() => span.setAttributes(answered(res)));
    const { data } = res;
    if (quietly(() => span.isRecording())) watch(data, message);
    if (ended(data, ending(span, message))) return;
    quietly(() => message.note([data]));
    ending(span, message)(undefined);
  };

  const begun = (req: TraeRequest): Span => {
    const { name, attributes } = asked(req, provider);
    return tracer.startSpan(name, { kind: api.SpanKind.CLIENT, attributes: attributes as Attributes });
  };

  return async function tracing(req: TraeRequest, next: Next): Promise<TraeResponse> {
    const span = quietly(() => begun(req));
    if (!span) return next();
    const context = quietly(() => api.trace.setSpan(api.context.active(), span));
    try {
      // The names of the headers are the propagator's: `traceparent` and `tracestate` by default.
      if (context) quietly(() => api.propagation.inject(context, req, { set: carry }));
      const res = await (context ? within(api, context, next) : next());
      succeeded(span, res);
      return res;
    } catch (error) {
      failed(span, error);
      throw error;
    }
  };
}

/** Apart, as what looks on must hold nothing of the stream either. */
function watch(data: unknown, message: Message): void {
  seen(data, (events) => quietly(() => message.note(events)));
}

/** Goes on once, also where the context's manager throws before or after. */
function within(api: Api, context: Context, next: Next): Promise<TraeResponse> {
  let answer: Promise<TraeResponse> | undefined;
  const go = (): Promise<TraeResponse> => {
    answer ??= next();
    return answer;
  };
  quietly(() => void api.context.with(context, go));
  return go();
}

/** A call is worth more than its trace: what the caller's telemetry throws costs it neither answer nor error. */
function quietly<T>(trace: () => T): T | undefined {
  try {
    return trace();
  } catch {
    return undefined;
  }
}

/** What could not be sent is left out: it would be the call that fails. */
function carry({ headers }: TraeRequest, name: string, value: string): void {
  if (/^[\w!#$%&'*+.^`|~-]+$/.test(name) && /^[\x20-\x7e]*$/.test(value)) headers[name] = String(value);
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

type Api = typeof import('@opentelemetry/api');

function load(): Api {
  try {
    return require('@opentelemetry/api');
  } catch (cause) {
    throw wrong('tracing() needs the package @opentelemetry/api: install it beside trae-native', cause);
  }
}
