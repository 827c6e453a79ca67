// Each bad input of a server, a network or a caller: its class, its code, its stage and its words.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as api from 'trae-native';
import { type Client, type ClientConfig, createClient, type TraeError } from 'trae-native';
import { createSimulator, type Reply } from 'trae-native/simulator';
import { answering, collect, pair } from './helpers/simulator.mts';

interface Servers {
  client: Client;
  plain: string;
  secure: string;
}
type Call = (servers: Servers) => Promise<unknown>;
type Failure = [what: string, name: string, code: string, phase: string, words: RegExp, call: Call];

const get =
  (reply: Reply, options: object = {}): Call =>
  ({ client }) =>
    client.get('/x', { ...options, ...answering(reply) });

const stream =
  (reply: Reply, options: object = {}): Call =>
  async ({ client }) =>
    collect(await client.stream('/v1/messages', { stream: true }, { ...options, ...answering(reply) }));

const at =
  (baseURL: (servers: Servers) => string, config: ClientConfig = {}): Call =>
  (servers) =>
    createClient({ baseURL: baseURL(servers), proxy: false, ...config }).get('/x');

const redirect = (location: string): Reply => ({ status: 302, body: '', headers: { location } });
const encoded = (encoding: string): Reply => ({ body: 'not that', headers: { 'content-encoding': encoding } });
const body = 'x'.repeat(1000);
const json = { 'content-type': 'application/json' };
// Nobody listens on the first of all ports.
const nobody = '127.0.0.1:1';

async function* failing() {
  yield 'begun';
  throw new Error('the disk is gone');
}

