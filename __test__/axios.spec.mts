// What docs/axios.md says: axios does on this engine what it does on Node's http.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { inspect } from 'node:util';
import axios, { AxiosError, type AxiosInstance, CanceledError, type CreateAxiosDefaults } from 'axios';
import { type ClientConfig, createClient, RateLimitError, TimeoutError, TraeError } from 'trae-native';
import { createAdapter } from 'trae-native/axios';
import { createSimulator, type Reply, type Simulator } from 'trae-native/simulator';
import { createScripted } from 'trae-native/testing';
import { answering, collect, message, until } from './helpers/simulator.mts';

interface Both {
  api: AxiosInstance;
  /** On Node's http. */
  own: AxiosInstance;
  simulator: Simulator;
}

async function both(t: TestContext, config: CreateAxiosDefaults = {}, options: ClientConfig = {}): Promise<Both> {
  const simulator = await createSimulator();
  const client = createClient({ proxy: false, ...options });
  t.after(async () => {
    await client.close();
    await simulator.close();
  });
  const common = { baseURL: simulator.url, ...config };
  const own = axios.create({ ...common, proxy: false, adapter: 'http' });
  return { api: axios.create({ ...common, adapter: createAdapter(client) }), own, simulator };
}

const failure = (promise: Promise<unknown>): Promise<AxiosError> =>
  promise.then(
    () => assert.fail('it was answered'),
    (error) => error,
  );

/** What a call has come to, as far as axios says what that is. */
async function outcome(call: () => Promise<unknown>): Promise<unknown> {
  try {
    const { data, status, statusText } = (await call()) as { data: unknown; status: number; statusText: string };
    return { data, status, statusText };
  } catch (error) {
    const { name, code, message, status, response } = error as AxiosError;
    return { name, code, message, status, data: response?.data, axios: axios.isAxiosError(error) };
  }
}

