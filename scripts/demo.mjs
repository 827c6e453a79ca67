// The main job: a streamed answer, a plain one, a typed error, and what each took.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { root, setup, stop } from './setup.mjs';

setup();
const { createClient } = await import('../dist/index.mjs');
const { createSimulator } = await import('../dist/simulator.mjs');
const { native } = (await import('../dist/bundle.js')).default;
const { engine } = native();

if (existsSync(join(root, '.env'))) process.loadEnvFile(join(root, '.env'));
const env = process.env;
const key = env.CLAUDE_API_KEY || env.ANTHROPIC_API_KEY;
const simulator = key ? undefined : await createSimulator();
const given = env.CLAUDE_BASE_URL || env.ANTHROPIC_BASE_URL || 'https://api.anthropic.com';
// Both forms are common: with the version in the base URL and without it.
const baseURL = simulator ? simulator.url : given.replace(/\/v1\/?$/, '');
const model = env.CLAUDE_MODEL || 'claude-sonnet-5';

console.log(
  simulator
    ? 'No CLAUDE_API_KEY or ANTHROPIC_API_KEY is set: talking to the embedded simulator.\n'
    : `Talking to ${baseURL} as ${model}.\n`,
);
try {
  new URL(baseURL);
} catch {
  stop(`CLAUDE_BASE_URL or ANTHROPIC_BASE_URL is no URL: ${baseURL}`);
}
const client = createClient({
  baseURL,
  // A proxy of the environment has no way to the simulator.
  ...(simulator && { proxy: false }),
  headers: { 'x-api-key': key ?? 'simulated', 'anthropic-version': '2023-06-01' },
  timeout: 60_000,
});
const ask = (content) => ({ model, max_tokens: 300, messages: [{ role: 'user', content }] });
const rows = [];

function row(call, facts) {
  rows.push({ call, ...facts });
}

async function streamed() {
  const question = 'In two sentences: why does a streaming client need back-pressure?';
  console.log(`> ${question}`);
  simulator?.reply({ text: ANSWER, paceMs: 15 });
  const before = engine.counters()[0];
  const stream = await client.stream('/v1/messages', { ...ask(question), stream: true });
  let [events, input, output] = [0, 0, 0];
  for await (const event of stream) {
    events++;
    if (event.type === 'content_block_delta') process.stdout.write(event.delta.text ?? '');
    if (event.type === 'message_start') input = event.message.usage.input_tokens;
    if (event.type === 'message_delta') output = event.usage.output_tokens;
  }
  const { status, attempts, timing } = stream.response;
  const tokens = `${input} in, ${output} out`;
  row('stream', { status, attempts, ...times(timing), tokens, events, 'wake-ups': engine.counters()[0] - before });
  console.log('\n');
}

async function plain() {
  console.log('> Say hello.');
  const before = engine.counters()[0];
  const { data, status, attempts, timing } = await client.post('/v1/messages', ask('Say hello.'));
  console.log(`${data.content.map((block) => block.text ?? '').join('')}\n`);
  const tokens = `${data.usage.input_tokens} in, ${data.usage.output_tokens} out`;
  row('post', { status, attempts, ...times(timing), tokens, events: '', 'wake-ups': engine.counters()[0] - before });
}

async function failing() {
  console.log('> (a request that cannot be right)');
  const before = engine.counters()[0];
  try {
    await client.post('/v1/messages', { model, max_tokens: -1, messages: [] }, simulator && refusing());
  } catch (error) {
    console.log(`${error.name} (${error.code}, retryable: ${error.retryable}): ${error.message}\n`);
    row('error', { status: error.status, attempts: error.attempts, 'wake-ups': engine.counters()[0] - before });
  }
}

function refusing() {
  const body = { type: 'error', error: { type: 'invalid_request_error', message: 'max_tokens: must be at least 1' } };
  return { headers: { 'x-simulator': JSON.stringify({ status: 400, body }) } };
}

function times({ firstEventMs, totalMs }) {
  const ms = (value) => (value == null ? '' : `${value.toFixed(1)} ms`);
  return { 'first event': ms(firstEventMs), total: ms(totalMs) };
}

const ANSWER =
  'A model may write faster than a program reads, and whatever is in between must hold the difference. ' +
  'Back-pressure lets that difference stay on the network, so that memory stays flat however slow the reader is.';

try {
  await streamed();
  await plain();
  await failing();
  console.table(rows.map(({ call, ...facts }) => ({ call, ...facts })));
} catch (error) {
  console.error(`\nThe conversation broke off: ${error.name} (${error.code}): ${error.message}`);
  process.exitCode = 1;
} finally {
  await client.close();
  await simulator?.close();
}
