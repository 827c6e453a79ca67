// What docs/migrate.md says of this side of its tables, line by line.

import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import {
  AbortError,
  type Client,
  ConfigError,
  ConnectionError,
  createClient,
  EventStream,
  HttpError,
  IncompleteStreamError,
  type Middleware,
  MiddlewareError,
  OverloadedError,
  ParseError,
  RateLimitError,
  RedirectError,
  retry,
  ServerError,
  TimeoutError,
  TraeError,
  timeout,
  trae,
} from 'trae-native';
import { createSimulator } from 'trae-native/simulator';
import { answering, collect, message, pair } from './helpers/simulator.mts';

const echo = answering({ echo: true });
const asking = (reply: object, headers: Record<string, string>): { headers: Record<string, string> } => ({
  headers: { ...answering(reply).headers, ...headers },
});

/** Notes each hook as it runs. */
function noting(client: Client): { seen: string[]; before(name: string): void; after(name: string): void } {
  const seen: string[] = [];
  return {
    seen,
    before: (name) => void client.before(() => void seen.push(name)),
    after: (name) => void client.after(() => void seen.push(name)),
  };
}

test('interceptors added in the order of the page run as axios runs them', async (t) => {
  const { client } = await pair(t);
  const { seen, before, after } = noting(client);
  for (const name of ['response 2', 'response 1']) after(name);
  for (const name of ['request 2', 'request 1']) before(name);
  await client.get('/x', echo);
  // What axios does with `request 1` and `response 1` added first.
  assert.deepEqual(seen, ['request 2', 'request 1', 'response 1', 'response 2']);
});

test('hooks added in the order of the page run as trae v1 runs them', async (t) => {
  const { client } = await pair(t);
  const { seen, before, after } = noting(client);
  for (const name of ['finally 2', 'finally 1']) client.finally(() => void seen.push(name));
  for (const name of ['after 2', 'after 1']) after(name);
  for (const name of ['before 1', 'before 2']) before(name);
  await client.get('/x', echo);
  assert.deepEqual(seen, ['before 1', 'before 2', 'after 1', 'after 2', 'finally 1', 'finally 2']);
});

test('an after hears of a before that fails further in, and of nothing further out', async (t) => {
  const { client } = await pair(t);
  const heard: string[] = [];
  const hear = (name: string) => (error: unknown) => {
    heard.push(name);
    throw error;
  };
  client.after(undefined, hear('outer'));
  client.before(() => {
    throw new Error('no key');
  });
  client.after(undefined, hear('inner'));
  await assert.rejects(client.get('/x', echo), /no key/);
  assert.deepEqual(heard, ['outer']);
});

test('an unknown option is refused for a client, and is a field of one’s own in a call', async (t) => {
  const { client } = await pair(t);
  assert.throws(
    () => createClient({ maxRedirects: 0 } as never),
    (error) => error instanceof ConfigError && /unknown option `maxRedirects`/.test(error.message),
  );
  for (const name of ['cancelToken', 'onUploadProgress', 'paramsSerializer', 'auth', 'adapter', 'maxBodyLength'])
    assert.throws(() => createClient({ [name]: {} } as never), ConfigError, name);
  const res = await client.get('/x', { ...echo, cancelToken: 'mine' });
  assert.equal(res.config.cancelToken, 'mine');
  for (const name of ['baseURL', 'proxy', 'httpAgent', 'tls'])
    await assert.rejects(client.get('/x', { [name]: 'other' }), /is an option of a client, not of a call/, name);
});

test('a client that is made from another has its options and its middlewares', async (t) => {
  const { client, simulator } = await pair(t, { headers: { 'x-creator': 'yes' } });
  const { seen, before } = noting(client);
  before('inherited');
  await client.create({}).get('/x', echo);
  await client.extend().get('/x', echo);
  assert.deepEqual(seen, ['inherited', 'inherited']);
  assert.equal(simulator.received.at(-1)?.header('x-creator'), 'yes');
  assert.equal((trae as unknown as { create: unknown }).create, createClient);
  assert.equal(typeof client, 'object', 'it is no function');
});

test('the options of a client are read and written in its config', async (t) => {
  const { client, simulator } = await pair(t);
  client.config.baseURL = `${simulator.url}/below`;
  client.config.headers = { 'x-later': '1' };
  await client.get('/x', echo);
  assert.equal(simulator.received[0]?.path, '/below/x');
  assert.equal(simulator.received[0]?.header('x-later'), '1');
});