/** Cases that Node's http and the engine have to agree on; each is asked of both. */
const SAME: [string, (api: AxiosInstance) => Promise<unknown>, Reply?][] = [
  ['JSON is parsed', (api) => api.get('/x'), { body: { a: 1 } }],
  ['text is text', (api) => api.get('/x'), { body: 'plain', headers: { 'content-type': 'text/plain' } }],
  [
    'text that looks like JSON is parsed',
    (api) => api.get('/x'),
    { body: '[1]', headers: { 'content-type': 'text/plain' } },
  ],
  [
    'broken JSON stays text',
    (api) => api.get('/x'),
    { body: '{"a":', headers: { 'content-type': 'application/json' } },
  ],
  ['responseType text', (api) => api.get('/x', { responseType: 'text' }), { body: 'é' }],
  ['responseType json', (api) => api.get('/x', { responseType: 'json' }), { body: { b: [1, 2] } }],
  ['responseType json of none', (api) => api.get('/x', { responseType: 'json' }), { body: 'no', status: 200 }],
  ['a byte order mark goes', (api) => api.get('/x'), { body: '\ufeff{"a":2}' }],
  [
    'another encoding',
    (api) => api.get('/x', { responseEncoding: 'latin1' as never }),
    { body: new Uint8Array([0xe9]) },
  ],
  [
    'arraybuffer is a Buffer',
    (api) => api.get('/x', { responseType: 'arraybuffer' }),
    { body: new Uint8Array([0, 255, 10]) },
  ],
  ['arraybuffer of nothing', (api) => api.get('/x', { responseType: 'arraybuffer' }), { status: 204 }],
  ['an empty answer', (api) => api.get('/x'), { status: 204 }],
  ['HEAD', (api) => api.head('/x'), { body: { a: 1 } }],
  ['OPTIONS and DELETE with data', (api) => api.delete('/x', { data: { a: 1 } }), { body: {} }],
  ['404 is a bad request', (api) => api.get('/x'), { status: 404, body: { error: 'no' } }],
  ['500 is a bad response', (api) => api.get('/x'), { status: 500, body: 'oh' }],
  ['validateStatus', (api) => api.get('/x', { validateStatus: (status) => status === 404 }), { status: 404, body: {} }],
  ['validateStatus null', (api) => api.get('/x', { validateStatus: null }), { status: 503, body: {} }],
  ['304 is an error', (api) => api.get('/x'), { status: 304 }],
  ['gzip is undone', (api) => api.get('/x'), { body: { packed: 1 }, encoding: 'gzip' }],
  ['br is undone', (api) => api.get('/x'), { body: { packed: 2 }, encoding: 'br' }],
  [
    'maxRedirects 0',
    (api) => api.get('/x', { maxRedirects: 0 }),
    { status: 302, headers: { location: '/y' }, body: 'there' },
  ],
  ['too much is an error', (api) => api.get('/x', { maxContentLength: 3 }), { body: 'four' }],
  ['just enough is none', (api) => api.get('/x', { maxContentLength: 4 }), { body: 'four' }],
  ['nothing is allowed', (api) => api.get('/x', { maxContentLength: 0 }), { body: 'f' }],
  ['no limit at all', (api) => api.get('/x', { maxContentLength: Infinity }), { body: 'four' }],
  ['a limit that is no number', (api) => api.get('/x', { maxContentLength: Number.NaN }), { body: 'four' }],
  ['a limit below nothing', (api) => api.get('/x', { maxContentLength: -7 }), { body: 'four' }],
  ['a limit with a fraction', (api) => api.get('/x', { maxContentLength: 2.5 }), { body: 'four' }],
  ['no limit for a body', (api) => api.post('/x', Buffer.from('four'), { maxBodyLength: Infinity }), { body: {} }],
  ['no number for a body', (api) => api.post('/x', 'four', { maxBodyLength: Number.NaN }), { body: {} }],
  ['a body that is too large', (api) => api.post('/x', 'four', { maxBodyLength: 3 })],
  [
    'a stream that is too large',
    (api) => api.post('/x', Readable.from(['four', 'more']), { maxBodyLength: 5, maxRedirects: 0 }),
  ],
  ['an object that no transform has written', (api) => api.post('/x', { a: 1 }, { transformRequest: (data) => data })],
  ['timeout', (api) => api.get('/x', { timeout: 60 }), { hang: 'headers' }],
  ['timeout in words', (api) => api.get('/x', { timeout: 60, timeoutErrorMessage: 'too late' }), { hang: 'headers' }],
  [
    'timeout, clarified',
    (api) => api.get('/x', { timeout: 60, transitional: { clarifyTimeoutError: true } }),
    { hang: 'headers' },
  ],
  ['a timeout without end', (api) => api.get('/x', { timeout: Infinity })],
  ['a timeout that is no number', (api) => api.get('/x', { timeout: 'soon' as never })],
  ['a timeout in text', (api) => api.get('/x', { timeout: '60' as never }), { hang: 'headers' }],
  [
    'a serializer that throws',
    (api) =>
      api.get('/x', {
        params: { a: 1 },
        paramsSerializer: () => {
          throw new RangeError('not this one');
        },
      }),
  ],
  [
    'an encoding of bytes is not looked at',
    (api) => api.get('/x', { responseType: 'arraybuffer', responseEncoding: 'nope' as never }),
    { body: 'a' },
  ],
  ['a protocol that is none', (api) => api.get('ftp://127.0.0.1/')],
  ['an aborted signal', (api) => api.get('/x', { signal: AbortSignal.abort() })],
  ['a signal that aborts', (api) => api.get('/x', { signal: AbortSignal.timeout(50) }), { hang: 'headers' }],
];

for (const [name, call, reply] of SAME) {
  test(`as on Node's http: ${name}`, async (t) => {
    const { api, own, simulator } = await both(t);
    const outcomes = [];
    for (const instance of [own, api]) {
      if (reply) simulator.reply(reply);
      outcomes.push(await outcome(() => call(instance)));
      simulator.clear();
    }
    assert.deepEqual(outcomes[1], outcomes[0]);
  });
}

