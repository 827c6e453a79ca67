// Who may ask the proxy, for what and how much, and that nobody else learns anything.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { createProxy, type ProxyOptions } from 'trae-native/proxy';
import { ask, command, curl, proxied, question, Raw, UPSTREAM_KEY } from './helpers/proxy.mts';
import { until } from './helpers/simulator.mts';

const KEY = { team: 'key-of-the-team-0123456789', operator: 'key-of-the-operator-0123456789' };
const digest = (key: string): string => `sha256:${createHash('sha256').update(key).digest('hex')}`;
const callers = (team: object = {}): ProxyOptions['callers'] => [
  { name: 'team', key: KEY.team, ...team },
  { name: 'operator', key: digest(KEY.operator), admin: true },
];
const by = (key: string, more: object = {}): RequestInit => ({ headers: { 'x-api-key': key, ...more } });
const told = async (answer: Response): Promise<[number, string]> => {
  const { error, request_id } = (await answer.json()) as { error: { type: string }; request_id: string };
  assert.equal(answer.headers.get('x-request-id'), request_id);
  return [answer.status, error.type];
};

test('a caller presents its key as the API’s, as a bearer’s or as a password, and any other key is nobody’s', async (t) => {
  const { proxy, simulator } = await proxied(t, { callers: callers() });
  const basic = `Basic ${Buffer.from(`anyone:${KEY.operator}`).toString('base64')}`;
  for (const headers of <Record<string, string>[]>[
    { 'x-api-key': KEY.team },
    { authorization: `Bearer ${KEY.operator}` },
    { authorization: basic },
  ])
    assert.equal((await ask(proxy, question(), { headers })).status, 200);
  const { requests } = simulator.counters;
  for (const headers of <Record<string, string>[]>[
    {},
    { 'x-api-key': 'x' },
    { 'x-api-key': digest(KEY.team) },
    { authorization: `Bearer ${KEY.team}x` },
  ]) {
    const answer = await ask(proxy, question(), { headers });
    assert.match(answer.headers.get('www-authenticate') ?? '', /^Basic /);
    assert.deepEqual(await told(answer), [401, 'authentication_error']);
  }
  assert.equal(simulator.counters.requests, requests);
});

/** Every place of the proxy that shows something of others. */
const SHOWN = [
  '/',
  '/index.html',
  '/assets/index.js',
  '/metrics',
  '/-/about',
  '/-/figures',
  '/-/requests',
  '/-/requests/1',
];

test('whoever has no key, and whoever is no admin, sees nothing of what others do, by no method', async (t) => {
  const { proxy } = await proxied(t, { callers: callers(), page: { bodies: true } });
  await ask(proxy, question('a secret question'), by(KEY.team));
  for (const path of SHOWN)
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS']) {
      const bare = await fetch(proxy.url + path, { method });
      assert.ok([401, 404, 405].includes(bare.status), `${method} ${path}: ${bare.status}`);
      assert.doesNotMatch(await bare.text(), /secret|claude_request|team/);
      const plain = await fetch(proxy.url + path, { method, ...by(KEY.team) });
      assert.ok([403, 404, 405].includes(plain.status), `${method} ${path}: ${plain.status}`);
      assert.doesNotMatch(await plain.text(), /secret|claude_request/);
    }
  for (const path of ['/healthz', '/readyz']) {
    const answer = await fetch(proxy.url + path);
    assert.match(`${answer.status} ${await answer.text()}`, /^200 (ok|ready)\n$/);
  }
  const seen = await fetch(`${proxy.url}/-/requests/1`, by(KEY.operator));
  assert.match(await seen.text(), /a secret question/);
});

test('bodies are shown only where the options say so', async (t) => {
  const { proxy } = await proxied(t);
  await ask(proxy, question('a secret question'));
  const one = (await (await fetch(`${proxy.url}/-/requests/1`)).json()) as { bodies: object };
  assert.deepEqual(one.bodies, { request: null, response: null });
});

test('a caller names the models that it may and no other, however it names them', async (t) => {
  const { proxy, simulator } = await proxied(t, {
    callers: callers({ models: ['claude-haiku-*', 'claude-sonnet-5'] }),
  });
  assert.equal((await ask(proxy, question('a', { model: 'claude-haiku-4-5' }), by(KEY.team))).status, 200);
  assert.equal((await ask(proxy, question('a', { model: 'claude-opus-9' }), by(KEY.operator))).status, 200);
  const { requests } = simulator.counters;
  const bodies = [
    '{"model":"claude-opus-9","messages":[]}',
    '{"model":"claude-sonnet-5","model":"claude-opus-9"}',
    '{}',
    'no JSON',
  ];
  for (const body of bodies) {
    const init = { method: 'POST', body, ...by(KEY.team, { 'content-type': 'application/json' }) };
    assert.deepEqual(await told(await fetch(`${proxy.url}/v1/messages`, init)), [403, 'permission_error'], body);
  }
  assert.equal(simulator.counters.requests, requests);
});

test('a budget in tokens or in money is used up by what the API was asked, and not by the cache', async (t) => {
  for (const budget of [{ tokens: 60 }, { usd: 0.0006 }]) {
    const { proxy } = await proxied(t, {
      callers: callers({ budget }),
      prices: [{ model: 'claude-*', input: 10, output: 10 }],
    });
    assert.equal((await ask(proxy, question('one'), by(KEY.team))).status, 200);
    for (let times = 0; times < 5; times++) assert.equal((await ask(proxy, question('one'), by(KEY.team))).status, 200);
    await until(
      async () => (await ask(proxy, question(`${Math.random()}`), by(KEY.team))).status === 429,
      'it is used up',
    );
    const refused = await ask(proxy, question('more'), by(KEY.team));
    const left = Number(refused.headers.get('retry-after'));
    assert.ok(left > 0 && left <= 86_400, `${left} s`);
    assert.deepEqual(await told(refused), [429, 'rate_limit_error']);
    assert.equal((await ask(proxy, question('more'), by(KEY.operator))).status, 200);
  }
});

