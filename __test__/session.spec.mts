// client.session(id): a conversation whose turns follow each other, in memory and in a real Redis.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { type ClientConfig, ConfigError, createClient, retry, SessionBusyError, StoreError } from 'trae-native';
import { page } from './helpers/pages.mts';
import { redis } from './helpers/redis.mts';
import { collect, pair, until } from './helpers/simulator.mts';

const MODEL = { model: 'm' };
const said = (history: object[]): string[] =>
  (history as { content: string | { text: string }[] }[]).map(({ content }) =>
    typeof content === 'string' ? content : content.map(({ text }) => text).join(''),
  );
const sent = (body: unknown): { role: string; content: unknown }[] => JSON.parse(String(body)).messages;

const STORES: [string, (t: TestContext) => Promise<ClientConfig | undefined>][] = [
  ['in memory', async () => ({})],
  [
    'in Redis',
    async (t) => {
      const server = await redis(t);
      return server && { store: { url: server.url, timeout: 5000 } };
    },
  ],
];

for (const [where, config] of STORES) {
  test(`a session ${where} sends each turn with those before it`, async (t) => {
    const own = await config(t);
    if (own === undefined) return;
    const { client, simulator } = await pair(t, own);
    const session = client.session('ada', { ...MODEL, system: 'Be brief.', maxTokens: 9 });
    const { data } = await session.send('My name is Ada.', { tools: [], headers: { 'x-turn': '1' } });
    assert.equal(data.role, 'assistant');
    const events = await collect(await session.stream([{ type: 'text', text: 'Who am I?' }]));
    assert.equal((events.at(-1) as { type: string }).type, 'message_stop');
    await session.send('Bye', { maxTokens: 5, model: 'other' });
    const [first, second, third] = simulator.received;
    const members = JSON.parse(String(first?.body));
    assert.deepEqual([members.model, members.max_tokens, members.system, members.tools], ['m', 9, 'Be brief.', []]);
    assert.ok(JSON.stringify(first?.headers).includes('x-turn'));
    assert.equal(JSON.parse(String(second?.body)).stream, true);
    assert.deepEqual([JSON.parse(String(third?.body)).model, JSON.parse(String(third?.body)).max_tokens], ['other', 5]);
    const history = await session.history();
    assert.deepEqual(history.slice(0, 4), sent(third?.body).slice(0, 4));
    assert.equal(history.length, 6);
    assert.deepEqual(
      sent(third?.body).map(({ role }) => role),
      ['user', 'assistant', 'user', 'assistant', 'user'],
    );
    assert.deepEqual(await session.history({ last: 1 }), history.slice(4));
    assert.ok(!JSON.stringify(history).includes('x-turn'));
  });

  test(`a session ${where} whose time is shorter than its lease ends with its time`, async (t) => {
    const own = await config(t);
    if (own === undefined) return;
    const { client } = await pair(t, own);
    const session = client.session('short', { ...MODEL, ttl: 200 });
    await session.send('Hello');
    await until(async () => (await session.history()).length === 0, 'its time is over', 2000);
  });

  test(`a session ${where} is trimmed, forked, exported, imported and deleted`, async (t) => {
    const own = await config(t);
    if (own === undefined) return;
    const { client } = await pair(t, own);
    const session = client.session('a', MODEL);
    for (const text of ['1', '2', '3']) await session.send(text);
    const other = await session.fork('b', { window: 500 });
    const exported = await session.export();
    assert.deepEqual([exported.version, exported.id], [1, 'a']);
    assert.equal(await session.trim(1), 2);
    assert.equal((await session.history()).length, 2);
    assert.deepEqual(await other.history(), exported.messages);
    await assert.rejects(session.fork('b'), /there is a session of that id already/);
    assert.equal(await session.delete(), true);
    assert.equal(await session.delete(), false);
    await session.import(exported);
    assert.deepEqual(await session.history(), exported.messages);
    await session.send('4');
    assert.equal((await session.history()).length, 8);
    assert.equal((await other.history()).length, 6);
  });

  test(`turns that fail, are aborted or left keep nothing ${where}, and the next one goes on at once`, async (t) => {
    const own = await config(t);
    if (own === undefined) return;
    const { client, simulator } = await pair(t, own);
    const session = client.session('a', { ...MODEL, onBusy: 'refuse' });
    simulator.reply([
      { status: 500 },
      { hang: 'headers' },
      { events: 5, cutAfterEvents: 3 },
      { events: 5, paceMs: 20 },
    ]);
    await assert.rejects(session.send('fails'));
    const aborting = new AbortController();
    const aborted = session.send('aborted', { signal: aborting.signal });
    await until(() => simulator.received.length === 2, 'the call is there');
    await assert.rejects(session.send('early'), SessionBusyError);
    aborting.abort();
    await assert.rejects(aborted, { code: 'ABORTED' });
    await assert.rejects(collect(await session.stream('cut off')), { code: 'INCOMPLETE_STREAM' });
    for await (const _ of await session.stream('left')) break;
    await until(async () => {
      try {
        await session.send('kept');
        return true;
      } catch (error) {
        assert.ok(error instanceof SessionBusyError, `${error}`);
        return false;
      }
    }, 'the session is free');
    assert.equal(said(await session.history())[0], 'kept');
    assert.equal((await session.history()).length, 2);
  });

  test(`turns at once wait for each other ${where}`, async (t) => {
    const own = await config(t);
    if (own === undefined) return;
    const { client, simulator } = await pair(t, own);
    simulator.always({ delayMs: 5 });
    const session = client.session('a', MODEL);
    await Promise.all(['1', '2', '3', '4'].map((text) => session.send(text)));
    const history = await session.history();
    assert.deepEqual(
      said(history).filter((_, at) => at % 2 === 0),
      ['1', '2', '3', '4'],
    );
    assert.deepEqual(sent(simulator.received.at(-1)?.body).slice(0, 6), history.slice(0, 6));
  });
}