/** What is sent, and what a server sees of it. */
const SENT: [string, (api: AxiosInstance) => Promise<unknown>][] = [
  ['an object is JSON', (api) => api.post('/x', { a: [1, 'é'] })],
  ['a string is a form', (api) => api.post('/x', 'a=1')],
  ['a string with a media type', (api) => api.put('/x', '<a/>', { headers: { 'Content-Type': 'text/xml' } })],
  ['parameters of a form', (api) => api.post('/x', new URLSearchParams({ a: '1 2' }))],
  ['bytes', (api) => api.patch('/x', Buffer.from([1, 2, 3]))],
  ['an ArrayBuffer', (api) => api.post('/x', new Uint8Array([7, 8]).buffer)],
  ['a view of some', (api) => api.post('/x', new Uint8Array([1, 2, 3, 4]).subarray(1, 3))],
  ['nothing', (api) => api.post('/x')],
  ['null', (api) => api.post('/x', null)],
  ['GET has no media type', (api) => api.get('/x', { headers: { 'Content-Type': 'a/b' } })],
  ['a media type that is not wanted', (api) => api.post('/x', 'a', { headers: { 'Content-Type': false } })],
  ['params', (api) => api.get('/x?z=1', { params: { a: 'b c', list: [1, 2], date: new Date(0), none: null } })],
  ['params of a class', (api) => api.get('/x', { params: new URLSearchParams('a=1&a=2') })],
  [
    'paramsSerializer',
    (api) => api.get('/x', { params: { a: { b: 1 } }, paramsSerializer: { serialize: () => 'own=1' } }),
  ],
  ['indexes', (api) => api.get('/x', { params: { a: [1, 2] }, paramsSerializer: { indexes: null } })],
  ['a fragment is not sent', (api) => api.get('/x?a=1#frag')],
  [
    'auth',
    (api) => api.get('/x', { auth: { username: 'you', password: 'pä:ss' }, headers: { authorization: 'other' } }),
  ],
  [
    'headers of all kinds',
    (api) => api.get('/x', { headers: { 'X-One': 1, 'X-No': null, 'X-List': ['a', 'b'], 'X-Off': false } as never }),
  ],
];

for (const [name, call] of SENT) {
  test(`a server sees the same as of Node's http: ${name}`, async (t) => {
    const { api, own, simulator } = await both(t);
    simulator.always({ body: {} });
    await call(own);
    await call(api);
    const [first, second] = simulator.received.map(({ method, path, headers, body }) => {
      // Who it is, what it can undo and how the connection is kept are each one's own.
      const own = ['user-agent', 'accept-encoding', 'connection', 'host', 'x-list'];
      const all = Object.fromEntries(headers.filter(([header]) => !own.includes(header)));
      const list = headers.filter(([header]) => header === 'x-list').map(([, value]) => value);
      return { method, path, headers: all, list: list.join(', '), body: body.toString('latin1') };
    });
    assert.deepEqual(second, first);
  });
}

test('forms and files arrive with their boundary', async (t) => {
  const { api, simulator } = await both(t);
  simulator.always({ body: {} });
  const form = new FormData();
  form.append('name', 'you');
  form.append('file', new Blob(['content']), 'a.txt');
  await api.post('/form', form);
  await api.postForm('/form', { a: 1, b: ['x', 'y'] });
  assert.ok(Number(simulator.received[1]?.header('content-length')) > 100);
  await api.request({ url: '/mine', method: 'PURGE' });
  assert.equal(simulator.received[2]?.method, 'PURGE');
  await api.post('/blob', new Blob(['bytes'], { type: 'image/png' }));
  const [first, second, , third] = simulator.received;
  const boundary = /boundary=(.+)$/.exec(first?.header('content-type') ?? '')?.[1] as string;
  assert.ok(first?.body.toString().startsWith(`--${boundary}\r\n`), first?.header('content-type'));
  assert.match(first?.body.toString() ?? '', /filename="a\.txt"[\s\S]*content/);
  assert.match(second?.header('content-type') ?? '', /^multipart\/form-data; ?boundary=/);
  assert.match(second?.body.toString() ?? '', /name="b\[\]"[\s\S]*y/);
  assert.deepEqual([third?.header('content-type'), third?.body.toString()], ['image/png', 'bytes']);
});

