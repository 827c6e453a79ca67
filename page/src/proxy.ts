// Asks the proxy what it tells of itself. The browser signs in by itself, for all of the page's requests.

import type { About, Entry, EntryWithBodies } from './contract.js';
import { refused } from './failure.js';

async function told<T>(path: string): Promise<T> {
  const response = await fetch(path, { headers: { accept: 'application/json' } });
  if (!response.ok) throw await refused(response);
  return (await response.json()) as T;
}

export const askAbout = (): Promise<About> => told('./-/about');

export const askRequests = async (limit: number): Promise<Entry[]> =>
  (await told<{ requests: Entry[] }>(`./-/requests?limit=${limit}`)).requests;

export const askRequest = (id: number): Promise<EntryWithBodies> => told(`./-/requests/${id}`);
