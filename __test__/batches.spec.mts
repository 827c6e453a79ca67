// Waiting for a batch, and answers that are not what they should be.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AbortError, type Client, ConfigError, ParseError, type TraeError } from 'trae-native';
import { message, pair } from './helpers/simulator.mts';

const batch = (status: string): object => ({ id: 'b1', type: 'message_batch', processing_status: status });
const html = { body: '<html>sign in</html>', headers: { 'content-type': 'text/html' } };

test('an answer that is not the object which was promised is told, with the request that it answers', async (t) => {
  const { client, simulator } = await pair(t);
  const body = message() as never;
  const calls: Record<string, (client: Client) => Promise<unknown>> = {
    message: (client) => client.message(body, { url: '/v1/messages' }),
    countTokens: (client) => client.countTokens(body),
    complete: (client) => client.complete({ model: 'm', prompt: 'p', max_tokens_to_sample: 1 }),
    model: (client) => client.models.get('m'),
    file: (client) => client.files.get('f'),
    upload: (client) => client.files.upload(Buffer.from('x'), { filename: 'x.txt' }),
    create: (client) => client.batches.create([{ custom_id: 'a', params: body }]),
    get: (client) => client.batches.get('b'),
    cancel: (client) => client.batches.cancel('b'),
    wait: (client) => client.batches.wait('b', { interval: 1 }),
  };
  const json = { headers: { 'content-type': 'application/json' } };
  for (const [name, call] of Object.entries(calls))
    for (const reply of [html, { body: 'null', ...json }, { body: '[1]', ...json }, { body: '"b"', ...json }]) {
      simulator.reply(reply);
      await assert.rejects(call(client), (error: TraeError) => {
        assert.ok(error instanceof ParseError, `${name}: ${error}`);
        assert.equal(error.status, 200);
        assert.ok(!error.message.includes('sign in'));
        assert.match(error.requestId ?? '', /^req_/);
        return true;
      });
    }
  simulator.reply({ body: {} });
  await assert.rejects(client.batches.wait('b', { interval: 1 }), /without `processing_status`/);
});

test('whoever waits for a batch is told at once that the wait is over: by its signal or its client, in a pause or not', async (t) => {
  const { client, simulator } = await pair(t);
  simulator.always({ body: batch('in_progress') });
  const ends: [string, (controller: AbortController, own: Client) => void][] = [
    ['signal', (controller) => controller.abort(new Error('enough'))],
    ['close', (_controller, own) => void own.close()],
    ['signal of the client', (controller) => controller.abort(new Error('enough'))],
  ];
  for (const [name, end] of ends)
    for (const where of ['poll', 'pause']) {
      const controller = new AbortController();
      const { signal } = controller;
      const own = client.extend(name === 'signal' ? {} : { signal });
      let told = (): void => {};
      const polled = new Promise<void>((resolve) => {
        told = resolve;
      });
      const onPoll = () => {
        told();
        return where === 'poll' ? new Promise(() => {}) : undefined;
      };
      const waited = own.batches.wait('b1', { interval: 3_600_000, ...(name === 'signal' && { signal }), onPoll });
      await polled;
      // Into the pause.
      await new Promise((resolve) => setImmediate(resolve));
      end(controller, own);
      await assert.rejects(waited, AbortError, `${name} in ${where}`);
    }
  await assert.rejects(client.batches.wait('b1', { signal: AbortSignal.abort() }), AbortError);
  for (const wrong of [{ intervalMs: 5 }, { intervall: 5 }, { onpoll: () => {} }, { signal: {} }])
    await assert.rejects(client.batches.wait('b1', wrong as object), ConfigError, Object.keys(wrong)[0]);
});