test('a stream is a stream of Node, as it comes, and can be given up', async (t) => {
  const { api, simulator } = await both(t);
  simulator.reply([
    { sse: 'data: 1\n\ndata: 2\n\n', paceMs: 5 },
    { events: 5000, paceMs: 5 },
  ]);
  const first = await api.get('/s', { responseType: 'stream' });
  assert.ok(first.data instanceof Readable);
  assert.equal(Buffer.concat(await collect(first.data as AsyncIterable<Buffer>)).toString(), 'data: 1\n\ndata: 2\n\n');
  const gone = new AbortController();
  const second = await api.post(
    '/v1/messages',
    { ...message(), stream: true },
    { responseType: 'stream', signal: gone.signal },
  );
  const reading = failure(collect(second.data as AsyncIterable<Buffer>));
  gone.abort();
  assert.equal((await reading).code, 'ABORTED');
  await until(() => simulator.received[1]?.aborted === true, 'the server has heard of it');
});

test('a stream keeps to maxContentLength', async (t) => {
  const { api, simulator } = await both(t);
  simulator.reply({ body: 'x'.repeat(5000), bytesPerWrite: 1000 });
  const res = await api.get('/s', { responseType: 'stream', maxContentLength: 2500 });
  const error = await failure(collect(res.data as AsyncIterable<Buffer>));
  assert.ok(error instanceof AxiosError);
  assert.deepEqual([error.code, error.message], ['ERR_BAD_RESPONSE', 'maxContentLength size of 2500 exceeded']);
});

test('a download tells its progress, up to the end', async (t) => {
  const { api, simulator } = await both(t);
  simulator.always({
    body: 'x'.repeat(300_000),
    bytesPerWrite: 100_000,
    paceMs: 5,
    headers: { 'content-type': 'text/plain' },
  });
  for (const responseType of ['text', 'arraybuffer', 'stream'] as const) {
    const events: { loaded: number; total?: number; progress?: number; download?: boolean; bytes: number }[] = [];
    const res = await api.get('/big', { responseType, onDownloadProgress: (event) => events.push(event) });
    if (responseType === 'stream') await collect(res.data as AsyncIterable<Buffer>);
    else assert.equal(res.data.length, 300_000);
    await until(() => events.at(-1)?.loaded === 300_000, 'the last event');
    const last = events.at(-1);
    assert.deepEqual([last?.total, last?.progress, last?.download], [300_000, 1, true]);
    assert.equal(
      events.reduce((sum, { bytes }) => sum + bytes, 0),
      300_000,
    );
  }
});

test('an upload tells its progress, and its length to the server', async (t) => {
  const { api, simulator } = await both(t);
  simulator.always({ body: {} });
  for (const data of ['x'.repeat(200_000), Buffer.alloc(10), Readable.from([Buffer.alloc(70_000), 'more'])]) {
    const size = data instanceof Readable ? 70_004 : data.length;
    const events: { loaded: number; total?: number; upload?: boolean }[] = [];
    await api.post('/up', data, { onUploadProgress: (event) => events.push(event) });
    await until(() => events.at(-1)?.loaded === size, `the last event of ${size}`);
    assert.equal(events.at(-1)?.upload, true);
    assert.equal(events.at(-1)?.total, data instanceof Readable ? undefined : size);
    const received = simulator.received.at(-1);
    assert.equal(received?.bodyLength, size);
    if (!(data instanceof Readable)) assert.equal(received?.header('content-length'), String(size));
  }
});

test('errors are those of the copy of axios that was imported, or required, with ours as the cause', async (t) => {
  const { api, simulator } = await both(t);
  simulator.always({ status: 429, headers: { 'retry-after': '3' } });
  const error = await failure(api.post('/v1/messages', message()));
  assert.ok(error instanceof AxiosError && error.cause instanceof RateLimitError);
  assert.deepEqual([error.code, error.status, error.cause.retryAfterMs], ['ERR_BAD_REQUEST', 429, 3000]);
  assert.ok(!Object.keys(error).includes('cause'));
  const require = createRequire(import.meta.url);
  const other = require('axios') as typeof axios;
  const door = require('trae-native/axios') as { createAdapter: typeof createAdapter };
  const required = await failure(
    other.get(simulator.url, { adapter: door.createAdapter(createClient({ proxy: false })) }),
  );
  assert.ok(required instanceof other.AxiosError && !(required instanceof AxiosError));
});

