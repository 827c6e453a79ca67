// A proxy before a simulator for one test, closed when the test is over.

import type { TestContext } from 'node:test';
import type { ProxyOptions } from 'trae-native/proxy';
import type { SimulatorOptions } from 'trae-native/simulator';
import { proxied as any, type Proxied } from './proxy.mts';
import { message } from './simulator.mts';

export { UPSTREAM_KEY } from './proxy.mts';

/** Nothing is tried again and nothing is told, unless the options say so. */
export const proxied = (
  t: TestContext,
  options: ProxyOptions = {},
  simulated: SimulatorOptions = {},
): Promise<Proxied> => any(t, { retry: false, circuitBreaker: false, ...options }, simulated);

export interface Asked {
  status: number;
  headers: Headers;
  text: string;
  /** What broke the answer off. */
  broke?: unknown;
}

/** Asks, and reads as far as it goes. */
export async function ask(
  url: string,
  body: object | null = message(),
  headers: Record<string, string> = {},
  init: RequestInit & { path?: string } = {},
): Promise<Asked> {
  const { path = '/v1/messages', ...more } = init;
  const answer = await fetch(`${url}${path}`, {
    ...(body && { method: 'POST', body: JSON.stringify(body) }),
    headers: { 'content-type': 'application/json', ...headers },
    ...more,
  });
  const asked: Asked = { status: answer.status, headers: answer.headers, text: '' };
  const decoder = new TextDecoder();
  try {
    for await (const piece of answer.body ?? []) asked.text += decoder.decode(piece, { stream: true });
  } catch (error) {
    asked.broke = error;
  }
  return asked;
}

/** The names of all events in a stream, in order. */
export const names = (sse: string): string[] => [...sse.matchAll(/^event: (.*)$/gm)].map(([, name]) => name as string);

/** The same question as a stream. */
export const streamed = (text?: string): object => ({ ...message(text), stream: true });

/** One figure of the proxy. */
export async function figure(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(new RegExp(`^${name}(?:{[^}]*})? (\\S+)$`, 'm').exec(text)?.[1]);
}

/** Another caller is served, and soon. */
export async function serves(url: string): Promise<void> {
  const asked = await ask(url, message(`${Math.random()}`), {}, { signal: AbortSignal.timeout(3000) });
  if (asked.status !== 200) throw new Error(`another caller is not served: ${asked.status} ${asked.text}`);
}