test('hooks that return nothing leave the request and the answer, and a failure stays to be answered', async (t) => {
  const { client } = await pair(t);
  client.before(() => {}).after(() => {});
  assert.equal((await client.get('/x', echo)).status, 200);
  client.after(undefined, (() => {}) as never);
  await assert.rejects(client.get('/x', answering({ status: 400 })), MiddlewareError);
});

test('use, before, after and finally give the client, and a name takes an entry out', async (t) => {
  const { client } = await pair(t);
  const seen: string[] = [];
  const chained = client.before(() => void seen.push('key'), { name: 'key' }).after(() => {});
  assert.equal(chained, client);
  assert.equal(client.eject('key'), true);
  assert.equal(client.eject('key'), false);
  await client.get('/x', echo);
  assert.deepEqual(seen, []);
});

test('when is asked for every kind of entry as the call comes to it, and any falsy value passes by', async (t) => {
  const { client } = await pair(t);
  const seen: string[] = [];
  client.before((req) => {
    req.state.marked = true;
  });
  client.before(() => void seen.push('marked'), { when: (req) => req.state.marked });
  client.after(() => void seen.push('never'), undefined, { when: () => 0 });
  await client.get('/x', echo);
  assert.deepEqual(seen, ['marked']);
});

test('a string and a scalar are sent as JSON, and a request without data has no media type', async (t) => {
  const { client, simulator } = await pair(t);
  const sent = async (data?: unknown): Promise<[string | undefined, string]> => {
    await client.post('/x', data, echo);
    const last = simulator.received.at(-1);
    return [last?.header('content-type'), String(last?.body)];
  };
  assert.deepEqual(await sent('a=1'), ['application/json', 'a=1']);
  assert.deepEqual(await sent(5), ['application/json', '5']);
  assert.deepEqual(await sent(), [undefined, '']);
  assert.deepEqual(await sent(new URLSearchParams('a=1')), ['application/x-www-form-urlencoded;charset=UTF-8', 'a=1']);
});

test('params have the names that axios gives them', async (t) => {
  const { client, simulator } = await pair(t);
  const query = async (params: unknown): Promise<string> => {
    await client.get('/x', { ...echo, params: params as never });
    return decodeURIComponent(simulator.received.at(-1)?.path.split('?')[1] ?? '');
  };
  assert.equal(await query({ a: [1, 2], b: { c: 2 }, l: [{ x: 1 }] }), 'a[]=1&a[]=2&b[c]=2&l[0][x]=1');
  assert.equal(await query({ n: null, u: undefined, d: new Date(0) }), 'd=1970-01-01T00:00:00.000Z');
  assert.equal(await query('a[0]=1'), 'a[0]=1', 'what somebody has encoded');
  await client.get('/x', { ...echo, params: { t: 'a:b,c' } });
  assert.match(simulator.received.at(-1)?.path ?? '', /\?t=a%3Ab%2Cc$/);
});

test('transforms work on data, each is one function, and no failure is transformed', async (t) => {
  const { client, simulator } = await pair(t);
  const res = await client.post(
    '/v1/messages',
    { a: 1 },
    {
      transformRequest: (data, headers) => {
        (headers as Record<string, string>)['x-changed'] = 'yes';
        return { ...(data as object), b: 2 };
      },
      transformResponse: (data) => typeof data,
    },
  );
  assert.equal(res.data, 'object', 'parsed JSON');
  assert.deepEqual(simulator.received[0]?.json(), { a: 1, b: 2 });
  assert.equal(simulator.received[0]?.header('x-changed'), 'yes');
  const failing = client.post(
    '/v1/messages',
    {},
    { transformResponse: () => 'changed', ...answering({ status: 400 }) },
  );
  await assert.rejects(failing, (error: HttpError) => error.response?.data.type === 'error');
  await assert.rejects(client.post('/x', {}, { transformRequest: [] as never }), /must be a function, got an array/);
  const transformed = client.post('/v1/messages', { stream: true }, { transformResponse: () => 'changed' });
  assert.ok((await transformed).data instanceof EventStream);
});

test('validateStatus takes all with null, the default with undefined, and no false', async (t) => {
  const { client } = await pair(t);
  const refused = answering({ status: 400 });
  assert.equal((await client.get('/x', { validateStatus: null, ...refused })).status, 400);
  await assert.rejects(client.get('/x', { validateStatus: undefined, ...refused }), HttpError);
  await assert.rejects(client.get('/x', { validateStatus: false as never, ...refused }), ConfigError);
});

