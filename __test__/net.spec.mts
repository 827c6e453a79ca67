// The network: TLS, HTTP/2, proxies, redirects, sockets that die, answers that are too much.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { rootCertificates } from 'node:tls';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { ConfigError, ConnectionError, createClient, LimitError, RedirectError, type TraeError } from 'trae-native';
import { createSimulator } from 'trae-native/simulator';
import { answering, collect, message, pair, until } from './helpers/simulator.mts';

const entry = createRequire(import.meta.url).resolve('trae-native');

/** What a process with these variables gets from each URL: a status or an error in words. */
async function outcomes(urls: string[], variables: NodeJS.ProcessEnv): Promise<(number | string)[]> {
  const script = `const call = (url) => require(${JSON.stringify(entry)}).createClient({ baseURL: url }).get('/v1/models')
    .then((res) => res.status, (error) => error.name + ': ' + error.message);
    Promise.all(${JSON.stringify(urls)}.map(call)).then(JSON.stringify).then(console.log)`;
  const clean = Object.entries(process.env).filter(([name]) => !/_proxy$/i.test(name));
  const env = { ...Object.fromEntries(clean), ...variables };
  return JSON.parse((await promisify(execFile)(process.execPath, ['-e', script], { env })).stdout);
}

test('TLS with an authority of the client and HTTP/2 by agreement: all streams share one socket', async (t) => {
  const { client, simulator } = await pair(t, {}, { tls: true });
  const read = async () => collect(await client.stream('/v1/messages', { ...message(), stream: true }));
  await Promise.all(Array.from({ length: 50 }, read));
  assert.equal((await client.get('/v1/models')).httpVersion, '2');
  assert.equal(simulator.counters.connectionsTotal, 1);
});

test('streams beyond one HTTP/2 connection run over more of them, as many as maxSockets, and stats tell', async (t) => {
  const { client, simulator } = await pair(t, { pool: { maxSockets: 3, maxStreams: 10 } }, { tls: true });
  const reply = answering({ events: 5, hangAfterEvents: 2 });
  const begin = () => client.stream('/v1/messages', { stream: true }, reply);
  const streams = await Promise.all(Array.from({ length: 30 }, begin));
  const origin = { origin: simulator.url, inFlight: 30, queued: 0, connections: 3 };
  assert.deepEqual(client.stats().origins, [origin]);
  assert.equal(simulator.counters.connectionsTotal, 3);
  const waiting = begin();
  await until(() => client.stats().queued === 1, 'one more waits');
  streams.pop()?.abort();
  streams.push(await waiting);
  assert.deepEqual(client.stats().origins, [origin]);
  for (const stream of streams) stream.abort();
  await until(() => client.stats().inFlight === 0, 'all places are given back');
  assert.equal(client.stats().connectionsOpened, 3);
});

test('http2 off speaks HTTP/1.1 over TLS, and only speaks HTTP/2 without TLS', async (t) => {
  const off = await pair(t, { http2: 'off' }, { tls: true });
  assert.equal((await off.client.get('/v1/models')).httpVersion, '1.1');
  const only = await pair(t, { http2: 'only' });
  assert.equal((await only.client.get('/v1/models')).httpVersion, '2');
});

test('an authority that nobody trusts is a ConnectionError with code TLS and a way out', async (t) => {
  const simulator = await createSimulator({ tls: true });
  const client = createClient({ baseURL: simulator.url, proxy: false });
  t.after(() => simulator.close());
  await assert.rejects(client.get('/'), (error: TraeError) => {
    assert.ok(error instanceof ConnectionError);
    assert.equal(error.code, 'TLS');
    assert.equal(error.phase, 'connect');
    assert.equal(error.retryable, false);
    assert.match(error.message, /tls\.ca/);
    return true;
  });
});

test('a client certificate is shown to a server that asks for one', async (t) => {
  const simulator = await createSimulator({ tls: true, clientCa: 'own' });
  t.after(() => simulator.close());
  const { ca = '', clientIdentity = { cert: '', key: '' } } = simulator;
  const known = createClient({ baseURL: simulator.url, proxy: false, tls: { ca, ...clientIdentity } });
  assert.equal((await known.get('/v1/models')).status, 200);
  const stranger = createClient({ baseURL: simulator.url, proxy: false, tls: { ca } });
  await assert.rejects(stranger.get('/v1/models'), (error: TraeError) => {
    assert.ok(error instanceof ConnectionError);
    assert.equal(error.code, 'TLS');
    assert.match(error.message, /client certificate goes into `tls\.cert` and `tls\.key`/);
    return true;
  });
  const modern = createClient({
    baseURL: simulator.url,
    proxy: false,
    tls: { ca: Buffer.from(ca), ...clientIdentity, minVersion: 'TLSv1.3' },
  });
  assert.equal((await modern.get('/v1/models')).status, 200);
});