test('a caller’s own limit is its alone', async (t) => {
  const rateLimit = { requests: 2, interval: 60_000, burst: 1, queueLimit: 0, adapt: false };
  const { proxy } = await proxied(t, { callers: callers({ rateLimit }) });
  const statuses = [];
  for (let number = 0; number < 4; number++)
    statuses.push((await ask(proxy, question(`${number}`), by(KEY.team))).status);
  assert.deepEqual(statuses, [200, 200, 429, 429]);
  assert.equal(
    (await ask(proxy, question('0'), by(KEY.team))).status,
    200,
    'what the cache has is no matter of limits',
  );
  assert.equal((await ask(proxy, question('other'), by(KEY.operator))).status, 200);
});

test('without callers it listens to nobody else, unless it is told to', async () => {
  for (const listen of ['0.0.0.0:0', '[::]:0', 'example.com:8787', ['127.0.0.1:0', '0.0.0.0:0']])
    await assert.rejects(createProxy({ listen, logger: false }), {
      code: 'CONFIG',
      message: /`listen` is .*`allowAnonymous`/,
    });
  const open = await createProxy({ listen: '0.0.0.0:0', allowAnonymous: true, logger: false });
  await open.close();
});

test('a page of another site can’t use somebody’s browser to ask', async (t) => {
  const { proxy, simulator } = await proxied(t, { hosts: ['proxy.example'] });
  const { host } = new URL(proxy.url);
  const status = async (...headers: string[]): Promise<number> => {
    const args = ['-H', 'content-type: text/plain', ...headers.flatMap((header) => ['-H', header])];
    const { head } = await curl(`${proxy.url}/v1/messages`, ...args, '-d', JSON.stringify(question()));
    return Number(head.split(' ')[1]);
  };
  assert.equal(await status('origin: http://evil.example'), 403);
  assert.equal(await status('origin: null'), 403);
  assert.equal(await status('sec-fetch-site: cross-site'), 403);
  assert.equal(await status('host: evil.example'), 421);
  assert.equal(simulator.counters.requests, 0);
  assert.equal(await status(`origin: http://${host}`, 'sec-fetch-site: same-origin'), 200);
  assert.equal(await status('host: proxy.example'), 200);
});

test('no key is in the log, the figures, the errors or what is printed', async (t) => {
  const { simulator } = await proxied(t);
  const env = {
    TRAE_PROXY_UPSTREAM_KEY: UPSTREAM_KEY,
    TRAE_PROXY_UPSTREAM_URL: simulator.url,
    TRAE_PROXY_UPSTREAM_PROXY: 'false',
  };
  const folder = mkdtempSync(join(tmpdir(), 'trae-keys-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(
    `${folder}/p.json`,
    JSON.stringify({ listen: '127.0.0.1:0', callers: callers(), page: { bodies: true } }),
  );
  const { url, said, pid, ended } = await command(t, ['--config', `${folder}/p.json`], env);
  simulator.reply({
    status: 401,
    body: { type: 'error', error: { type: 'authentication_error', message: `invalid ${UPSTREAM_KEY}` } },
  });
  const answers = [
    await ask({ url }, question('one'), by(KEY.team)),
    await ask(
      { url },
      question(`my key is ${KEY.operator}, and sk-ant-api03-AAAAAAAAAAAAAAAAAAAAAAAA`),
      by(KEY.operator),
    ),
    await ask({ url }, question(), by('a-wrong-key-that-was-sent')),
    ...(await Promise.all(
      ['/metrics', '/-/about', '/-/requests', '/-/requests/1', '/-/requests/2', '/-/requests/3'].map((path) =>
        fetch(url + path, by(KEY.operator)),
      ),
    )),
  ];
  const texts = await Promise.all(answers.map((answer) => answer.text()));
  // What a caller is told that it has said is its own.
  texts[1] = '';
  process.kill(pid, 'SIGTERM');
  assert.equal(await ended, 0);
  const all = [said(), ...texts, ...answers.map((answer) => inspect([...answer.headers]))].join('\n');
  assert.match(said(), /"caller":"team".*"statusCode":401/);
  // What a caller has written itself is the caller's: what looks like a key is not shown there, either.
  for (const key of [UPSTREAM_KEY, KEY.team, 'a-wrong-key-that-was-sent', 'sk-ant-api03-AAAA'])
    assert.ok(
      !all.includes(key),
      `${key} is in ${all.slice(Math.max(0, all.indexOf(key) - 300), all.indexOf(key) + 100)}`,
    );
  const { proxy } = await proxied(t, { callers: callers() });
  assert.doesNotMatch(inspect(proxy, { showHidden: true, depth: 9 }) + JSON.stringify(proxy), /key-of|the-key-that/);
});

test('a name that a request brings is repeated only if it is one', async (t) => {
  const { proxy } = await proxied(t);
  for (const given of ['a b', 'x'.repeat(200), 'sk-ant-1234', '<b>', '']) {
    const answer = await ask(proxy, question(), { headers: { 'x-request-id': given } });
    assert.match(answer.headers.get('x-request-id') ?? '', /^prx_/, given);
  }
  const raw = new Raw(proxy).write(
    'GET /healthz HTTP/1.1\r\nhost: p\r\nx-request-id: a\0b\r\nconnection: close\r\n\r\n',
  );
  assert.match(await raw.end(), /^HTTP\/1\.1 400 /);
});
