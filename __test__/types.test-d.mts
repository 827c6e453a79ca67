// Compiled, never run: what the public types promise, and that the facade keeps it.

import type { Readable } from 'node:stream';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { Registry } from 'prom-client';
import type * as Contract from 'trae-native';
import trae, {
  type Client,
  createClient,
  type EventStream,
  type MessageEvent,
  metrics,
  registerMetrics,
  type SseEvent,
  TraeError,
  type TraeResponse,
  tracing,
} from 'trae-native';
import { createSimulator, type Simulator } from 'trae-native/simulator';
import type { Client as ClientFacade } from '../js/client.js';
import type { TraeError as ErrorFacade } from '../js/errors.js';
import type { Headers as HeadersFacade } from '../js/headers.js';
import type * as facade from '../js/index.js';
import type { TraeResponse as ResponseFacade } from '../js/response.js';
import type * as simulator from '../js/simulator.js';
import type { EventStream as StreamFacade } from '../js/stream.js';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const proven = <T extends true>(): T => true as T;

interface Completion {
  completion: string;
}

export async function calls(client: Client): Promise<void> {
  const typed = await client.post<Completion>('/complete', { prompt: 'x' });
  proven<Equal<typeof typed, TraeResponse<Completion>>>();
  const bytes = await client.post('/x', {}, { responseType: 'stream' });
  proven<Equal<typeof bytes.data, Readable>>();
  const events = await client.get('/x', { responseType: 'events' });
  proven<Equal<typeof events.data, EventStream<MessageEvent>>>();
  const text = await client.get('/x', { responseType: 'text' });
  proven<Equal<typeof text.data, string>>();
  const sse = await client.stream('/x', {}, { responseType: 'sse' });
  for await (const event of sse) proven<Equal<typeof event, SseEvent>>();
  for await (const event of await client.stream('/x')) proven<Equal<typeof event, MessageEvent>>();
  // @ts-expect-error: an option that nobody knows
  createClient({ timout: 5 });
  // @ts-expect-error: not a limit
  await client.get('/x', { timeout: 'slow' });
  // @ts-expect-error: streams are opened by calls
  new sse.constructor.EventStream();
  client
    .use(metrics({ labels: ['model'], buckets: [1] }))
    .use(tracing())
    .metrics('openmetrics') satisfies string;
  registerMetrics(client, new Registry()) satisfies () => void;
  tracing({ tracerProvider: new BasicTracerProvider() });
  // @ts-expect-error: a label that may have any value
  metrics({ labels: ['path'] });
  // @ts-expect-error: no such format
  client.metrics('xml');
  trae.create({ baseURL: 'http://x' }) satisfies Client;
  if (text instanceof TraeError) text.code satisfies string;
  (await createSimulator()) satisfies Simulator;
}

/** Every public value exists in the facade, and the other way round. */
type Names<T> = keyof T;
export const names =
  proven<
    Equal<
      Exclude<Names<typeof import('trae-native')>, 'default' | 'module.exports'>,
      Exclude<Names<typeof facade>, 'default' | 'module.exports'>
    >
  >();
export const simulators =
  proven<
    Equal<
      Exclude<Names<typeof import('trae-native/simulator')>, 'module.exports'>,
      Exclude<Names<typeof simulator>, 'default' | 'module.exports'>
    >
  >();

// The facade has every member that the contract names: each line fails to compile where one is missing.
type Missing<Contract, Facade> = Exclude<keyof Contract, keyof Facade>;
const none = <T extends never>(..._missing: T[]): void => {};
none<Missing<Contract.Client, ClientFacade>>();
none<Missing<Contract.EventStream, StreamFacade>>();
none<Missing<Contract.TraeResponse, ResponseFacade>>();
none<Missing<Contract.ResponseHeaders, HeadersFacade>>();
none<Missing<Contract.TraeError, ErrorFacade>>();