test('the media type says what an answer is, and what is no JSON is a ParseError', async (t) => {
  const { client } = await pair(t);
  const get = async (type: string, body: string, responseType?: string): Promise<unknown> =>
    (await client.get('/x', { ...answering({ body, headers: { 'content-type': type } }), responseType } as never)).data;
  assert.equal(await get('text/plain', '{"a":1}'), '{"a":1}');
  assert.deepEqual(await get('text/plain', '{"a":1}', 'json'), { a: 1 });
  assert.ok(Buffer.isBuffer(await get('application/octet-stream', 'abc')));
  assert.ok(Buffer.isBuffer(await get('text/plain', 'abc', 'arraybuffer')));
  await assert.rejects(get('application/json', '{bad'), ParseError);
  for (const browsers of ['blob', 'document', 'formdata']) await assert.rejects(get('a/b', '', browsers), ConfigError);
});

test('a stream is a Readable, and of an answer that is an error the data has been read', async (t) => {
  const { client } = await pair(t);
  const bytes = await client.get('/v1/models', { responseType: 'stream' });
  assert.ok(bytes.data instanceof Readable);
  await collect(bytes.data);
  const failing = client.get('/x', { responseType: 'stream', ...answering({ status: 400 }) });
  await assert.rejects(failing, (error: HttpError) => error.response?.data.error.type === 'invalid_request_error');
});

test('timeout as a number limits the whole answer, a stream until it begins', async (t) => {
  const { client } = await pair(t);
  const slow = answering({ body: 'abcdefghij', bytesPerWrite: 1, paceMs: 40 });
  await assert.rejects(client.get('/x', { timeout: 150, ...slow }), TimeoutError);
  const stream = await client.stream('/v1/messages', {}, { timeout: 150, ...answering({ events: 5, paceMs: 40 }) });
  assert.equal((await collect(stream)).length, 10);
});

test('timeout as a number limits all attempts together, timeout() within retry() each of them', async (t) => {
  const { client, simulator } = await pair(t);
  simulator.always({ hang: 'headers' });
  const again = client.extend().use(retry({ maxRetries: 1, base: 1, jitter: 'fixed' }));
  const once = (error: TimeoutError): boolean => error instanceof TimeoutError && simulator.received.length === 1;
  await assert.rejects(again.get('/x', { timeout: 50 }), once);
  const each = again.use(timeout(50)).get('/x');
  await assert.rejects(each, (error: TimeoutError) => error instanceof TimeoutError && error.attempts === 2);
});

test('an abort is an AbortError whose cause is the reason', async (t) => {
  const { client } = await pair(t);
  const reason = new Error('enough');
  const call = client.get('/x', { signal: AbortSignal.abort(reason) });
  await assert.rejects(call, (error: AbortError) => error instanceof AbortError && error.cause === reason);
});

test('a failure has the answer, a class of its kind, and nothing that shows a key', async (t) => {
  const { client } = await pair(t);
  const call = client.get('/x?key=query-secret', asking({ status: 429 }, { 'x-api-key': 'header-secret' }));
  const error = (await call.catch((error) => error)) as RateLimitError;
  assert.ok(error instanceof RateLimitError && error instanceof HttpError && error instanceof TraeError);
  assert.equal(error.status, error.response?.status);
  assert.equal(error.response?.statusText, 'Too Many Requests');
  assert.equal(error.response?.headers.get('Content-Type'), 'application/json');
  assert.equal(error.response?.data.error.type, error.type);
  assert.deepEqual(Object.keys(error.request ?? {}), ['method', 'url']);
  assert.equal(Object.keys(error).includes('response'), false);
  assert.doesNotMatch(JSON.stringify(error), /secret/);
});

test('without an answer there is no response, and the code says what happened', async () => {
  const client = createClient({ baseURL: 'http://127.0.0.1:1', proxy: false });
  await assert.rejects(client.get('/x'), (error: TraeError) => {
    assert.ok(error instanceof ConnectionError && !(error instanceof HttpError));
    assert.deepEqual([error.code, error.response], ['CONNECTION_REFUSED', undefined]);
    return true;
  });
  await client.close();
});

test('retry() tries a POST again, also after a bad status, 408 and 409 among them', async (t) => {
  const { client, simulator } = await pair(t);
  client.use(retry({ maxRetries: 3, base: 1 }));
  simulator.reply([{ status: 408 }, { status: 409 }, { status: 503 }, {}]);
  assert.equal((await client.post('/v1/messages', message())).attempts, 4);
});

test('an agent of Node gives its numbers to the pool', async (t) => {
  const { client, simulator } = await pair(t, { httpAgent: new Agent({ keepAlive: true, maxSockets: 1 }) });
  const slow = answering({ echo: true, delayMs: 5 });
  await Promise.all(Array.from({ length: 5 }, () => client.get('/x', slow)));
  assert.equal(simulator.counters.connectionsTotal, 1);
});

