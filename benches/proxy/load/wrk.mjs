// Unary load: wrk, closed loop, 64 connections; a run that is not counted first, then the window.
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { run } from '../../node/harness/process.mjs';
import { costs, pastChildrenUs, snapshot } from '../harness/proc.mjs';

const SCRIPT = fileURLToPath(new URL('wrk.lua', import.meta.url));

export const missing = () => (spawnSync('wrk', ['-v']).error ? 'apt-get install wrk' : undefined);

/** One window through `proxy`; its CPU is taken outside of wrk, over exactly wrk's run. */
export async function measure(proxy, job) {
  const warm = await wrk(proxy, job, job.warmMs);
  if (warm.error) return warm;
  const of = { pids: proxy.pids, upstreamPid: job.upstreamPid };
  const before = snapshot(of, pastChildrenUs);
  const line = await wrk(proxy, job, job.windowMs);
  const after = snapshot(of, pastChildrenUs);
  if (line.error) return line;
  if (line.failed > 0 || line.units === 0) return { error: `${line.failed} of ${line.units} requests failed` };
  // Its own clock is better: the processes' start and end are no part of it.
  const rate = (line.units / line.ms) * 1e3;
  return { ...costs(before, after, line.units, of), rate, p50Us: line.p50Ms * 1e3, p99Us: line.p99Ms * 1e3 };
}

/** wrk knows whole seconds only. */
function wrk({ url, headers }, { connections, prompts }, ms) {
  // A prompt that no run before has sent: an answer may be kept somewhere. `same` is the same within a process of ours.
  const text = prompts === 'same' ? 'the same' : randomUUID();
  const args = [
    '-t1',
    `-c${connections}`,
    `-d${Math.ceil(ms / 1e3)}s`,
    '--timeout',
    '10s',
    '-s',
    SCRIPT,
    `${url}/v1/messages`,
  ];
  return run('wrk', [...args, '--', prompts, text, ...Object.entries(headers).flat()], { limitMs: ms + 15_000 });
}
