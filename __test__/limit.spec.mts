// The limit on a whole call holds whatever its middlewares do.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, type Next, retry, TimeoutError, type TraeRequest } from 'trae-native';
import { message, pair, until } from './helpers/simulator.mts';

const never = () => new Promise<never>(() => {});

const HANGING: [string, (client: Client) => Client][] = [
  ['hangs before next()', (client) => client.use((_req: TraeRequest, next: Next) => never().then(() => next()))],
  ['hangs after next()', (client) => client.use((_req: TraeRequest, next: Next) => next().then(never))],
  ['hangs in before()', (client) => client.before(never)],
  [
    'calls next() for ever',
    (client) =>
      client.use(async (_req: TraeRequest, next: Next) => {
        for (;;) {
          await next();
          await sleep(5);
        }
      }),
  ],
  ['hangs within retry()', (client) => client.use(retry()).use((_req: TraeRequest, next: Next) => next().then(never))],
];

for (const [what, hung] of HANGING)
  for (const timeout of [150, { total: 150 }])
    test(`a middleware that ${what} does not outlive ${JSON.stringify({ timeout })}`, async (t) => {
      const { client, simulator } = await pair(t);
      const ends: unknown[] = [];
      client.finally(({ error }) => void ends.push(error));
      const own = hung(client);
      await assert.rejects(own.post('/v1/messages', message(), { timeout }), (error: Error) => {
        assert.ok(error instanceof TimeoutError, String(error));
        assert.match(error.message, /within 150 ms \(`timeout(\.total)?`\)/);
        return true;
      });
      assert.equal(own.stats().pending, 0);
      const sent = simulator.received.length;
      await sleep(30);
      assert.ok(simulator.received.length <= sent, 'nothing more is sent');
    });

test('a call that is answered in time leaves no timer behind', async (t) => {
  const { client } = await pair(t, { timeout: 60_000 });
  client.use((_req: TraeRequest, next: Next) => next());
  await client.post('/v1/messages', message());
  await until(() => !process.getActiveResourcesInfo().includes('Timeout'), 'no timer is left');
});
