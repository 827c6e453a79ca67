// The peer `wreq-js`: a Rust client behind the signature of fetch, on one transport so that connections are reused.
import { fetchLike } from './fetch.mjs';

export const load = () => import('wreq-js');

/** It has no option for a private CA, so over TLS it does not verify the certificate: a little less work than ours. */
export async function open(setup) {
  const { createTransport, fetch } = await load();
  const transport = await createTransport({ insecure: setup.tls, poolMaxIdlePerHost: setup.concurrency });
  const peer = fetchLike((url, init) => fetch(url, { ...init, transport }), setup);
  return {
    ...peer,
    note: setup.tls ? 'certificate not verified; protocol by ALPN' : undefined,
  };
}
