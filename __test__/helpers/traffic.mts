// Something to look at: calls of many kinds, some of which ask the same.

import type { Simulator } from 'trae-native/simulator';

const MODELS = ['claude-sonnet-5', 'claude-haiku-4-5', 'claude-opus-4-8'];
const TEXT =
  'The whole stream, event by event. Who asks the same again sees it come as the first one did, only sooner, and pays for none of it.';

/** The same numbers in each run, so that pictures can be compared. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

/** Calls for so many milliseconds, of so many questions and ever more; resolves when the last has been answered. */
export async function traffic(url: string, simulator: Simulator, ms: number, questions: number): Promise<void> {
  const any = random(ms);
  const end = Date.now() + ms;
  const calls: Promise<unknown>[] = [];
  simulator.always({ text: TEXT, paceMs: 25, delayMs: 280 });
  for (let at = 0; Date.now() < end; at++) {
    const slow = Math.floor(150 + any() * any() * 1200);
    if (any() < 0.05) simulator.reply({ status: any() < 0.5 ? 529 : 400 });
    else simulator.reply({ text: TEXT, delayMs: slow, paceMs: Math.floor(8 + any() * 25) });
    calls.push(
      call(url, MODELS[Math.floor(any() ** 2 * 3)] as string, Math.floor(any() * any() * (questions + at / 2))),
    );
    await new Promise((resolve) => setTimeout(resolve, 40 + any() * (260 + 200 * Math.sin(at / 20))));
    // What the cache answered leaves its reply to the next.
    simulator.clear();
    simulator.always({ text: TEXT, paceMs: 25, delayMs: slow });
  }
  await Promise.all(calls);
}

async function call(url: string, model: string, question: number): Promise<void> {
  const messages = [{ role: 'user', content: `Question ${question}` }];
  const body = JSON.stringify({ model, max_tokens: 64, stream: true, messages });
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${url}/v1/messages`, { method: 'POST', headers, body });
  await answer.text();
}
