// Blobs and forms: sent with their length, framed as the standard says, with the boundary that is in them.

import assert from 'node:assert/strict';
import { Readable, Stream } from 'node:stream';
import { test } from 'node:test';
import type { TraeError } from 'trae-native';
import { answering, pair } from './helpers/simulator.mts';

const ECHO = answering({ echo: true });

/** A form with everything that has to be escaped or normalised. */
function oddForm(): FormData {
  const form = new FormData();
  form.append('plain', 'välue 😀');
  form.append('twice', 'one\ntwo\rthree\r\nfour\n\r');
  form.append('twice', '');
  form.append('na"me\r\nx: 1\nend', 'v');
  form.append('file', new Blob(['a\nb']), 'fi"le\r\n\n.txt');
  form.append('file', new File(['{}'], 'ü.json', { type: 'application/json' }));
  form.append('empty', new Blob([]));
  return form;
}

const boundaryOf = (type: string) => /^multipart\/form-data; boundary=([^"; ]{1,70})$/.exec(type)?.[1] ?? '';

/** The body without what may differ: the boundary, and the case of the names of headers. */
const comparable = (body: string, type: string) =>
  body
    .replaceAll(boundaryOf(type), 'BOUNDARY')
    .replace(/^--+BOUNDARY/gm, '--BOUNDARY')
    .replace(/^[a-z-]+: /gim, (name) => name.toLowerCase());

test('a form is framed as another implementation of the standard frames it', async (t) => {
  const { client, simulator } = await pair(t);
  for (const form of [oddForm(), new FormData()]) {
    const reference = new Response(form);
    const expected = comparable(await reference.clone().text(), reference.headers.get('content-type') ?? '');
    await client.post('/form', form, ECHO);
    const received = simulator.received.at(-1);
    const type = received?.header('content-type') ?? '';
    assert.ok(boundaryOf(type).length > 20, type);
    assert.equal(comparable(received?.body.toString() ?? '', type).trimEnd(), expected.trimEnd());
    // Whoever reads forms finds the fields again.
    const read = await new Response(new Uint8Array(received?.body ?? []), {
      headers: { 'content-type': type },
    }).formData();
    assert.deepEqual([...read.keys()].length, [...form.keys()].length);
  }
});

test('what has a length is sent with it, and what has none in chunks', async (t) => {
  const { client, simulator } = await pair(t);
  const cases: [unknown, number | undefined][] = [
    [new Blob(['bløb']), 5],
    [new Blob([]), 0],
    [new File(['12345'], 'x.txt'), 5],
    [new Blob(['x'.repeat(1 << 20)]), 1 << 20],
    [oddForm(), undefined],
    [Readable.from(['1', '2']), Number.NaN],
  ];
  for (const [data, length] of cases) {
    await client.post('/x', data, ECHO);
    const received = simulator.received.at(-1);
    const chunked = Number.isNaN(length);
    assert.equal(received?.header('transfer-encoding'), chunked ? 'chunked' : undefined);
    assert.equal(received?.header('content-length'), chunked ? undefined : String(received?.bodyLength));
    if (length !== undefined && !chunked) assert.equal(received?.bodyLength, length);
  }
});

test('a length that the caller says is believed only where we do not know it', async (t) => {
  const { client, simulator } = await pair(t);
  for (const length of ['2', '9', null]) {
    await client.post('/x', new Blob(['12345']), {
      timeout: 5000,
      headers: { ...ECHO.headers, 'Content-Length': length },
    });
    assert.equal(simulator.received.at(-1)?.body.toString(), '12345');
  }
  await client.post('/x', Readable.from(['123']), { headers: { ...ECHO.headers, 'content-length': '3' } });
  assert.equal(simulator.received.at(-1)?.header('content-length'), '3');
});

test('a form has its boundary whatever media type was set by hand', async (t) => {
  const { client, simulator } = await pair(t, { headers: { 'Content-Type': 'multipart/form-data' } });
  const form = () => {
    const data = new FormData();
    data.set('a', '1');
    return data;
  };
  for (const type of [
    undefined,
    'multipart/form-data',
    'Multipart/Form-Data; charset=utf-8',
    'multipart/form-data; boundary=no',
  ]) {
    const headers = { ...ECHO.headers, ...(type && { 'content-type': type }) };
    await client.post('/x', form(), { headers });
    const received = simulator.received.at(-1);
    const boundary = boundaryOf(received?.header('content-type') ?? '');
    assert.ok(boundary && received?.body.includes(`--${boundary}--`), received?.header('content-type'));
  }
  const framed = '--mine\r\n\r\n--mine--\r\n';
  await client.post('/x', framed, { headers: { ...ECHO.headers, 'content-type': 'multipart/mixed; boundary=mine' } });
  assert.equal(simulator.received.at(-1)?.header('content-type'), 'multipart/mixed; boundary=mine');
});

test('a Blob that does not give what its size says fails the call instead of sending half of it', async (t) => {
  const { client } = await pair(t);
  for (const size of [2, 9]) {
    const lying = { size, type: '', stream: () => new Blob(['12345']).stream() };
    class Lying {}
    const data = Object.assign(new Lying(), lying);
    await assert.rejects(client.post('/x', data, { timeout: 5000, ...ECHO }), (error: TraeError) => {
      assert.equal(error.code, 'REQUEST_BODY');
      assert.match(error.message, new RegExp(`a Blob of ${size} bytes gave ${size < 5 ? 'more' : 'fewer'}`));
      return true;
    });
  }
});

test('a stream of the first kind is sent, with the media type that it names', async (t) => {
  const { client, simulator } = await pair(t);
  const old = Object.assign(new Stream(), {
    getHeaders: () => ({ 'content-type': 'multipart/form-data; boundary=old' }),
    get [Symbol.toStringTag]() {
      return 'FormData';
    },
  });
  setImmediate(() => {
    old.emit('data', 'one ');
    old.emit('data', Buffer.from('two'));
    old.emit('end');
  });
  await client.post('/x', old, ECHO);
  const received = simulator.received[0];
  assert.equal(received?.body.toString(), 'one two');
  assert.equal(received?.header('content-type'), 'multipart/form-data; boundary=old');
});