test('a redirect elsewhere is an error, one that is not followed an answer', async (t) => {
  const { client, simulator } = await pair(t);
  const elsewhere = await createSimulator();
  t.after(() => elsewhere.close());
  simulator.always({ status: 302, headers: { location: `${elsewhere.url}/v1/models` } });
  await assert.rejects(client.get('/x'), RedirectError);
  assert.equal((await client.get('/x', { redirect: 'manual' })).status, 302);
  assert.equal((await client.get('/x', { redirect: 'follow' })).status, 200);
});

test('an absolute URL does not leave the origin unless it may, and then without credentials', async (t) => {
  const { client } = await pair(t, { headers: { authorization: 'Bearer mine' } });
  const elsewhere = await createSimulator();
  t.after(() => elsewhere.close());
  await assert.rejects(client.get(`${elsewhere.url}/x`), ConfigError);
  await client.extend({ allowAbsoluteUrls: true }).get(`${elsewhere.url}/x`, echo);
  assert.equal(elsewhere.received[0]?.header('authorization'), undefined);
  assert.throws(() => createClient({ baseURL: 'http://user:word@127.0.0.1:1' }), ConfigError);
});

test('finally gets the request and how it ended, is awaited, and is the last where it is the first', async (t) => {
  const { client } = await pair(t);
  const seen: unknown[] = [];
  client.finally(async ({ req, res, error }) => {
    await null;
    seen.push([req.url, res?.status, error?.message]);
  });
  client.after(() => {
    throw new Error('in after');
  });
  await assert.rejects(client.get('/x', echo), /in after/);
  assert.deepEqual(seen, [['/x', undefined, 'in after']]);
});

test('a koa middleware that returns what next() gives is one here, and so is what koa-compose makes', async (t) => {
  // koa-compose 4, without its guards.
  const compose =
    (list: ((ctx: unknown, next: () => Promise<unknown>) => unknown)[]) =>
    async (ctx: unknown, next: (...args: unknown[]) => Promise<unknown>): Promise<unknown> => {
      const dispatch = async (at: number): Promise<unknown> => {
        const step = at === list.length ? next : list[at];
        return step?.(ctx, () => dispatch(at + 1));
      };
      return dispatch(0);
    };
  const { client } = await pair(t);
  const seen: string[] = [];
  const koa = (name: string) => async (_ctx: unknown, next: () => Promise<unknown>) => {
    seen.push(`${name} in`);
    const res = await next();
    seen.push(`${name} out`);
    return res;
  };
  client.use(compose([koa('a'), koa('b')]) as Middleware);
  assert.equal((await client.get('/x', echo)).status, 200);
  assert.deepEqual(seen, ['a in', 'b in', 'b out', 'a out']);
});

test('a stream that ends too early, or is aborted, says so; one that its reader ends does not', async (t) => {
  const { client } = await pair(t);
  const open = (reply: object, signal?: AbortSignal) =>
    client.stream('/v1/messages', { stream: true }, { signal, ...answering(reply) });
  await assert.rejects(collect(await open({ cutAfterEvents: 4, cut: 'close' })), IncompleteStreamError);
  const controller = new AbortController();
  const aborted = await open({ events: 100, paceMs: 20 }, controller.signal);
  controller.abort();
  await assert.rejects(collect(aborted), AbortError);
  const left = await open({ events: 100, paceMs: 20 });
  left.abort();
  await collect(left);
});

test('an error event is the class of its type, which is no ServerError where it says overloaded', async (t) => {
  const { client } = await pair(t);
  const reply = { errorAt: { index: 3, type: 'overloaded_error' } };
  const stream = await client.stream('/v1/messages', { stream: true }, answering(reply));
  await assert.rejects(collect(stream), (error: OverloadedError) => {
    assert.ok(error instanceof OverloadedError && error instanceof HttpError && !(error instanceof ServerError));
    assert.equal(error.status, 529);
    return true;
  });
});

test('a call is one attempt unless retry() is used, which makes a stream again that fails first', async (t) => {
  const { client, simulator } = await pair(t);
  simulator.reply([{ status: 529 }, { errorAt: { index: 0, type: 'overloaded_error' } }, { events: 2 }]);
  await assert.rejects(client.post('/v1/messages', message()), OverloadedError);
  const stream = await client
    .extend()
    .use(retry({ base: 1 }))
    .stream('/v1/messages', { stream: true });
  assert.equal((await collect(stream)).at(-1)?.type, 'message_stop');
  assert.equal(stream.response.attempts, 2);
});
