// The proxies of a case: who is there, started when first needed, warmed once, ended with the case.
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** `nginx-1` lives in peers/nginx.mjs: what follows the dash is a variant. */
async function peer(name, { ours }) {
  const [file, variant] = name.split('-');
  const options = { ours: ours ?? ROOT, variant };
  const module = await import(`../peers/${file}.mjs`).catch(() => undefined);
  return { options, module };
}

/** Name and what would bring it here, of each that is not. */
export async function missingOf(names, options) {
  const missing = {};
  for (const name of names) {
    const { module, options: its } = await peer(name, options);
    const why = module ? module.missing(its) : 'no such peer';
    if (why) missing[name] = why;
  }
  return missing;
}

export function createContenders(upstream, folder, options, versions) {
  const running = new Map();
  const start = async (name) => {
    const { module, options: its } = await peer(name, options);
    const proxy = await module.start({ upstream: upstream.url, folder, options: its });
    versions[name] = proxy.version;
    return proxy;
  };
  return {
    isNew: (name) => !running.has(name),
    get: (name) => {
      if (!running.has(name)) running.set(name, start(name));
      return running.get(name);
    },
    /** Ends one, so that the next who asks has a fresh process. */
    end: async (name) => {
      const proxy = await running.get(name)?.catch(() => undefined);
      running.delete(name);
      await proxy?.end();
    },
    endAll: async () => {
      for (const started of running.values()) await (await started.catch(() => undefined))?.end();
      running.clear();
    },
  };
}
