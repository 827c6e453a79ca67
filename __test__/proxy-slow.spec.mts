// Callers that are slow, large or many: each loses its own connection, and the others are served meanwhile.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { ask, figure, proxied, serves, streamed } from './helpers/proxied.mts';
import { Raw } from './helpers/raw.mts';
import { message, until } from './helpers/simulator.mts';

const MIB = 2 ** 20;
const head = 'POST /v1/messages HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n';

/** Writes this piece again and again, as a caller that has all the time. */
function dribbles(t: TestContext, raw: Raw, piece: string, ms = 50): void {
  const timer = setInterval(() => raw.write(piece), ms);
  t.after(() => clearInterval(timer));
}

test('who takes long to say what he wants is cut off after `headersTimeout`, also if he dribbles', async (t) => {
  const { proxy } = await proxied(t, { limits: { headersTimeout: 400 } });
  const begins: [string, string][] = [
    ['', ''],
    ['P', ''],
    ['POST /v1/messages HTTP/1.1\r\nhost: a\r\n', 'x: y\r\n'],
    ['POST /v1/', 'a'],
    [head, 'x'],
    ['\r\n', '\r\n'],
    ['GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n', ''],
  ];
  const began = performance.now();
  const all = await Promise.all(
    begins.map(async ([begin, piece]) => {
      const raw = await Raw.open(t, proxy.url);
      raw.write(begin);
      if (piece) dribbles(t, raw, piece);
      return raw;
    }),
  );
  await serves(proxy.url);
  for (const [at, raw] of all.entries())
    await raw.ended(2500).catch((error) => assert.fail(`${JSON.stringify(begins[at])}: ${error}`));
  assert.ok(performance.now() - began < 2500);
  await until(async () => (await figure(proxy.url, 'trae_proxy_connections')) <= 2, 'their connections are gone');
});

