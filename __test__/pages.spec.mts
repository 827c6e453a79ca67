// Lists that come in pages: the way through them, and what is no page.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AbortError, ConfigError, ParseError } from 'trae-native';
import { collect, pair } from './helpers/simulator.mts';

test('a list goes backwards, or by tokens, and is no list at all', async (t) => {
  const { client, simulator } = await pair(t);
  simulator.reply([
    { body: { data: [{ id: 'c' }, { id: 'd' }], has_more: true, first_id: 'c', last_id: 'd' } },
    { body: { data: [{ id: 'b' }], has_more: false, first_id: 'b' } },
  ]);
  assert.equal((await client.models.list({ params: new URLSearchParams({ before_id: 'e' }) }).all()).length, 3);
  simulator.reply([{ body: { data: [1], next_page: 'p2' } }, { body: { data: [2], next_page: null } }]);
  assert.deepEqual(await client.models.list().all(), [1, 2]);
  assert.deepEqual(
    simulator.received.map(({ method, path }) => `${method} ${path}`),
    ['GET /v1/models?before_id=e', 'GET /v1/models?before_id=c', 'GET /v1/models', 'GET /v1/models?page=p2'],
  );
  simulator.reply({ body: { models: [] } });
  await assert.rejects(client.models.list().all(), /no page of a list/);
});

test('all() takes a page of any length', async (t) => {
  const { client, simulator } = await pair(t);
  const data = Array.from({ length: 200_000 }, (_, n) => n);
  simulator.reply({ body: { data, has_more: false } });
  assert.equal((await client.models.list().all()).length, data.length);
});

test('a list that says there is more, and not where, or where it was before, gives its page and then fails', async (t) => {
  const { client, simulator } = await pair(t);
  const ways: object[][] = [
    [{ has_more: true }],
    [{ has_more: true, last_id: null }],
    [{ has_more: true, last_id: '' }],
    [{ has_more: true, last_id: { none: true } }],
    [{ next_page: 7 }],
    [
      { has_more: true, last_id: 'a' },
      { has_more: true, last_id: 'a' },
    ],
    [{ next_page: 'p' }, { next_page: 'q' }, { next_page: 'p' }],
  ];
  for (const prefetch of [true, false])
    for (const way of ways) {
      simulator.reply(way.map((page, n) => ({ body: { data: [n], ...page } })));
      const got: unknown[] = [];
      const read = async () => {
        for await (const item of client.models.list({ prefetch })) got.push(item);
      };
      await assert.rejects(
        read(),
        (error) => error instanceof ParseError && /says that there is more/.test(error.message),
      );
      assert.deepEqual(got, [...way.keys()], JSON.stringify(way));
    }
});

test('what a list is asked with stays as it is from page to page, and what it is not asked with is told', async (t) => {
  const { client, simulator } = await pair(t);
  for (const params of ['tag=a&tag=b', new URLSearchParams('tag=a&tag=b')]) {
    simulator.reply([{ body: { data: [1], has_more: true, last_id: 'x' } }, { body: { data: [2] } }]);
    await client.models.list({ params }).all();
    assert.equal(simulator.received.at(-1)?.path, '/v1/models?tag=a&tag=b&after_id=x');
  }
  for (const wrong of [
    { limit: 5 },
    { after_id: 'a' },
    { signal: {} },
    { params: new Map([['limit', 5]]) },
    { prefetc: false },
  ])
    assert.throws(() => client.models.list(wrong as object), ConfigError, Object.keys(wrong)[0]);
});

test('the signal of a list ends it between two pages, too', async (t) => {
  const { client, simulator } = await pair(t);
  simulator.always({ body: { data: [1], has_more: true, last_id: 'x' } });
  const controller = new AbortController();
  const pages = client.models.list({ signal: controller.signal, prefetch: false }).pages();
  await pages.next();
  controller.abort(new Error('enough'));
  await assert.rejects(pages.next(), AbortError);
  const own = new AbortController();
  const ofClient = client.extend({ signal: own.signal }).models.list({ prefetch: false }).pages();
  await ofClient.next();
  own.abort(new Error('enough'));
  await assert.rejects(ofClient.next(), AbortError);
  await assert.rejects(collect(client.models.list({ signal: AbortSignal.abort() })), AbortError);
});