test('a turn that is retried is one turn, and middlewares in JavaScript see it', async (t) => {
  const { client, simulator } = await pair(t);
  const seen: number[] = [];
  client.use(async (req, next) => {
    seen.push((req.data as { messages: unknown[] }).messages.length);
    return next();
  });
  client.use(retry({ base: 1 }));
  simulator.reply([{}, { status: 529 }, {}]);
  const session = client.session('a', MODEL);
  await session.send('1');
  const { attempts } = await session.send('2');
  assert.equal(attempts, 2);
  assert.equal((await session.history()).length, 4);
  assert.deepEqual(seen, [1, 1], 'outside of native middlewares a turn is what was said');
});

test('clients that were extended have the same sessions, and those with other bounds their own', async (t) => {
  const { client } = await pair(t);
  await client.session('a', MODEL).send('1');
  assert.equal((await client.extend({ timeout: 5000 }).session('a').history()).length, 2);
  const other = client.extend({ sessions: { maxSessions: 1 } });
  assert.equal((await other.session('a').history()).length, 0);
  for (const id of ['a', 'b']) await other.session(id, MODEL).send('1');
  assert.deepEqual([(await other.session('a').history()).length, (await other.session('b').history()).length], [0, 2]);
});

test('half a character in a turn or in an answer is replaced, and the history stays readable', async (t) => {
  const { client, simulator } = await pair(t);
  const session = client.session('half', MODEL);
  simulator.reply({
    body: '{"type":"message","content":[{"type":"text","text":"so \\ude00"}],"stop_reason":"end_turn"}',
  });
  await session.send(`half ${'😀'.slice(0, 1)}`);
  await session.send('whole 😀');
  assert.deepEqual(said(await session.history()).slice(0, 3), ['half \ufffd', 'so \ufffd', 'whole 😀']);
  assert.equal((await session.export()).messages.length, 4);
});

/** Each option of a call, as `index.d.ts` has it. */
const OF_A_CALL: Record<string, unknown> = {
  headers: {},
  params: {},
  timeout: 5000,
  signal: new AbortController().signal,
  validateStatus: null,
  redirect: 'error',
  maxResponseBytes: 1 << 20,
  maxEventBytes: 1 << 20,
  pings: false,
  transformRequest: (data: unknown) => data,
  transformResponse: (data: unknown) => data,
  middlewares: [],
  skipValidation: true,
  cache: false,
  retry: false,
  priority: 'high',
};

test('no option of a call becomes a member of a turn’s body', async (t) => {
  const [, shape] = /^export interface RequestConfig \{\n([\s\S]*?)^\}/m.exec(page('index.d.ts')) as unknown as [
    string,
    string,
  ];
  const names = [...shape.matchAll(/^ {2}(\w+)\?:/gm)].map(([, name]) => name as string);
  assert.deepEqual(names.filter((name) => name !== 'responseType').sort(), Object.keys(OF_A_CALL).sort());
  const { client, simulator } = await pair(t);
  await client.session('a', MODEL).send('Hello', OF_A_CALL);
  assert.deepEqual(Object.keys(simulator.received[0]?.json() as object).sort(), ['max_tokens', 'messages', 'model']);
});

