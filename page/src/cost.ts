// What tokens cost, by the proxy's list.

import type { Price, Usage } from './contract.js';

/** In US dollars; null where the list has no such model. */
export function cost(prices: Price[], model: string, usage: Usage): number | null {
  const price = prices.find((price) => fits(price.model, model));
  if (!price) return null;
  const { input, output, cacheRead, cacheCreation } = price;
  const sum =
    (usage.input ?? 0) * input +
    (usage.output ?? 0) * output +
    (usage.cacheRead ?? 0) * (cacheRead ?? input) +
    (usage.cacheCreation ?? 0) * (cacheCreation ?? input);
  return sum / 1_000_000;
}

/** `*` stands for any text. */
function fits(glob: string, model: string): boolean {
  const parts = glob.split('*').map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`).test(model);
}
