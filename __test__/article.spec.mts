// Every program of the article runs, with only its import changed, and does what the article says of it.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import dotenv from 'dotenv';
import promClient from 'prom-client';
import { type Client, OverloadedError } from 'trae-native';
import { createSimulator } from 'trae-native/simulator';
import {
  authenticate,
  cachingMiddleware,
  configured,
  handleStream,
  loggingMiddleware,
  measure,
  pool,
  redactMiddleware,
  retryMiddleware,
  validate,
} from './article/service.mts';
import { answering, message } from './helpers/simulator.mts';

const KEY = 'sk-ant-article-0123456789';

/** The article's client: its configuration comes from a .env file. */
async function service(t: import('node:test').TestContext) {
  const simulator = await createSimulator();
  const folder = mkdtempSync(join(tmpdir(), 'article-'));
  writeFileSync(join(folder, '.env'), `CLAUDE_API_KEY=${KEY}\nCLAUDE_BASE_URL=${simulator.url}/v1\n`);
  dotenv.config({ path: join(folder, '.env'), override: true, quiet: true });
  const claude: Client = configured();
  t.after(async () => {
    await claude.close();
    await simulator.close();
    rmSync(folder, { recursive: true });
  });
  return { claude, simulator };
}

test('the interceptor puts the token on every request', async (t) => {
  const { claude, simulator } = await service(t);
  authenticate(claude);
  await claude.post('/messages', message());
  const [received] = simulator.received;
  assert.equal(received?.path, '/v1/messages');
  assert.equal(received?.header('authorization'), `Bearer ${KEY}`);
  assert.equal(received?.header('anthropic-version'), '2023-06-01');
});

test('a stream comes chunk by chunk through on(data)', async (t) => {
  const { claude } = await service(t);
  authenticate(claude);
  const chunks: Buffer[] = [];
  const response = await handleStream(claude, 'Hello', (chunk) => chunks.push(chunk));
  await new Promise((resolve, reject) => response.data.on('end', resolve).on('error', reject));
  assert.match(Buffer.concat(chunks).toString(), /data: \{.*completion/);
});

test('the retry tries again with growing pauses, and gives up after the third', async (t) => {
  const { claude, simulator } = await service(t);
  claude.use(retryMiddleware(3, 1));
  simulator.reply([{ status: 529 }, { status: 500 }, {}]);
  assert.equal((await claude.post('/messages', message())).attempts, 3);
  simulator.always({ status: 529 });
  await assert.rejects(claude.post('/messages', message()), OverloadedError);
  assert.equal(simulator.received.length, 7);
});

test('the log has a line for each request, answer and error, and no key, while the server received it', async (t) => {
  const { claude, simulator } = await service(t);
  const lines: string[] = [];
  const log = (line: string) => lines.push(line);
  claude.use(loggingMiddleware(log));
  authenticate(claude);
  claude.use(redactMiddleware(log));
  await claude.post('/messages', message());
  await assert.rejects(claude.post('/messages', message(), answering({ status: 400 })));
  assert.match(lines[0] as string, /^\[Request\] POST \/messages$/);
  assert.ok(lines.some((line) => /^\[Response\] 200 \d+ms$/.test(line)));
  assert.ok(lines.some((line) => line.startsWith('[Error] 400')));
  assert.ok(lines.some((line) => line.includes('***REDACTED***')));
  assert.ok(!lines.join('\n').includes(KEY));
  assert.ok(simulator.received.every((received) => received.header('authorization') === `Bearer ${KEY}`));
});

test('an answer is validated by zod unless the call says otherwise', async (t) => {
  const { claude, simulator } = await service(t);
  validate(claude);
  const body = { completion: 'Hi', stop_reason: 'stop_sequence', model: 'claude-2' };
  simulator.reply([{ body }, { body: { completion: 1 } }, { body: { completion: 1 } }]);
  assert.deepEqual((await claude.post('/complete', { prompt: 'Hi' })).data, body);
  await assert.rejects(claude.post('/complete', { prompt: 'Hi' }), /Response validation failed/);
  const skipped = await claude.post('/complete', { prompt: 'Hi' }, { skipValidation: true });
  assert.deepEqual(skipped.data, { completion: 1 });
});

test('an agent that is put into the config takes effect from the next request', async (t) => {
  const { claude, simulator } = await service(t);
  await claude.post('/messages', message());
  pool(claude);
  claude.config.httpAgent = new (await import('node:http')).Agent({ keepAlive: true, maxSockets: 2 });
  claude.config.httpsAgent = undefined as never;
  simulator.always({ delayMs: 20 });
  await Promise.all(Array.from({ length: 8 }, () => claude.post('/messages', message())));
  const connections = new Set(simulator.received.slice(1).map(({ connection }) => connection));
  assert.equal(connections.size, 2);
});

test('the histogram of prom-client counts each request by method and status', async (t) => {
  const { claude } = await service(t);
  const registry = new promClient.Registry();
  measure(claude, registry);
  await claude.post('/messages', message());
  const text = await registry.metrics();
  assert.match(text, /claude_request_duration_seconds_count\{method="POST",status_code="200"\} 1/);
});

test('the caching middleware answers a repeat from its Map until the entry has expired', async (t) => {
  const { claude, simulator } = await service(t);
  claude.use(cachingMiddleware());
  const first = await claude.post('/messages', message('Hello'));
  assert.equal(await claude.post('/messages', message('Hello')), first);
  await claude.post('/messages', message('Another'));
  assert.equal(simulator.received.length, 2);
  claude.eject('middleware');
  claude.use(cachingMiddleware(-1));
  await claude.post('/messages', message('Hello'));
  await claude.post('/messages', message('Hello'));
  assert.equal(simulator.received.length, 4);
});
