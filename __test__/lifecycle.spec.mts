// Processes and threads: an idle client lets go, a pending call holds on, a thread may end at any time.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { answering, pair, until } from './helpers/simulator.mts';

const entry = createRequire(import.meta.url).resolve('trae-native');

/** Runs a script in a process of its own; a script that hangs is ended. */
function runScript(source: string): Promise<{ code: number | null; out: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [
      '-e',
      `const { createClient } = require(${JSON.stringify(entry)});${source}`,
    ]);
    let out = '';
    child.stdout.on('data', (chunk) => (out += chunk));
    child.stderr.on('data', (chunk) => (out += chunk));
    const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code, out });
    });
  });
}

test('a script with an idle client exits by itself', async (t) => {
  const { simulator } = await pair(t);
  const script = `const c = createClient({ baseURL: '${simulator.url}' }); c.get('/v1/models').then((r) => console.log(r.status))`;
  assert.deepEqual(await runScript(script), { code: 0, out: '200\n' });
  assert.deepEqual(await runScript(`createClient({ baseURL: '${simulator.url}' })`), { code: 0, out: '' });
});

test('a script with a pending call waits for it', async (t) => {
  const { simulator } = await pair(t);
  simulator.always({ delayMs: 300, body: 'late' });
  const script = `createClient({ baseURL: '${simulator.url}' }).get('/x', { responseType: 'text' }).then((r) => console.log(r.data))`;
  assert.deepEqual(await runScript(script), { code: 0, out: 'late\n' });
});

test('a script that leaves a stream exits, and so does one that ends in its middle', async (t) => {
  const { simulator } = await pair(t);
  simulator.always({ events: 1000, paceMs: 5 });
  const open = `(async () => { const s = await createClient({ baseURL: '${simulator.url}' }).stream('/v1/messages', { stream: true });`;
  assert.deepEqual(await runScript(`${open} for await (const e of s) break; console.log('left') })()`), {
    code: 0,
    out: 'left\n',
  });
  assert.deepEqual(await runScript(`${open} for await (const e of s) process.exit(3) })()`), { code: 3, out: '' });
});

test('a stream that is dropped without a word ends its transfer, one that is waited for does not', async (t) => {
  const { client, simulator } = await pair(t, {}, { keep: 0 });
  const reply = answering({ events: 1000, paceMs: 50 });
  const open = () => client.stream('/v1/messages', { stream: true }, reply);
  const bytes = () => client.post('/v1/messages', { stream: true }, { responseType: 'stream', ...reply });
  const waiting = (async () => {
    for await (const event of await open()) if (event.type === 'never') return;
  })().catch(() => {});
  const heard = await new Promise<Buffer>((resolve) => {
    // Nothing but its listener holds this one.
    void bytes().then(({ data }) => data.on('data', resolve).on('error', () => {}));
  });
  assert.ok(heard.length > 0);
  for (let n = 0; n < 10; n++) {
    await open();
    await bytes();
    // Begun and left without a word.
    await (await open())[Symbol.asyncIterator]().next();
  }
  await until(() => {
    globalThis.gc?.();
    return client.stats().pending === 2;
  }, 'only the two that are read are under way');
  await until(() => simulator.counters.connectionsOpen === 2, 'and only their sockets are open');
  await client.close();
  await waiting;
});

test('closing a client makes no noise where nobody has begun to read', async (t) => {
  const { simulator } = await pair(t);
  simulator.always({ events: 1000, paceMs: 5 });
  const script = `(async () => { const c = createClient({ baseURL: '${simulator.url}' });
    const { data } = await c.post('/v1/messages', { stream: true }, { responseType: 'stream' });
    await c.close();
    await new Promise(setImmediate);
    try { for await (const chunk of data) chunk; } catch (error) { console.log(error.code) } })()`;
  assert.deepEqual(await runScript(script), { code: 0, out: 'ABORTED\n' });
});

test('a worker terminated in mid-stream takes nothing with it', async (t) => {
  const { client, simulator } = await pair(t, {}, { keep: 0 });
  const source = `
    const { parentPort, workerData } = require('node:worker_threads');
    const { createClient } = require(${JSON.stringify(entry)});
    (async () => {
      const client = createClient({ baseURL: workerData });
      const read = async () => {
        const s = await client.stream('/v1/messages', { stream: true }, ${JSON.stringify(answering({ events: 5000, paceMs: 1 }))});
        for await (const e of s) parentPort.postMessage(e.type);
      };
      await Promise.all(Array.from({ length: 10 }, read));
    })();`;
  const own = await client.stream('/v1/messages', { stream: true }, answering({ events: 200, paceMs: 5 }));
  let mine = 0;
  const reading = (async () => {
    for await (const _event of own) mine++;
  })();
  for (let round = 0; round < 5; round++) {
    const worker = new Worker(source, { eval: true, workerData: simulator.url });
    await new Promise<void>((resolve, reject) => {
      let seen = 0;
      worker.on('message', () => ++seen === 30 && resolve());
      worker.on('error', reject);
    });
    await worker.terminate();
  }
  await reading;
  assert.equal(mine, 205);
  assert.equal((await client.get('/v1/models')).status, 200);
});

test('the same package serves import and require with one engine', async () => {
  const required = createRequire(import.meta.url)('trae-native');
  const imported = await import('trae-native');
  assert.equal(required.createClient, imported.createClient);
  assert.equal(required.default, imported.default);
  assert.equal(required.TraeError, imported.TraeError);
});
