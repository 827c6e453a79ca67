// A pair whose middlewares stand alone, or all within a native one: the contract is the same, and so are its tests.

import { MiddlewareError, timeout } from 'trae-native';
import { pair as bare } from './simulator.mts';

const native = process.env['TRAE_ONION'] === 'native';

export const pair: typeof bare = async (t, config, options) => {
  const both = await bare(t, config, options);
  if (native) both.client.use(timeout(60_000), { name: 'native' });
  return both;
};

/** Holds for a MiddlewareError that says these words. */
export const broke = (words: RegExp) => (error: unknown) =>
  error instanceof MiddlewareError && error.code === 'MIDDLEWARE' && words.test(error.message);