const FAILURES: Failure[] = [
  [
    'no such host',
    'ConnectionError',
    'DNS',
    'connect',
    /no\.such\.invalid:80 could not be resolved/,
    at(() => 'http://no.such.invalid'),
  ],
  [
    'nobody listening',
    'ConnectionError',
    'CONNECTION_REFUSED',
    'connect',
    /refused the connection; is the server running/,
    at(() => `http://${nobody}`),
  ],
  [
    'an unknown authority',
    'ConnectionError',
    'TLS',
    'connect',
    /certificate .* not trusted .*`tls\.ca` or NODE_EXTRA_CA_CERTS/,
    at(({ secure }) => secure),
  ],
  [
    'https where http is spoken',
    'ConnectionError',
    'TLS',
    'connect',
    /not TLS.*scheme and the port/,
    at(({ plain }) => plain.replace('http', 'https')),
  ],
  [
    'http where https is spoken',
    'ConnectionError',
    'CONNECTION',
    'firstByte',
    /not HTTP; check the scheme and the port/,
    at(({ secure }) => secure.replace('https', 'http')),
  ],
  [
    'a proxy that is not there',
    'ConnectionError',
    'PROXY',
    'connect',
    /through the proxy: nobody listens there; check `proxy`/,
    at(({ plain }) => plain, { proxy: `http://user:secret@${nobody}` }),
  ],
  [
    'a SOCKS proxy that is not there',
    'ConnectionError',
    'PROXY',
    'connect',
    /through the proxy: nobody listens there/,
    at(({ secure }) => secure, { proxy: `socks5h://user:secret@${nobody}` }),
  ],
  [
    'a connection closed before the answer',
    'ConnectionError',
    'CONNECTION_RESET',
    'firstByte',
    /closed the connection before it answered/,
    get({ raw: '' }),
  ],
  [
    'an answer that is not HTTP',
    'ConnectionError',
    'CONNECTION',
    'firstByte',
    /not HTTP/,
    get({ raw: 'SSH-2.0-OpenSSH_9\r\n' }),
  ],
  [
    'an answer cut short',
    'ConnectionError',
    'INCOMPLETE',
    'body',
    /ended its answer before it was complete/,
    get({ body, cutAfterBytes: 10 }),
  ],
  [
    'a connection reset in the answer',
    'ConnectionError',
    'CONNECTION_RESET',
    'body',
    /broke the connection in the middle/,
    get({ body, cutAfterBytes: 10, cut: 'reset' }),
  ],
  [
    'too many headers',
    'LimitError',
    'TOO_LARGE',
    'firstByte',
    /more headers than are accepted/,
    get({ raw: `HTTP/1.1 200 OK\r\n${'a: b\r\n'.repeat(300)}\r\n` }),
  ],
  [
    'too large an answer',
    'LimitError',
    'TOO_LARGE',
    'body',
    /larger than 10 bytes.*maxResponseBytes/,
    get({ body }, { maxResponseBytes: 10 }),
  ],
  ['broken gzip', 'ConnectionError', 'DECODE', 'body', /compressed answer is broken/, get(encoded('gzip'))],
  ['broken brotli', 'ConnectionError', 'DECODE', 'body', /compressed answer is broken/, get(encoded('br'))],
  ['broken zstd', 'ConnectionError', 'DECODE', 'body', /compressed answer is broken/, get(encoded('zstd'))],
  ['broken deflate', 'ConnectionError', 'DECODE', 'body', /compressed answer is broken/, get(encoded('deflate'))],
  [
    'compression upon compression',
    'ConnectionError',
    'DECODE',
    'body',
    /more than 3 times/,
    get(encoded('gzip, gzip, gzip, gzip')),
  ],
  [
    'a redirect to another origin',
    'RedirectError',
    'REDIRECT',
    'firstByte',
    /another origin is not followed.*same-origin/,
    get(redirect('http://other.example/')),
  ],
  ['redirects in a circle', 'RedirectError', 'REDIRECT', 'firstByte', /round for ever/, get(redirect('/x'))],
  [
    'a redirect where none is wanted',
    'RedirectError',
    'REDIRECT',
    'firstByte',
    /redirects are errors/,
    get(redirect('/y'), { redirect: 'error' }),
  ],
  ['a redirect to nowhere', 'RedirectError', 'REDIRECT', 'firstByte', /nowhere/, get(redirect('http://['))],
  [
    'JSON that is none',
    'ParseError',
    'PARSE',
    'body',
    /no JSON: 10 characters, status 200/,
    get({ body: '{"a": oops', headers: json }),
  ],
  [
    'a stream without message_stop',
    'IncompleteStreamError',
    'INCOMPLETE_STREAM',
    'body',
    /before message_stop/,
    stream({ events: 3, cutAfterEvents: 2, cut: 'end' }),
  ],
  [
    'a stream whose connection closes',
    'IncompleteStreamError',
    'INCOMPLETE_STREAM',
    'body',
    /before it was complete/,
    stream({ events: 3, cutAfterEvents: 2 }),
  ],
  [
    'a stream whose connection is reset',
    'ConnectionError',
    'CONNECTION_RESET',
    'body',
    /broke the connection/,
    stream({ events: 3, cutAfterEvents: 2, cut: 'reset' }),
  ],
  [
    'an event that is no JSON',
    'ParseError',
    'PARSE',
    'body',
    /event 1 .* not JSON.* at byte 5/,
    stream({ sse: 'data: {"a":\n\n' }),
  ],
  [
    'too large an event',
    'LimitError',
    'TOO_LARGE',
    'body',
    /larger than 10 bytes.*maxEventBytes/,
    stream({ sse: `data: "${body}"\n\n` }, { maxEventBytes: 10 }),
  ],
  [
    'one answer instead of a stream',
    'ParseError',
    'PARSE',
    'firstEvent',
    /application\/json.*`stream: true`/,
    stream({ body: { a: 1 } }),
  ],
  [
    'an error event that nobody knows',
    'ApiStreamError',
    'API_STREAM',
    'body',
    /new_error: odd/,
    stream({ events: 3, errorAt: { index: 1, type: 'new_error', message: 'odd' } }),
  ],
  [
    'a request body that fails',
    'ConnectionError',
    'REQUEST_BODY',
    'firstByte',
    /the disk is gone/,
    ({ client }) => client.post('/x', failing(), answering({ echo: true })),
  ],
  [
    'a request body that is no JSON',
    'ConfigError',
    'CONFIG',
    'prepare',
    /can't be written as JSON.*BigInt/,
    ({ client }) => client.post('/x', { a: 1n }),
  ],
  [
    'a status that is no success',
    'HttpError',
    'HTTP_STATUS',
    'firstByte',
    /^418 .*tea/,
    get({ status: 418, body: 'tea' }),
  ],
];

test('every failure has its class, its code, its stage and its words', async (t) => {
  const { client, simulator } = await pair(t);
  const secure = await createSimulator({ tls: true });
  t.after(() => secure.close());
  for (const [what, name, code, phase, words, call] of FAILURES) {
    await t.test(what, async () => {
      await assert.rejects(call({ client, plain: simulator.url, secure: secure.url }), (error: TraeError) => {
        assert.equal(error.name, name, `${error}`);
        assert.ok(error instanceof api.TraeError);
        assert.ok(error instanceof (api as never as Record<string, typeof TraeError>)[name]);
        assert.deepEqual([error.code, error.phase], [code, phase]);
        assert.match(error.message, words);
        assert.doesNotMatch(error.message, /secret/);
        return true;
      });
    });
  }
});