test('NODE_EXTRA_CA_CERTS adds a whole bundle, whatever else is in it, and is missed only by https', async (t) => {
  const simulator = await createSimulator({ tls: true });
  const plain = await createSimulator();
  const folder = mkdtempSync(join(tmpdir(), 'trae-ca-'));
  t.after(async () => {
    rmSync(folder, { recursive: true });
    await Promise.all([simulator.close(), plain.close()]);
  });
  const broken = '# A comment\n-----BEGIN CERTIFICATE-----\nnot base64!\n-----END CERTIFICATE-----\n';
  const bundle = join(folder, 'bundle.pem');
  writeFileSync(bundle, [...rootCertificates, simulator.ca].join(`\n${broken}`));
  const urls = [simulator.url, plain.url];
  assert.deepEqual(await outcomes(urls, { NODE_EXTRA_CA_CERTS: bundle }), [200, 200]);
  const [secure, insecure] = await outcomes(urls, { NODE_EXTRA_CA_CERTS: join(folder, 'missing.pem') });
  assert.match(String(secure), /^ConfigError: NODE_EXTRA_CA_CERTS names .*missing\.pem, which cannot be read: /);
  assert.equal(insecure, 200);
});

test('a proxy carries http and https, with its password, and noProxy goes around it', async (t) => {
  const proxy = await createSimulator({ proxy: true, proxyAuth: 'user:pass' });
  const plain = await createSimulator();
  const secure = await createSimulator({ tls: true });
  t.after(() => Promise.all([proxy.close(), plain.close(), secure.close()]));
  const through = proxy.url.replace('//', '//user:pass@');
  const ca = secure.ca ?? '';
  for (const baseURL of [plain.url, secure.url]) {
    const before = proxy.counters.requests;
    const client = createClient({ baseURL, proxy: through, tls: { ca } });
    assert.equal((await client.get('/v1/models')).status, 200);
    assert.equal(proxy.counters.requests, before + 1, baseURL);
    const around = createClient({ baseURL, proxy: { url: through, noProxy: ['127.0.0.1'] }, tls: { ca } });
    assert.equal((await around.get('/v1/models')).status, 200);
    assert.equal(proxy.counters.requests, before + 1);
  }
  const refused = createClient({ baseURL: secure.url, proxy: proxy.url, tls: { ca } });
  await assert.rejects(refused.get('/'), (error: TraeError) => {
    assert.equal(error.code, 'PROXY');
    return error instanceof ConnectionError;
  });
});

test('the proxies of the environment are used, but for the hosts that go without', async (t) => {
  const proxy = await createSimulator({ proxy: true, proxyAuth: 'user:pass' });
  const plain = await createSimulator();
  t.after(() => Promise.all([proxy.close(), plain.close()]));
  const url = proxy.url.replace('//', '//user:pass@');
  for (const [variables, proxied] of [
    [{ HTTP_PROXY: url }, 1],
    [{ all_proxy: url, NO_PROXY: 'elsewhere.example' }, 1],
    [{ http_proxy: url, NO_PROXY: 'localhost, 127.0.0.0/8' }, 0],
    [{ HTTPS_PROXY: url }, 0],
  ] as const) {
    const before = proxy.counters.requests;
    assert.deepEqual(await outcomes([plain.url], variables), [200]);
    assert.equal(proxy.counters.requests - before, proxied, JSON.stringify(Object.keys(variables)));
  }
  const [refused] = await outcomes([plain.url], { HTTP_PROXY: proxy.url.replace('//', '//user:wrong@') });
  assert.match(String(refused), /^HttpError: 407/);
  assert.doesNotMatch(String(refused), /wrong/);
});

test('a redirect is followed on the same origin with method and body, and the key goes with it', async (t) => {
  const { client, simulator } = await pair(t, { headers: { 'x-api-key': 'k' } });
  simulator.reply([{ status: 307, body: '', headers: { location: '/there?x=1' } }, { echo: true }]);
  const res = await client.post('/here', { a: 1 });
  assert.equal(res.request.url, `${simulator.url}/there?x=1`);
  const [, second] = simulator.received;
  assert.deepEqual([second?.method, second?.json(), second?.header('x-api-key')], ['POST', { a: 1 }, 'k']);
  simulator.clear();
  simulator.reply([{ status: 303, body: '', headers: { location: '/other' } }, { echo: true }]);
  await client.post('/here', { a: 1 });
  const third = simulator.received[1];
  assert.deepEqual([third?.method, third?.body.length], ['GET', 0]);
});

