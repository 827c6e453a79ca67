// Asks for one streamed answer, and says what came of it.

import type { Usage } from '../contract.js';
import { asFailure, Failure, failure, refused, requestIdOf } from '../failure.js';
import { events } from '../sse.js';

export interface Turn {
  role: 'user' | 'assistant';
  content: string;
}

/** What is known when an answer begins. */
export interface Head {
  cache: string | null;
  ageSeconds: number | null;
  requestId: string | null;
}

export interface Outcome {
  text: string;
  usage: Usage;
  stopReason: string | null;
  firstEventMs: number | null;
  totalMs: number;
  /** Null where the whole answer has come. */
  failure: Failure | null;
  isStopped: boolean;
}

export interface Progress {
  began(head: Head): void;
  text(piece: string): void;
}

/** The events of a stream that say something here. */
interface Event {
  type?: string;
  message?: { usage?: Tokens };
  delta?: { type?: string; text?: string; stop_reason?: string | null };
  usage?: Tokens;
}

interface Tokens {
  input_tokens?: number | null;
  output_tokens?: number | null;
  cache_read_input_tokens?: number | null;
  cache_creation_input_tokens?: number | null;
}

/** Never throws: a failure is one of its outcomes. */
export async function answer(
  body: string,
  session: string | null,
  signal: AbortSignal,
  progress: Progress,
): Promise<Outcome> {
  const begun = performance.now();
  const outcome: Outcome = {
    text: '',
    usage: { input: null, output: null, cacheRead: null, cacheCreation: null },
    stopReason: null,
    firstEventMs: null,
    totalMs: 0,
    failure: null,
    isStopped: false,
  };
  let requestId: string | null = null;
  try {
    const response = await fetch('./v1/messages', { method: 'POST', headers: headers(session), body, signal });
    requestId = requestIdOf(response);
    if (!response.ok) throw await refused(response);
    progress.began(head(response));
    await read(response, outcome, begun, progress);
  } catch (error) {
    if (signal.aborted) outcome.isStopped = true;
    else outcome.failure = asFailure(error, requestId);
  }
  outcome.totalMs = performance.now() - begun;
  return outcome;
}

function headers(session: string | null): Record<string, string> {
  const all = { 'content-type': 'application/json', 'anthropic-version': '2023-06-01' };
  return session === null ? all : { ...all, 'x-session-id': session };
}

function head(response: Response): Head {
  const age = response.headers.get('age');
  return {
    cache: response.headers.get('x-cache'),
    ageSeconds: age === null ? null : Number(age),
    requestId: requestIdOf(response),
  };
}

async function read(response: Response, outcome: Outcome, begun: number, progress: Progress): Promise<void> {
  const requestId = requestIdOf(response);
  if (!response.body) throw new Failure('The answer has no body.', requestId);
  for await (const { data } of events(response.body)) {
    outcome.firstEventMs ??= performance.now() - begun;
    const event = JSON.parse(data) as Event;
    if (event.type === 'error') throw failure(event, null, requestId);
    add(event, outcome, progress);
    if (event.type === 'message_stop') return;
  }
  throw new Failure('The answer broke off before its end.', requestId);
}

function add({ message, delta, usage }: Event, outcome: Outcome, progress: Progress): void {
  if (delta?.type === 'text_delta' && delta.text) {
    outcome.text += delta.text;
    progress.text(delta.text);
  }
  if (delta?.stop_reason) outcome.stopReason = delta.stop_reason;
  const told = usage ?? message?.usage;
  if (told) count(told, outcome.usage);
}

/** The last word counts: later events repeat what earlier ones said, or add to it. */
function count(told: Tokens, usage: Usage): void {
  usage.input = told.input_tokens ?? usage.input;
  usage.output = told.output_tokens ?? usage.output;
  usage.cacheRead = told.cache_read_input_tokens ?? usage.cacheRead;
  usage.cacheCreation = told.cache_creation_input_tokens ?? usage.cacheCreation;
}
