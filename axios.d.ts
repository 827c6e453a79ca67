/** `trae-native/axios`: axios on this engine. */

import type { AxiosAdapter, AxiosStatic } from 'axios';
import type { Client, RequestConfig } from './index.js';

/** As much of axios as an adapter needs: its errors and headers, and how it writes URLs. */
export type Axios = Pick<AxiosStatic, 'AxiosError' | 'CanceledError' | 'AxiosHeaders' | 'getUri'>;

export interface AxiosAdapterOptions {
  /** The copy of axios whose errors are thrown. Default: the one that an `import`, or a `require`, of axios gives. */
  axios?: Axios;
}

/**
 * An adapter for `axios.create({ adapter })`: its calls go through this client, with its middlewares and its pool.
 * Without a client they go through the package's own, `trae`.
 */
export declare function createAdapter(client?: Client, options?: AxiosAdapterOptions): AxiosAdapter;

declare module 'axios' {
  interface AxiosRequestConfig {
    /**
     * Options of the call that axios has no word for: `retry`, `middlewares`, `timeout` by stages and the like. What
     * axios has a word for, as `headers`, is refused here.
     */
    trae?: RequestConfig;
  }
}
