// A proxy before a simulator for one test, closed when the test is over.

import type { TestContext } from 'node:test';
import { createProxy, type ProxyOptions, type ProxyServer } from 'trae-native/proxy';
import { createSimulator, type Simulator, type SimulatorOptions } from 'trae-native/simulator';
import { message } from './simulator.mts';

export interface Proxied {
  proxy: ProxyServer;
  simulator: Simulator;
}

export const UPSTREAM_KEY = 'sk-ant-upstream-0123456789';

/** Nothing is tried again and nothing is told, unless the options say so. */
export async function proxied(
  t: TestContext,
  options: ProxyOptions = {},
  simulated: SimulatorOptions = {},
): Promise<Proxied> {
  const simulator = await createSimulator(simulated);
  const { upstream, ...rest } = options;
  const proxy = await createProxy({
    listen: '127.0.0.1:0',
    logger: false,
    retry: false,
    circuitBreaker: false,
    upstream: { url: simulator.url, key: UPSTREAM_KEY, proxy: false, ...(upstream as object) },
    ...rest,
  });
  t.after(async () => {
    await proxy.close();
    await simulator.close();
  });
  return { proxy, simulator };
}

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
