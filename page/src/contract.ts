// What the proxy tells at /-/about, /-/figures and /-/requests.

export interface Price {
  model: string;
  input: number;
  output: number;
  cacheRead?: number | null;
  cacheCreation?: number | null;
}

export interface About {
  version: string;
  upstream: string;
  anonymous: boolean;
  caller: string | null;
  sessions: boolean;
  cache: { ttlMs: number } | null;
  bodies: boolean;
  models: string[];
  prices: Price[];
}

export interface Percentiles {
  p50: number;
  p90: number;
  p99: number;
}

export interface Sample {
  at: number;
  requests: number;
  errors: number;
  inFlight: number;
  streams: number;
  firstByteMs: Percentiles | null;
  firstEventMs: Percentiles | null;
  totalMs: Percentiles | null;
  cache: { hit: number; miss: number; shared: number; stale: number; bypass: number };
  waiting: number;
  upstream: { state: string; inFlight: number; queued: number; connections: number };
  tokens: { input: number; output: number };
  events: number;
}

export interface Usage {
  input: number | null;
  output: number | null;
  cacheRead: number | null;
  cacheCreation: number | null;
}

export interface Timeline {
  queuedMs: number | null;
  connectMs: number | null;
  firstByteMs: number | null;
  firstEventMs: number | null;
  totalMs: number | null;
}

export type State = 'active' | 'done' | 'failed' | 'dropped';

export interface Entry {
  id: number;
  requestId: string | null;
  at: number;
  method: string;
  path: string;
  model: string | null;
  caller: string | null;
  callerRequestId: string | null;
  status: number | null;
  stream: boolean;
  cache: string | null;
  attempts: number;
  error: string | null;
  state: State;
  timeline: Timeline;
  usage: Usage | null;
  cost: number | null;
}

export interface EntryWithBodies extends Entry {
  bodies: { request: string | null; response: string | null };
}
