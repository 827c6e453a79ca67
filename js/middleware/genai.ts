// A call in the words of OpenTelemetry's semantic conventions for generative AI, with none of its content.
// Pure: requests and answers in, attributes out.

import type { TraeResponse } from '../response.js';
import { withoutKeys } from '../secrets.js';
import type { TraeRequest } from './request.js';

type Attributes = Record<string, string | number | string[]>;

/** How the path of a call ends, and what is done there. */
const OPERATIONS: [RegExp, string][] = [
  [/\/(messages|chat\/completions)$/, 'chat'],
  [/\/(complete|completions)$/, 'text_completion'],
  [/\/embeddings$/, 'embeddings'],
];

/** Parameters of a request that say how, and not what. */
const PARAMETERS: [string, string][] = [
  ['max_tokens', 'gen_ai.request.max_tokens'],
  ['temperature', 'gen_ai.request.temperature'],
  ['top_p', 'gen_ai.request.top_p'],
  ['top_k', 'gen_ai.request.top_k'],
];

/** The name of a call's span and what is known before it is sent. */
export function asked(req: TraeRequest, provider: string): { name: string; attributes: Attributes } {
  const url = target(req);
  const attributes: Attributes = { 'http.request.method': req.method };
  if (url) {
    attributes['server.address'] = url.hostname;
    attributes['server.port'] = Number(url.port) || (url.protocol === 'http:' ? 80 : 443);
  }
  const operation = OPERATIONS.find(([path]) => url && path.test(url.pathname))?.[1];
  if (req.method !== 'POST' || operation === undefined) return { name: req.method, attributes };
  attributes['gen_ai.operation.name'] = operation;
  attributes['gen_ai.provider.name'] = provider;
  const data = (typeof req.data === 'object' && req.data !== null ? req.data : {}) as Record<string, unknown>;
  for (const [parameter, name] of PARAMETERS) {
    const value = data[parameter];
    if (typeof value === 'number') attributes[name] = value;
  }
  const { model } = data;
  if (typeof model !== 'string' || model === '') return { name: operation, attributes };
  attributes['gen_ai.request.model'] = withoutKeys(model);
  return { name: `${operation} ${withoutKeys(model)}`, attributes };
}

/** What an answer's head says. */
export function answered(res: TraeResponse): Attributes {
  return { 'http.response.status_code': res.status };
}

/** What is read of an answer or an event; anything may stand there. */
interface Part {
  type?: unknown;
  message?: Part;
  delta?: Part;
  id?: unknown;
  model?: unknown;
  stop_reason?: unknown;
  usage?: unknown;
}

/** An event whose data is text, where it may tell something: `fetch` and `responseType: 'sse'` have such. */
function ofText(given: object): object {
  const { event, data } = given as { event?: unknown; data?: unknown };
  if (typeof data !== 'string' || (event !== 'message_start' && event !== 'message_delta')) return given;
  try {
    return JSON.parse(data) ?? given;
  } catch {
    return given;
  }
}

/** A message as its parts tell of it: an answer, or the events of a stream. */
export class Message {
  #id: unknown;
  #model: unknown;
  #reason: unknown;
  #usage: Record<string, unknown> = {};

  note(parts: readonly unknown[]): void {
    for (const given of parts) {
      if (typeof given !== 'object' || given === null) continue;
      const part = ofText(given);
      const { type, message, delta, usage } = part as Part;
      if (type === 'message') this.#begin(part);
      else if (type === 'message_start') this.#begin(message ?? {});
      else if (type === 'message_delta') {
        this.#reason = delta?.stop_reason ?? this.#reason;
        this.#count(usage);
      }
    }
  }

  /** Tokens that were cached are input too; the API counts them apart, the conventions do not. */
  get attributes(): Attributes {
    const attributes: Attributes = {};
    if (typeof this.#id === 'string') attributes['gen_ai.response.id'] = this.#id;
    if (typeof this.#model === 'string') attributes['gen_ai.response.model'] = this.#model;
    if (typeof this.#reason === 'string') attributes['gen_ai.response.finish_reasons'] = [this.#reason];
    const tokens = (name: string): number | undefined => {
      const count = this.#usage[name];
      return typeof count === 'number' ? count : undefined;
    };
    const [input, output] = [tokens('input_tokens'), tokens('output_tokens')];
    const [read, created] = [tokens('cache_read_input_tokens'), tokens('cache_creation_input_tokens')];
    if (input !== undefined) attributes['gen_ai.usage.input_tokens'] = input + (read ?? 0) + (created ?? 0);
    if (output !== undefined) attributes['gen_ai.usage.output_tokens'] = output;
    if (read !== undefined) attributes['gen_ai.usage.cache_read.input_tokens'] = read;
    if (created !== undefined) attributes['gen_ai.usage.cache_creation.input_tokens'] = created;
    return attributes;
  }

  #begin({ id, model, stop_reason, usage }: Part): void {
    this.#id = id;
    this.#model = model;
    this.#reason = stop_reason ?? undefined;
    this.#count(usage);
  }

  /** Figures of a stream count from its beginning: a later one replaces an earlier one. */
  #count(usage: unknown): void {
    for (const [name, count] of Object.entries(usage ?? {})) if (count !== null) this.#usage[name] = count;
  }
}

/** Where the call goes, as far as that can be told from what the caller wrote. */
function target(req: TraeRequest): URL | undefined {
  try {
    const base = req.config['baseURL'];
    if (typeof base !== 'string' || /^([a-z][a-z0-9+.-]*:)?\/\//i.test(req.url))
      return new URL(req.url, base as string);
    const { origin, pathname } = new URL(base);
    const path = req.url.split(/[?#]/, 1)[0] as string;
    return new URL(`${origin}${pathname.replace(/\/+$/, '')}/${path.replace(/^\/+/, '')}`);
  } catch {
    return undefined;
  }
}