test('who begins to speak HTTP/2 and does not go on is cut off, too', async (t) => {
  const { proxy } = await proxied(t, { limits: { headersTimeout: 300 } });
  const begins = ['PRI ', 'PRI * HTTP/2.0\r\n\r\nSM\r\n', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'];
  const all = await Promise.all(begins.map(async (begin) => (await Raw.open(t, proxy.url)).write(begin)));
  await until(() => all.every(({ closed }) => closed), 'all are cut off', 2500).catch(() => {});
  assert.deepEqual(
    begins.filter((_, at) => !all[at]?.closed),
    [],
  );
});

test('a body of which nothing comes for `bodyTimeout` is a 408, and the end of its connection', async (t) => {
  const { proxy, simulator } = await proxied(t, { limits: { bodyTimeout: 300 } });
  for (const rest of [
    'content-length: 99\r\n\r\n',
    'content-length: 99\r\n\r\n{"mo',
    'transfer-encoding: chunked\r\n\r\n5\r\n{"',
  ]) {
    const raw = await Raw.open(t, proxy.url);
    raw.write(head + rest);
    await raw.ended(2000);
    assert.deepEqual(raw.statuses, [408]);
    assert.match(raw.text, /"type":"invalid_request_error"/);
  }
  assert.deepEqual(simulator.received, []);
});

test('a body that breaks off asks nothing, and a file that breaks off is told to the API', async (t) => {
  const { proxy, simulator } = await proxied(t);
  const raw = await Raw.open(t, proxy.url);
  raw.write(`${head}content-length: 99\r\n\r\n{"model"`).socket.end();
  await raw.ended();
  assert.deepEqual(simulator.received, []);
  const file = await Raw.open(t, proxy.url);
  file.write(`${head.replace('application/json', 'application/octet-stream')}content-length: 99\r\n\r\nhalf`);
  await until(() => simulator.counters.requests === 1, 'it has begun to arrive');
  file.socket.resetAndDestroy();
  await until(() => simulator.received.length === 0 || simulator.received[0]?.complete === false, 'it is not whole');
  await until(() => simulator.counters.connectionsOpen === 0, 'its connection is not used again');
});

test('files that their callers break off, and answers that they leave, are no failures of the API', async (t) => {
  const { proxy, simulator } = await proxied(t, { circuitBreaker: true, cache: false, limits: { bodyTimeout: 200 } });
  const file = head.replace('application/json', 'application/octet-stream');
  const all = await Promise.all(Array.from({ length: 60 }, () => Raw.open(t, proxy.url)));
  for (const raw of all) raw.write(`${file}content-length: 99\r\n\r\nhalf`);
  await until(() => simulator.counters.requests === 60, 'all have begun to arrive');
  for (const raw of all.slice(30)) raw.socket.resetAndDestroy();
  await until(() => all.slice(0, 30).every(({ closed }) => closed), 'the others are told');
  for (const { statuses } of all.slice(0, 30)) assert.ok([400, 408].includes(statuses[0] ?? 0), `${statuses}`);
  await serves(proxy.url);
});

for (const tail of ['', 'GET /v1/models HTTP/1.1\r\nhost: a\r\n\r\n'] as const)
  test(`who takes nothing of an answer is cut off after \`writeTimeout\`${tail && ', also with requests behind it'}`, async (t) => {
    const { proxy, simulator } = await proxied(t, { cache: false, limits: { writeTimeout: 400 } });
    simulator.always({ events: 400_000, eventsPerWrite: 500 });
    const body = JSON.stringify(streamed());
    const all = await Promise.all(Array.from({ length: 10 }, () => Raw.open(t, proxy.url)));
    for (const raw of all) raw.pause().write(`${head}content-length: ${body.length}\r\n\r\n${body}${tail}`);
    await until(() => simulator.counters.requests === 10, 'all are asked');
    await until(() => simulator.counters.connectionsOpen === 0, 'the API is left', 6000);
    simulator.always({});
    await serves(proxy.url);
    await until(async () => (await figure(proxy.url, 'trae_proxy_connections')) <= 2, 'their connections are gone');
  });

test('who takes nothing holds the API back, and memory is bounded', async (t) => {
  const { proxy, simulator } = await proxied(t, { cache: false });
  simulator.always({ events: 4_000_000, eventsPerWrite: 1000 });
  const body = JSON.stringify(streamed());
  const before = process.memoryUsage().rss;
  const all = await Promise.all(Array.from({ length: 10 }, () => Raw.open(t, proxy.url)));
  for (const raw of all) raw.pause().write(`${head}content-length: ${body.length}\r\n\r\n${body}`);
  await until(() => simulator.counters.connectionsOpen >= 10, 'all are asked');
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const grown = (process.memoryUsage().rss - before) / MIB;
  assert.ok(grown < 200, `${grown.toFixed(0)} MiB`);
});

test('headers that are too many or too large are a 431, and nothing of them is kept', async (t) => {
  const { proxy } = await proxied(t, { limits: { headerBytes: 16_384 } });
  const floods = [
    `x: ${'a'.repeat(20_000)}\r\n`,
    'a: b\r\n'.repeat(5000),
    `${'n'.repeat(20_000)}: a\r\n`,
    'a: b\r\n'.repeat(150),
  ];
  for (const flood of floods) {
    const raw = await Raw.open(t, proxy.url);
    raw.write(`${head}${flood}content-length: 2\r\n\r\n{}`);
    await raw.ended();
    assert.deepEqual(raw.statuses, [431]);
  }
  for (const path of ['a'.repeat(20_000), `?${'b=c&'.repeat(5000)}`]) {
    const raw = await Raw.open(t, proxy.url);
    raw.write(`GET /v1/${path} HTTP/1.1\r\nhost: a\r\n\r\n`);
    await raw.ended();
    assert.ok([414, 431].includes(raw.statuses[0] ?? 0), `${raw.statuses}`);
  }
  await serves(proxy.url);
});

test('a header that never ends is cut off where the limit is', async (t) => {
  const { proxy } = await proxied(t);
  const raw = await Raw.open(t, proxy.url);
  raw.write(`${head}x: `);
  const piece = 'a'.repeat(MIB);
  let written = 0;
  while (!raw.closed && written < 64) {
    raw.write(piece);
    written++;
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.ok(written < 64);
  await serves(proxy.url);
});

test('a body that is announced larger than is allowed is refused before any of it comes', async (t) => {
  const { proxy, simulator } = await proxied(t, { limits: { requestBytes: 1000 } });
  for (const expect of ['', 'expect: 100-continue\r\n']) {
    const raw = await Raw.open(t, proxy.url);
    raw.write(`${head}${expect}content-length: 1001\r\n\r\n`);
    await raw.has('413', 1500);
    await raw.ended();
    assert.doesNotMatch(raw.text, /100 Continue/);
  }
  assert.deepEqual(simulator.received, []);
});

test('who sends more than is allowed reads why, though he is still sending', async (t) => {
  const { proxy, simulator } = await proxied(t, { limits: { requestBytes: MIB } });
  for (const _ of Array(5)) {
    const asked = await ask(proxy.url, message('x'.repeat(8 * MIB))).catch((error) => error.cause ?? error);
    assert.equal(asked.status, 413, `${asked}`);
    assert.equal(JSON.parse(asked.text).error.type, 'request_too_large');
  }
  const raw = await Raw.open(t, proxy.url);
  raw.write(`${head}transfer-encoding: chunked\r\n\r\n`);
  for (let at = 0; at < 40; at++) raw.write(`${(65_536).toString(16)}\r\n${' '.repeat(65_536)}\r\n`);
  await raw.ended();
  assert.deepEqual(raw.statuses, [413]);
  assert.deepEqual(simulator.received, []);
});

test('JSON that is deep, wide or has absurd numbers harms nobody', async (t) => {
  const { proxy } = await proxied(t, { page: { bodies: true } });
  const key = { name: 'team', key: 'k'.repeat(20), models: ['*'] };
  const guarded = await proxied(t, { callers: [key], page: { bodies: true } });
  const deep = (open: string, close: string) => open.repeat(100_000) + close.repeat(100_000);
  const bodies = [
    deep('[', ']'),
    deep('{"a":', '}').replace('}', '1}'),
    `{"model":"m","messages":${deep('[', ']')}}`,
    `{"model":"m","x":1e999999999999,"y":-1e-999999999999,"z":${'9'.repeat(100_000)}}`,
    `{"model":"m",${Array.from({ length: 50_000 }, (_, n) => `"k${n}":1`).join()}}`,
    `{"model":"m"${',"a":1'.repeat(50_000)}}`,
    `{"model":"${'\\ud800'.repeat(1000)}"}`,
    `{"model":"${'m'.repeat(MIB)}"}`,
    '\ufeff{}',
    'null',
  ];
  for (const [at, body] of bodies.entries())
    for (const { url } of [proxy, guarded.proxy])
      for (const session of ['', 's']) {
        const answer = await fetch(`${url}/v1/messages`, {
          method: 'POST',
          body,
          headers: {
            'content-type': 'application/json',
            'x-api-key': key.key,
            ...(session && { 'x-session-id': session }),
          },
        });
        assert.ok(answer.status < 500, `${at}: ${answer.status} ${(await answer.text()).slice(0, 200)}`);
      }
  await serves(proxy.url);
});

test('connections beyond `limits.connections` wait, and are served when there is place', async (t) => {
  const { proxy } = await proxied(t, { limits: { connections: 5, headersTimeout: 700 } });
  const idle = await Promise.all(Array.from({ length: 40 }, () => Raw.open(t, proxy.url)));
  for (const raw of idle) raw.socket.write('GET ');
  for (const raw of idle.slice(5)) raw.socket.destroy();
  const asked = await ask(proxy.url);
  assert.equal(asked.status, 200);
});

test('what is above the limit of a caller is a 429 at once that says when to come back', async (t) => {
  const key = 'key-of-few-0123456789';
  const rateLimit = { requests: 10, interval: 60_000 };
  const { proxy } = await proxied(t, { cache: false, callers: [{ name: 'few', key, rateLimit }] });
  const signal = AbortSignal.timeout(2000);
  const all = Array.from({ length: 20 }, (_, at) => ask(proxy.url, message(`${at}`), { 'x-api-key': key }, { signal }));
  const asked = (await Promise.allSettled(all)).flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  assert.equal(asked.length, 20, `${20 - asked.length} of 20 were neither answered nor refused in two seconds`);
  const refused = asked.filter(({ status }) => status === 429);
  assert.ok(refused.length >= 9, `${refused.length} of 20 were refused`);
  for (const { headers } of refused) assert.ok(Number(headers.get('retry-after')) >= 1);
});
