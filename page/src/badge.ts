// Where an answer came from, as one word with a colour.

import { make } from './dom.js';

const WORDS: Record<string, string> = {
  hit: 'Answered from the cache',
  miss: 'Asked of the API, and kept',
  shared: 'Shared with a call that asked the same',
  stale: 'Answered from the cache, past its time',
  bypass: 'Not for the cache',
};

export function cacheBadge(cache: string | null): HTMLElement | null {
  if (cache === null) return null;
  return make('span', { class: `badge ${cache in WORDS ? cache : 'bypass'}`, title: WORDS[cache] }, cache);
}
