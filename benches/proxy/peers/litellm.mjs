// LiteLLM's proxy with as many workers as there are cores; no database, no keys of its own, no word to the network.
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { endChild, freePort, listening, startChild } from '../harness/child.mjs';
import { cores, family } from '../harness/proc.mjs';

export const VENV = fileURLToPath(new URL('../.venv', import.meta.url));
/** The newest whose parts were all to be had when this was written. */
export const REQUIREMENT = 'litellm[proxy]==1.106.10';
const PROGRAM = join(VENV, 'bin/litellm');

export const missing = () => (existsSync(PROGRAM) ? undefined : 'node benches/proxy/run.mjs --install');

const ENV = {
  LITELLM_LOCAL_MODEL_COST_MAP: 'True',
  LITELLM_TELEMETRY: 'False',
  LITELLM_MODE: 'PRODUCTION',
  LITELLM_LOG: 'ERROR',
  DISABLE_ADMIN_UI: 'True',
  NO_DOCS: 'True',
  DO_NOT_TRACK: '1',
  PYTHONUNBUFFERED: '1',
};

export async function start({ upstream, folder, options }) {
  const port = await freePort();
  const file = join(folder, `litellm-${port}.yaml`);
  writeFileSync(file, config(upstream));
  const workers = options.variant ?? String(cores);
  const args = ['--config', file, '--host', '127.0.0.1', '--port', String(port), '--num_workers', workers];
  const child = startChild(PROGRAM, args, { env: ENV, cwd: folder });
  await listening(child, port, 120_000);
  const url = `http://127.0.0.1:${port}`;
  await ready(url);
  const version = `${REQUIREMENT.split('==')[1]}, ${workers} worker${workers === '1' ? '' : 's'}`;
  return { url, headers: {}, pids: family(child.pid), version, end: () => endChild(child) };
}

/** The port listens before the application has started. */
async function ready(url) {
  const until = Date.now() + 120_000;
  while (Date.now() < until) {
    const answer = await fetch(`${url}/health/liveliness`).catch(() => undefined);
    if (answer?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error('did not become ready in time');
}

const config = (upstream) => `
model_list:
  - model_name: claude-sonnet-5
    litellm_params: { model: anthropic/claude-sonnet-5, api_base: "${upstream}", api_key: bench-key }
litellm_settings: { telemetry: false, drop_params: true, num_retries: 0, set_verbose: false }
general_settings: { dangerously_permit_weak_or_unset_master_key: true, disable_spend_logs: true, disable_error_logs: true }
`;