test('what is wrong is said by name, before anything is sent', async (t) => {
  const { client, simulator } = await pair(t);
  const wrong: [() => unknown, RegExp][] = [
    [() => client.session('a\ud800'), /must be text: this one has half a surrogate pair/],
    [() => client.session('a', { maxTokens: Number.NaN }), /`maxTokens` of a session is a whole number of 1 or more/],
    [() => client.session(5 as never), /the id of a session must be a string, got 5/],
    [() => client.session(''), /got an empty string/],
    [() => client.session('a', MODEL).send(''), /a turn says something: this one is empty/],
    [
      () => client.session('a', MODEL).send('x', { maxTokens: '5' as never }),
      /`maxTokens` of a turn is a whole number/,
    ],
    [() => client.session('a', MODEL).send('x', { responseType: 'text' }), /a turn takes no `responseType`/],
    [() => client.session('a', { windows: 1 } as never), /did you mean `window`\?/],
    [() => client.session('a').send('x'), /a session needs a `model`/],
    [() => client.session('a', MODEL).send(5 as never), /a turn is a string or a list of content blocks, got 5/],
    [() => client.session('a', MODEL).send('x', { messages: [] }), /a session writes `messages` and `stream` itself/],
    [() => client.session('a', { onBusy: 'queue' as never }), /`session.onBusy` must be 'wait' or/],
    [() => client.session('a', { ttl: 0 }), /`session.ttl` must be more than 0 ms/],
    [() => client.session('a').trim(-1), /`session.keep` must be a whole number/],
    [() => client.session('a').import({} as never), /import\(\) takes what export\(\) gave/],
  ];
  for (const [call, words] of wrong)
    await assert.rejects(
      async () => call(),
      (error: ConfigError) => {
        assert.ok(error instanceof ConfigError, `${words}: ${error}`);
        assert.match(error.message, words);
        return true;
      },
    );
  assert.equal(simulator.received.length, 0);
  await client.close();
  assert.throws(() => client.session('a'), /the client is closed/);
});

test('neither a password of the store nor what was said is shown', () => {
  const store = { url: 'redis://me:quite-secret@127.0.0.1:1', sentinel: { name: 'm', password: 'quite-secret' } };
  for (const client of [createClient({ store }), createClient({ store: store.url })]) {
    const session = client.session('a', { ...MODEL, system: 'quite-secret' });
    for (const shown of [client, client.config, session])
      assert.ok(!`${inspect(shown, { depth: 9 })}${JSON.stringify(shown)}`.includes('quite-secret'));
  }
  const { config } = createClient({ store });
  assert.ok(!`${inspect(config.store)}${JSON.stringify(config.store)}`.includes('quite-secret'));
});

test('a Redis that is killed and comes back loses no turn that was acknowledged, and nothing hangs', async (t) => {
  const server = await redis(t);
  if (server === undefined) return;
  const { client, simulator } = await pair(t, { store: server.url });
  const session = client.session('a', { ...MODEL, lease: 300 });
  await session.send('1');
  simulator.reply([{ delayMs: 300 }]);
  const cut = session.send('2');
  await until(() => simulator.received.length === 2, 'the call is there');
  await server.kill();
  await assert.rejects(cut, StoreError);
  await assert.rejects(session.send('3'), (error: StoreError) => {
    assert.ok(error instanceof StoreError);
    assert.match(error.message, /^Redis at 127\.0\.0\.1:\d+ failed: /);
    return error.code === 'STORE' && error.retryable;
  });
  await assert.rejects(session.history(), StoreError);
  await server.restart();
  await until(
    async () =>
      session.send('4').then(
        () => true,
        () => false,
      ),
    'it goes on',
    20_000,
  );
  assert.deepEqual(
    said(await session.history()).filter((_, at) => at % 2 === 0),
    ['1', '4'],
  );
});

test('a session that several processes write stays whole', async (t) => {
  const server = await redis(t);
  if (server === undefined) return;
  const { client, simulator } = await pair(t, { store: server.url });
  const program = `
    import { createClient } from 'trae-native';
    const [, , baseURL, store, name] = process.argv;
    const client = createClient({ baseURL, store: { url: store, timeout: 5000 }, proxy: false });
    const session = client.session('shared', { model: 'm' });
    for (let turn = 0; turn < 5; turn++) await session.send(name + turn);
    await client.close();`;
  const run = (name: string) =>
    new Promise<void>((resolve, reject) => {
      const args = ['--input-type=module', '-e', program, '--', 'x', simulator.url, server.url, name];
      const cwd = fileURLToPath(new URL('..', import.meta.url));
      const child = spawn(process.execPath, args, { cwd, stdio: ['ignore', 'ignore', 'inherit'] });
      child.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`${name} ended with ${code}`))));
    });
  await Promise.all(['a', 'b', 'c', 'd'].map(run));
  const history = await client.session('shared').history();
  const questions = said(history).filter((_, at) => at % 2 === 0);
  assert.equal(questions.length, 20);
  assert.deepEqual(
    [...questions].sort(),
    ['a', 'b', 'c', 'd'].flatMap((name) => [0, 1, 2, 3, 4].map((turn) => `${name}${turn}`)),
  );
  for (const { body } of simulator.received)
    assert.deepEqual(sent(body).slice(0, -1), history.slice(0, sent(body).length - 1));
});