test('another origin is refused by default, and gets no credential when redirects are followed', async (t) => {
  const { client, simulator } = await pair(t, {
    headers: { 'x-api-key': 'k', authorization: 'Bearer k', cookie: 'c', plain: 'p' },
  });
  const other = await createSimulator();
  t.after(() => other.close());
  const away = { status: 307, body: '', headers: { location: `${other.url}/there` } };
  simulator.always({ ...away, times: 0 });
  await assert.rejects(client.post('/here', {}), (error: TraeError) => {
    assert.ok(error instanceof RedirectError);
    assert.match(error.message, /another origin/);
    return true;
  });
  await assert.rejects(client.get('/here', { redirect: 'error' }), RedirectError);
  assert.equal((await client.get('/here', { redirect: 'manual' })).status, 307);
  other.always({ echo: true });
  await client.post('/here', {}, { redirect: 'follow' });
  const [there] = other.received;
  for (const name of ['x-api-key', 'authorization', 'cookie']) assert.equal(there?.header(name), undefined, name);
  assert.equal(there?.header('plain'), 'p');
  simulator.always({ status: 302, body: '', headers: { location: '/round' } });
  await assert.rejects(client.get('/round'), /redirect/);
});

test('an absolute URL to another origin needs leave and goes without the client’s credentials', async (t) => {
  const other = await createSimulator();
  other.always({ echo: true });
  t.after(() => other.close());
  const { client } = await pair(t, { headers: { 'x-api-key': 'k', plain: 'p' }, allowAbsoluteUrls: true });
  await client.get(`${other.url}/x`, { headers: { 'api-key': 'own' } });
  const [received] = other.received;
  assert.equal(received?.header('x-api-key'), undefined);
  assert.equal(received?.header('plain'), 'p');
  assert.equal(received?.header('api-key'), 'own');
  const strict = client.extend({ allowAbsoluteUrls: false });
  await assert.rejects(strict.get(`${other.url}/x`), ConfigError);
});

test('a socket that died in the pool is replaced at once, free of charge', async (t) => {
  const sockets: Socket[] = [];
  // Answers each connection once, and closes it as soon as a second request arrives on it.
  const server = createServer((socket) => {
    sockets.push(socket);
    let requests = 0;
    socket.on('error', () => {});
    socket.on('data', () => {
      if (++requests > 1) socket.destroy();
      else socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const client = createClient({ baseURL: `http://127.0.0.1:${port}`, proxy: false });
  t.after(() => server.close());
  for (let n = 0; n < 5; n++) {
    const res = await client.post('/x', { n });
    assert.equal(res.data, 'ok');
    assert.equal(res.attempts, 1);
  }
  assert.equal(sockets.length, 5);
  for (const socket of sockets) socket.destroy();
});

test('an answer, an event and a header block larger than allowed are LimitErrors that name the option', async (t) => {
  const { client } = await pair(t);
  const big = answering({ body: 'x'.repeat(2000) });
  const limits = (error: TraeError) => error instanceof LimitError && error.code === 'TOO_LARGE';
  await assert.rejects(client.get('/x', { maxResponseBytes: 1000, ...big }), (error: TraeError) => {
    assert.match(error.message, /1000 bytes.*maxResponseBytes/);
    return limits(error);
  });
  const reply = answering({ sse: `data: "${'x'.repeat(2000)}"\n\n` });
  const stream = await client.stream('/x', {}, { maxEventBytes: 1000, ...reply });
  await assert.rejects(collect(stream), (error: TraeError) => {
    assert.match(error.message, /maxEventBytes/);
    return limits(error);
  });
  const many = Array.from({ length: 300 }, (_, n) => `x-${n}: ${'v'.repeat(20)}\r\n`).join('');
  await assert.rejects(client.get('/x', answering({ raw: `HTTP/1.1 200 OK\r\n${many}\r\n` })), limits);
});

test('a compressed answer that expands beyond reason is stopped', async (t) => {
  const { client, simulator } = await pair(t);
  simulator.reply({ body: gzipSync(Buffer.alloc(64 << 20)), headers: { 'content-encoding': 'gzip' } });
  await assert.rejects(client.get('/bomb'), (error: TraeError) => {
    assert.equal(error.code, 'DECODE');
    assert.match(error.message, /expands/);
    return true;
  });
  simulator.reply({ body: Buffer.from('no gzip at all'), headers: { 'content-encoding': 'gzip' } });
  await assert.rejects(client.get('/broken'), { code: 'DECODE' });
});

test('each compression is asked for and undone', async (t) => {
  const { client, simulator } = await pair(t);
  for (const encoding of ['gzip', 'br', 'zstd', 'deflate'] as const) {
    const res = await client.post('/v1/messages', message(), answering({ encoding }));
    assert.equal(res.data.type, 'message');
    assert.equal(res.headers['content-encoding'], undefined);
  }
  assert.equal(simulator.received[0]?.header('accept-encoding'), 'gzip, br, zstd, deflate');
});

test('what is not HTTP is a ConnectionError that says so', async (t) => {
  const { client, simulator } = await pair(t);
  await assert.rejects(client.get('/x', answering({ raw: 'SSH-2.0-OpenSSH_9\r\n' })), (error: TraeError) => {
    assert.ok(error instanceof ConnectionError);
    assert.match(error.message, /not HTTP/);
    return true;
  });
  await until(() => simulator.counters.connectionsOpen === 0, 'the socket is closed');
});
