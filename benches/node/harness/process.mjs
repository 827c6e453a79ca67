// Runs one measurement in a fresh process and returns its JSON line; a failure comes back as `{ error }`.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const HERE = new URL('../', import.meta.url);
const ROOT = fileURLToPath(new URL('../../', HERE));
const GRACE_MS = 3_000;

/** `script` is `one.mjs` or `load.mjs`; `job` is their only argument. */
export function runNode(script, job) {
  return run(process.execPath, [fileURLToPath(new URL(script, HERE)), JSON.stringify(job)], job);
}

export function run(command, args, { limitMs, caFile }) {
  const options = { env: environment(caFile), timeout: limitMs + GRACE_MS, killSignal: 'SIGKILL' };
  return new Promise((resolve) => {
    execFile(command, args, options, (error, stdout, stderr) => {
      const line = stdout.trim().split('\n').at(-1);
      const reason =
        stderr
          .trim()
          .split('\n')
          .find((text) => /error/i.test(text)) ?? howItEnded(error);
      try {
        const result = JSON.parse(line);
        resolve(result.error ? { error: withoutPaths(result.error) } : result);
      } catch {
        resolve({ error: withoutPaths(reason) });
      }
    });
  });
}

function howItEnded(error) {
  if (error?.killed) return 'killed: it did not end in time';
  return error?.signal ? `ended by ${error.signal}` : `ended with ${error?.code ?? 'no output'}`;
}

/** Results are published: they name no folder of the machine. */
const withoutPaths = (text) => text.replaceAll(ROOT, '').split('\n')[0];

/** Loopback only: a proxy of the environment must not get between; Node's peers learn the CA from NODE_EXTRA_CA_CERTS. */
function environment(caFile) {
  const kept = Object.entries(process.env).filter(([name]) => !/^((https?|all|no)_proxy|node_options)$/i.test(name));
  return { ...Object.fromEntries(kept), NO_COLOR: '1', ...(caFile && { NODE_EXTRA_CA_CERTS: caFile }) };
}