test('failures of the network have the codes that Node gives them', async (t) => {
  const api = createScripted();
  const client = createClient({ transport: api.transport });
  t.after(() => client.close());
  const instance = axios.create({ baseURL: 'https://api.example', adapter: createAdapter(client) });
  const codes: Record<string, string> = {
    DNS: 'ENOTFOUND',
    CONNECTION_REFUSED: 'ECONNREFUSED',
    CONNECTION_RESET: 'ECONNRESET',
    TLS: 'ERR_NETWORK',
    PROXY: 'ERR_NETWORK',
    TIMEOUT: 'ECONNABORTED',
  };
  for (const [code, expected] of Object.entries(codes)) {
    api.reply({ error: code as never });
    const error = await failure(instance.get('/'));
    assert.ok(error instanceof AxiosError && error.cause instanceof TraeError);
    assert.deepEqual([error.code, error.cause.code, error.config?.url], [expected, code, '/']);
  }
  api.reply({ body: 'half of it', cutAfterBytes: 4 });
  assert.equal((await failure(instance.get('/'))).code, 'ERR_BAD_RESPONSE');
  api.reply({ hang: 'headers' });
  const late = await failure(instance.get('/', { timeout: 1000 }));
  assert.ok(late.cause instanceof TimeoutError);
});

test('a token cancels with its message, alone or with a signal', async (t) => {
  const { api, simulator } = await both(t);
  simulator.always({ hang: 'headers' });
  for (const signal of [undefined, new AbortController().signal]) {
    const source = axios.CancelToken.source();
    const call = failure(api.get('/x', { cancelToken: source.token, signal }));
    setTimeout(() => source.cancel('no need'), 20);
    const error = await call;
    assert.ok(axios.isCancel(error) && error instanceof CanceledError);
    assert.deepEqual([error.message, error.code], ['no need', 'ERR_CANCELED']);
  }
});

test('interceptors of axios, and middlewares of the client, see the calls', async (t) => {
  const simulator = await createSimulator();
  const seen: unknown[] = [];
  const client = createClient({ proxy: false, retry: { maxRetries: 2, base: 1 } });
  client.use(async (req, next) => {
    seen.push([req.method, new URL(req.url).pathname, req.data]);
    const res = await next();
    seen.push(res.status);
    return res;
  });
  t.after(async () => {
    await client.close();
    await simulator.close();
  });
  const api = axios.create({ baseURL: simulator.url, adapter: createAdapter(client) });
  api.interceptors.request.use((config) => {
    config.headers.set('x-token', 'from-interceptor');
    return config;
  });
  api.interceptors.response.use((res) => ({ ...res, data: { wrapped: res.data } }));
  simulator.reply([{ status: 529 }, { body: { ok: true } }]);
  const res = await api.post('/v1/x', { a: 1 });
  assert.deepEqual(res.data, { wrapped: { ok: true } });
  assert.equal(simulator.received.length, 2);
  assert.equal(simulator.received[1]?.header('x-token'), 'from-interceptor');
  assert.deepEqual(seen[0], ['POST', '/v1/x', '{"a":1}']);
  assert.equal(seen.at(-1), 200);
  simulator.reply([{ status: 529 }, { body: {} }]);
  const error = await failure(api.get('/once', { trae: { retry: false } }));
  assert.equal(error.status, 529);
});

test('headers of an answer are of axios, cookies a list, and it is known who answered', async (t) => {
  const { api, simulator } = await both(t);
  simulator.reply([
    { status: 302, headers: { location: '/there?q=1' } },
    { body: {}, headers: { 'set-cookie': ['a=1', 'b=2'], 'X-Thing': 'y', 'x-list': ['1', '2'], get: 'me' } },
  ]);
  const res = await api.get('/here');
  assert.ok(res.headers instanceof axios.AxiosHeaders);
  assert.deepEqual([res.headers['x-thing'], res.headers.get('X-Thing')], ['y', 'y']);
  assert.deepEqual(res.headers['set-cookie'], ['a=1', 'b=2']);
  assert.deepEqual([res.headers['x-list'], res.headers.get('x-thing')], ['1, 2', 'y']);
  assert.equal(res.request.res.responseUrl, `${simulator.url}/there?q=1`);
  assert.equal(res.request.path, '/there?q=1');
});

