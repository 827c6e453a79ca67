// The peer `impit`: a Rust client behind the signature of fetch.
import { fetchLike } from './fetch.mjs';

export const load = () => import('impit');

/** It has no option for a private CA, so over TLS it does not verify the certificate: a little less work than ours. */
export async function open(setup) {
  const { Impit } = await load();
  const client = new Impit({ ignoreTlsErrors: setup.tls });
  const peer = fetchLike((url, init) => client.fetch(url, init), setup);
  return { ...peer, note: setup.tls ? 'certificate not verified; protocol by ALPN' : undefined };
}
