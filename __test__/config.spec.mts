// Options: every wrong one is answered at once, by name, and every default is what the page says.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { ConfigError, createClient } from 'trae-native';

const WRONG: [Record<string, unknown>, RegExp][] = [
  [{ timout: 5 }, /unknown option timout: did you mean timeout\?/],
  [{ timeout: { fristByte: 5 } }, /unknown option timeout\.fristByte: did you mean timeout\.firstByte\?/],
  [{ pool: { maxSocket: 1 } }, /pool\.maxSocket.*pool\.maxSockets/],
  [{ pool: { maxSockets: 0 } }, /pool\.maxSockets must be a whole number of at least 1, got 0/],
  [{ pool: { maxSockets: 1.5 } }, /pool\.maxSockets must be a whole number/],
  [{ pool: { maxSockets: '10' } }, /pool\.maxSockets must be .* got a string/],
  [{ timeout: -1 }, /timeout must be a number of milliseconds/],
  [{ timeout: Number.NaN }, /timeout must be/],
  [{ timeout: '5s' }, /timeout must be/],
  [{ baseURL: 'api.anthropic.com' }, /baseURL is not an absolute URL/],
  [{ baseURL: 'ftp://x' }, /http:\/\/ or https:\/\//],
  [{ baseURL: 'http://user:pass@x' }, /user name or password/],
  [{ headers: { 'bad name': '1' } }, /"bad name" is not a header name/],
  [{ headers: { good: 'a\nb' } }, /header good/],
  [{ headers: { good: { a: 1 } } }, /headers\['good'\] must be/],
  [{ headers: { 'transfer-encoding': 'chunked' } }, /transfer-encoding/],
  [{ http2: 'yes' }, /http2 must be 'auto' or 'off' or 'only'/],
  [{ redirect: 'maybe' }, /redirect must be/],
  [{ proxy: 'gopher://x' }, /proxy/],
  [{ proxy: 5 }, /proxy must be/],
  [{ tls: { ca: 'no pem' } }, /ca/],
  [{ tls: { cert: 'x' } }, /key|cert/],
  [{ tls: { minVersion: 'SSLv3' } }, /tls\.minVersion must be 'TLSv1\.2' or 'TLSv1\.3'/],
  [{ validateStatus: 200 }, /validateStatus must be a function/],
  [{ transformRequest: 'x' }, /transformRequest must be a function/],
  [{ responseType: 'xml' }, /responseType must be/],
  [{ maxResponseBytes: 'big' }, /maxResponseBytes must be/],
];

for (const [options, expected] of WRONG) {
  test(`createClient(${JSON.stringify(options)}) throws a ConfigError`, () => {
    assert.throws(
      () => createClient(options),
      (error: ConfigError) => {
        assert.ok(error instanceof ConfigError, `${error}`);
        assert.equal(error.code, 'CONFIG');
        assert.equal(error.phase, 'prepare');
        assert.match(error.message, expected);
        return true;
      },
    );
  });
}

test('an argument that cannot be sent rejects with a ConfigError and sends nothing', async () => {
  const client = createClient({ baseURL: 'http://127.0.0.1:1' });
  const loop: Record<string, unknown> = {};
  loop['self'] = loop;
  const cases: [() => Promise<unknown>, RegExp][] = [
    [() => client.post('/x', loop), /can't be written as JSON/],
    [() => client.post('/x', () => 1), /can't be written as JSON/],
    [() => client.get(5 as never), /the URL must be a string, got number/],
    [() => client.get('/x', 'json' as never), /config must be an object/],
    [() => client.get('/x', { signal: {} as never }), /signal must be an AbortSignal/],
    [() => client.get('/x', { signal: { addEventListener() {} } as never }), /signal must be an AbortSignal/],
    [() => client.get('/x', { timeout: 'slow' as never }), /timeout must be/],
    [() => client.get('/x', { timeout: { conect: 1 } as never }), /did you mean timeout\.connect/],
    [() => client.get('/x', { responseType: 'xml' as never }), /responseType must be/],
    [() => client.get('/x', { headers: { 'x\r\ny': '1' } }), /is not a header name/],
    [() => client.get('/x', { headers: { x: 'a\r\nb: c' } }), /header x/],
    [() => client.get('https://elsewhere.example/x'), /allowAbsoluteUrls/],
    [() => client.get('//elsewhere.example/x'), /allowAbsoluteUrls/],
    [() => client.request({ url: '/x', method: 'GE T' }), /HTTP method/],
    [() => createClient().get('/relative'), /has no baseURL/],
    [() => createClient().get('file:///etc/passwd'), /only http/],
  ];
  for (const [call, expected] of cases) {
    await assert.rejects(call, (error: ConfigError) => {
      assert.ok(error instanceof ConfigError, `${expected}: ${error}`);
      assert.match(error.message, expected);
      return true;
    });
  }
});

test('every default on the public page is the default of the engine', () => {
  const engineOf = createRequire(import.meta.url)('../dist/native.js').engine as { optionDefaults(): string };
  const engine = JSON.parse(engineOf.optionDefaults()) as Record<string, unknown>;
  const page = readFileSync(new URL('../index.d.ts', import.meta.url), 'utf8');
  const documented = new Map<string, string>();
  const prefixes: Record<string, string> = { Timeouts: 'timeout.', Pool: 'pool.', RequestConfig: '', ClientConfig: '' };
  for (const [, name, body] of page.matchAll(/export interface (\w+) \{\n([\s\S]*?)\n\}/g)) {
    const prefix = prefixes[name as string];
    if (prefix === undefined) continue;
    for (const [, value, option] of (body as string).matchAll(/@default ([^\s*]+)\s*\*\/\s*(\w+)\?:/g)) {
      documented.set(prefix + option, (value as string).replaceAll("'", ''));
    }
  }
  const expected = Object.entries(engine).map(([name, value]) => [name, String(value)]);
  assert.deepEqual(Object.fromEntries([...documented].sort()), Object.fromEntries(expected.sort()));
});

test('the options of an agent of node:http become the pool', async () => {
  const { Agent } = await import('node:http');
  const httpAgent = new Agent({ keepAlive: true, maxSockets: 3, maxFreeSockets: 2, timeout: 60_000 });
  const client = createClient({ baseURL: 'http://127.0.0.1:1', httpAgent });
  assert.equal(client.config.httpAgent, httpAgent);
});