test('what nobody here could obey is refused, and nothing is sent', async (t) => {
  const { api, simulator } = await both(t);
  for (const config of [
    { socketPath: '/tmp/x' },
    { beforeRedirect: () => {} },
    { maxRate: 100 },
    { family: 6 as const },
    { sensitiveHeaders: ['x-tenant'] },
    { httpsAgent: { options: { rejectUnauthorized: false } } },
    { httpAgent: { proxy: 'secret', options: {} } },
    { httpsAgent: { options: { checkServerIdentity: () => undefined } } },
    { httpAgent: { options: { localAddress: '127.0.0.1' } } },
  ]) {
    const error = await failure(api.get('/x', config));
    assert.ok(error instanceof AxiosError, inspect(error));
    assert.equal(error.code, 'ERR_NOT_SUPPORT');
  }
  assert.equal(simulator.received.length, 0);
  const none = { socketPath: null, family: 0 as never, sensitiveHeaders: [], maxRate: 0 };
  assert.equal((await api.get('/v1/models', none)).status, 200);
});

test('an option that can not be meant is refused with its name before anything is sent, by an error of axios', async (t) => {
  const { api, simulator } = await both(t);
  const thrower = () => {
    throw null;
  };
  for (const [config, code, expected] of [
    [{ trae: 'x' }, 'ERR_BAD_OPTION', /`trae` must be an object of options, got a string/],
    [{ trae: { retri: 5 } }, 'ERR_BAD_OPTION', /`trae\.retri`: did you mean `retry`\?/],
    [{ trae: { headers: {} } }, 'ERR_BAD_OPTION', /`trae\.headers` is what axios itself has as `headers`/],
    [{ trae: { redirect: 'manual' } }, 'ERR_BAD_OPTION', /axios itself has as `maxRedirects`/],
    [{ trae: { retry: 'often' } }, 'ERR_BAD_OPTION', /`retry` must be/],
    [{ timeout: -1 }, 'ERR_BAD_OPTION', /`timeout` must be a number of milliseconds/],
    [{ responseEncoding: 'nope' }, 'ERR_BAD_OPTION_VALUE', /`responseEncoding` must be an encoding/],
    [
      { params: { a: 1 }, paramsSerializer: thrower },
      'ERR_BAD_REQUEST',
      /parameters can't be written: null was thrown/,
    ],
    [{ onUploadProgress: true }, 'ERR_BAD_OPTION_VALUE', /`onUploadProgress` must be a function, got true/],
    [{ validateStatus: 200 }, 'ERR_BAD_OPTION_VALUE', /`validateStatus` must be a function, got 200/],
    [{ httpVersion: 3 }, 'ERR_BAD_OPTION_VALUE', /Unsupported protocol version '3'/],
    [{ proxy: 'http://proxy' }, 'ERR_BAD_OPTION', /`proxy\.host` is missing/],
    [{ url: 'http://you:secret@' }, 'ERR_BAD_OPTION', /./],
  ] as [object, string, RegExp][]) {
    const error = await failure(api.request({ url: '/x', ...config }));
    assert.ok(error instanceof AxiosError, inspect(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, expected);
    assert.doesNotMatch(error.message, /secret/);
  }
  assert.equal(simulator.received.length, 0);
  const own = { trae: { tenant: 'a middleware of yours reads it' }, params: { a: 1 } };
  assert.equal((await api.get('/v1/models', own)).status, 200);
});

test('what a server repeats of a call, and the call itself, are not shown when an error is printed', async (t) => {
  const { api, simulator } = await both(t, {}, { auth: { value: 'hush-of-the-client', header: 'x-auth' } });
  const hidden = { 'x-api-key': 'hush-of-the-caller', cookie: 'sid=hush-in-a-cookie' };
  simulator.always({
    status: 401,
    body: { error: { message: 'who is hush-of-the-client?' }, 'x-api-key': 'hush-of-the-caller', note: 'kept' },
    headers: { 'set-cookie': 'sid=hush-set', location: '/x?code=hush-there' },
  });
  for (const call of [
    api.get('/x?token=hush-query', { headers: hidden }),
    api.post('/x', { password: 'hush-body' }, { params: { key: 'hush-param' }, headers: hidden }),
    api.get('/x', { responseType: 'arraybuffer', headers: hidden }),
    api.get('/x', { responseType: 'stream', headers: hidden }),
    api.get('/x', { maxContentLength: 3, headers: hidden }),
    api.get('/x', { auth: { username: 'you', password: 'hush-auth' } }),
  ]) {
    const error = await failure(call);
    for (const thing of [error, error.response, error.config, error.request])
      for (const text of [
        inspect(thing, { depth: 9 }),
        inspect(thing, { depth: 9, showHidden: true }),
        `${JSON.stringify(thing)}`,
      ])
        assert.doesNotMatch(text, /hush/);
  }
  const error = await failure(api.get('/x', { headers: hidden }));
  assert.match(inspect(error, { depth: 9 }), /note: 'kept'/);
  const { data } = error.response as { data: Record<string, unknown> };
  assert.equal(data['x-api-key'], 'hush-of-the-caller');
  assert.equal(error.config?.headers.get('x-api-key'), 'hush-of-the-caller');
  assert.ok(Object.keys(error).includes('response'));
  simulator.clear();
  simulator.always({ body: { again: true } });
  const again = await api.request(error.config as never);
  assert.deepEqual([again.data, simulator.received[0]?.header('cookie')], [{ again: true }, hidden.cookie]);
  assert.doesNotMatch(inspect(again, { depth: 9 }) + JSON.stringify(again), /hush/);
});

test('proxies and agents are those of a client, made once for each', async (t) => {
  const proxy = await createSimulator({ proxy: true, proxyAuth: 'you:secret' });
  const { api, simulator } = await both(t);
  t.after(() => proxy.close());
  const { hostname, port } = new URL(proxy.url);
  const config = { proxy: { host: hostname, port: Number(port), auth: { username: 'you', password: 'secret' } } };
  for (let call = 0; call < 3; call++) await api.get('/v1/models', config);
  assert.equal(proxy.counters.connectionsTotal, 1);
  // Ways to write it that axios takes without having a type for them.
  await api.get('/v1/models', { proxy: new URL(`http://you:secret@${hostname}:${port}`) as never });
  await api.get('/v1/models', { proxy: { hostname, port, auth: 'you:secret' } as never });
  assert.deepEqual(
    proxy.received.map(({ proxied }) => proxied),
    [true, true, true, true, true],
  );
  const { Agent } = await import('node:http');
  const httpAgent = new Agent({ keepAlive: false });
  for (let call = 0; call < 2; call++) await api.get('/v1/models', { httpAgent });
  assert.ok(simulator.counters.connectionsTotal >= 3, 'no connection was kept');
});

test('a client of its own base takes what axios leaves open', async (t) => {
  const simulator = await createSimulator();
  const client = createClient({ baseURL: `${simulator.url}/v1`, proxy: false, auth: { value: 'sk-key' } });
  t.after(async () => {
    await client.close();
    await simulator.close();
  });
  const api = axios.create({ adapter: createAdapter(client) });
  await api.get('/models');
  assert.deepEqual([simulator.received[0]?.path, simulator.received[0]?.header('x-api-key')], ['/v1/models', 'sk-key']);
  const error = await failure(api.get('/none'));
  assert.doesNotMatch(inspect(error) + JSON.stringify(error), /sk-key/);
});

test('a wrong client is refused at once, and without one the package has its own', async (t) => {
  assert.throws(() => createAdapter({} as never), /takes a client of createClient\(\)/);
  for (const [options, expected] of [
    [null, /takes options, got null/],
    [{ axois: axios }, /unknown option `axois` of createAdapter\(\): did you mean `axios`\?/],
    [{ axios: {} }, /must be a copy of axios: it has no `AxiosError`/],
  ] as [never, RegExp][])
    assert.throws(() => createAdapter(undefined, options), expected);
  const simulator = await createSimulator();
  t.after(() => simulator.close());
  const res = await axios.get(`${simulator.url}/v1/models`, {
    adapter: createAdapter(),
    ...answering({ body: { own: true } }),
  });
  assert.deepEqual(res.data, { own: true });
});
