// Files to and from disk: where a download may go, what it leaves as it was, and what of an upload can be sent again.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { lstatSync, statSync } from 'node:fs';
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  realpath,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { ConfigError, type RequestConfig, retry, TimeoutError, type TraeError } from 'trae-native';
import { answering, pair } from './helpers/simulator.mts';

const posix = process.platform !== 'win32';
const root = process.getuid?.() === 0;

async function folder(t: TestContext): Promise<string> {
  const path = await realpath(await mkdtemp(join(tmpdir(), 'trae-disk-')));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

// ----- to disk -----

test('a download keeps the mode of the file that it replaces, and a new file has that of any new file', async (t) => {
  if (!posix) return t.skip('Windows knows no modes');
  const { client, simulator } = await pair(t);
  const place = await folder(t);
  simulator.always({ body: 'after' });
  for (const mode of [0o600, 0o640, 0o666, 0o755]) {
    const to = join(place, `kept-${mode}`);
    await writeFile(to, 'before');
    await chmod(to, mode);
    await client.files.download('f1', { to });
    assert.deepEqual([statSync(to).mode & 0o777, await readFile(to, 'utf8')], [mode, 'after']);
  }
  await writeFile(join(place, 'plain'), '');
  await client.files.download('f1', { to: join(place, 'new') });
  assert.equal(statSync(join(place, 'new')).mode, statSync(join(place, 'plain')).mode);
});

test('a download follows links to where they lead, also where nothing is yet, and leaves them links', async (t) => {
  if (!posix) return t.skip('links need rights on Windows');
  const { client, simulator } = await pair(t);
  const place = await folder(t);
  simulator.always({ body: 'after' });
  await mkdir(join(place, 'deep', 'er'), { recursive: true });
  await writeFile(join(place, 'deep', 'there'), 'before');
  await symlink(join('deep', 'er'), join(place, 'folder'));
  const links: [string, string, string][] = [
    ['relative', join('deep', 'there'), 'deep/there'],
    ['absolute', join(place, 'deep', 'there'), 'deep/there'],
    ['nothing', join('deep', 'not-yet'), 'deep/not-yet'],
    ['chain', 'nothing-2', 'deep/not-yet-2'],
    ['nothing-2', join('deep', 'not-yet-2'), 'deep/not-yet-2'],
  ];
  for (const [name, target] of links) await symlink(target, join(place, name));
  for (const [name, , real] of links) {
    const to = join(place, name);
    const { data } = await client.files.download('f1', { to });
    assert.deepEqual(data, { path: to, bytes: 5 });
    assert.ok((await lstat(to)).isSymbolicLink(), name);
    assert.equal(await readFile(join(place, real), 'utf8'), 'after');
    await writeFile(join(place, real), 'before');
  }
  // Of a folder that is a link, `..` is the folder above where it leads.
  await client.files.download('f1', { to: `${place}/folder/../there` });
  assert.equal(await readFile(join(place, 'deep', 'there'), 'utf8'), 'after');
  assert.equal(await readlink(join(place, 'relative')), join('deep', 'there'));
  const left = (await readdir(place, { recursive: true })).filter((name) => name.includes('.part'));
  assert.deepEqual(left, []);
});

test('a name may be as long as the disk allows', async (t) => {
  const { client, simulator } = await pair(t);
  const place = await folder(t);
  simulator.always({ body: 'long' });
  for (const length of [1, 230, 250, 255]) {
    const to = join(place, 'n'.repeat(length));
    await client.files.download('f1', { to });
    assert.equal(await readFile(to, 'utf8'), 'long');
  }
});

test('where nothing can be written is told before anything is asked', async (t) => {
  const { client, simulator } = await pair(t);
  const place = await folder(t);
  const file = join(place, 'file');
  await writeFile(file, 'before');
  const wrong: [string | URL, RegExp][] = [
    [place, /it is a folder/],
    [`${join(place, 'new')}/`, /a folder by its name/],
    [join(place, 'none', 'x'), /its folder is not there \(ENOENT\)/],
    [join(file, 'x'), /what should be its folder is none \(ENOTDIR\)/],
    [join(place, 'n'.repeat(300)), /its name is too long \(ENAMETOOLONG\)/],
    [`${file}\0x`, /has a NUL in it/],
    [pathToFileURL(place), /it is a folder/],
    [new URL(`${pathToFileURL(file)}%00`), /has a NUL in it/],
    [new URL('https://user:sk-ant-secret@host/file?key=sk-ant-secret'), /a file: URL, got one of https:/],
  ];
  if (posix) {
    execFileSync('mkfifo', [join(place, 'pipe')]);
    await symlink('round', join(place, 'round'));
    await symlink('/dev/full', join(place, 'full'));
    wrong.push(
      ['/dev/full', /it is no plain file/],
      [join(place, 'full'), /it is no plain file/],
      [join(place, 'pipe'), /it is no plain file/],
      [join(place, 'round'), /its links lead round in a circle \(ELOOP\)/],
      [new URL('file:///a%2Fb'), /names no file here/],
    );
    // The superuser may write everywhere.
    if (!root) {
      await writeFile(join(place, 'read-only'), 'before', { mode: 0o400 });
      await mkdir(join(place, 'shut'), { mode: 0o500 });
      wrong.push(
        [join(place, 'read-only'), /it may not be written \(EACCES\)/],
        [join(place, 'shut', 'x'), /it may not be written \(EACCES\)/],
      );
    }
  }
  for (const [to, told] of wrong) {
    const error = await client.files.download('f1', { to }).catch((error) => error);
    assert.ok(error instanceof ConfigError, `${to}: ${error}`);
    assert.match(error.message, told);
    assert.match(error.message, /^`to` of download\(\)/);
    assert.doesNotMatch(error.message, /secret/);
    assert.deepEqual([error.phase, error.attempts], ['prepare', 0]);
  }
  if (posix) assert.ok(lstatSync('/dev/full').isCharacterDevice());
  assert.equal(simulator.counters.requests, 0);
  assert.equal(await readFile(file, 'utf8'), 'before');
});

test('a disk that fails as the answer comes is told in a sentence, and leaves nothing behind', async (t) => {
  const { client, simulator } = await pair(t);
  const place = await folder(t);
  simulator.always({ body: Buffer.alloc(300_000) });
  /** What becomes of the place between the look and the answer. */
  const turns: [(to: string) => Promise<unknown>, RegExp][] = [
    [() => rm(join(place, 'x'), { recursive: true }), /its folder is not there \(ENOENT\)/],
    [(to) => mkdir(to), /it is a folder \(EISDIR\)|it may not be written \(EPERM\)/],
  ];
  for (const [turn, told] of turns) {
    await mkdir(join(place, 'x'), { recursive: true });
    const to = join(place, 'x', 'file');
    const own = async (_req: unknown, next: () => unknown) => {
      await turn(to);
      return next();
    };
    const options: RequestConfig & { to: string } = { to, middlewares: [own] };
    const error = await client.files.download('f1', options).catch((error) => error);
    assert.ok(error instanceof ConfigError, String(error));
    assert.match(error.message, told);
    assert.deepEqual([error.phase, error.attempts, error.retryable], ['body', 1, false]);
    assert.equal(typeof (error.cause as NodeJS.ErrnoException).code, 'string');
    const left = (await readdir(place, { recursive: true })).filter((name) => name.includes('.part'));
    assert.deepEqual(left, []);
    await rm(join(place, 'x'), { recursive: true, force: true });
  }
});

test('a disk that is full ends the download with an error of ours, and what was there stays', async (t) => {
  if (process.platform !== 'linux') return t.skip('only Linux has limits on files of a process of its own');
  const { simulator } = await pair(t);
  const place = await folder(t);
  simulator.always({ body: Buffer.alloc(3_000_000) });
  await writeFile(join(place, 'file'), 'before');
  const program = `
    process.on('SIGXFSZ', () => {});
    const { createClient, TraeError } = require('trae-native');
    const client = createClient({ baseURL: ${JSON.stringify(simulator.url)}, proxy: false });
    client.files.download('f1', { to: ${JSON.stringify(join(place, 'file'))} }).then(console.log, (error) => {
      console.log(error instanceof TraeError, error.message);
    });`;
  // A limit on the size of files is what a disk that is full can be had from without one.
  const out = execFileSync('sh', ['-c', 'ulimit -f 1024; exec "$0" -e "$1"', process.execPath, program], {
    encoding: 'utf8',
    cwd: new URL('..', import.meta.url),
  });
  assert.match(out, /^true `to` of download\(\), ".*file", can't be written: it would be larger .* \(EFBIG\)\n$/);
  assert.deepEqual([await readdir(place), await readFile(join(place, 'file'), 'utf8')], [['file'], 'before']);
});

test('a number as `timeout` limits a download to disk as a whole', async (t) => {
  const { client, simulator } = await pair(t);
  const place = await folder(t);
  simulator.always({ body: Buffer.alloc(100_000), hang: 'body' });
  const to = join(place, 'file');
  await assert.rejects(client.files.download('f1', { to, timeout: 50 }), (error: TraeError) => {
    return error instanceof TimeoutError && error.phase === 'total';
  });
  assert.deepEqual(await readdir(place), []);
});

// ----- from disk -----

test('bytes and small Blobs are sent again where their call is; what is streamed says that it was', async (t) => {
  const { client, simulator } = await pair(t);
  client.use(retry({ maxRetries: 1, base: 1, cap: 1 }));
  const place = await folder(t);
  const path = join(place, 'file.txt');
  await writeFile(path, 'content');
  const again: [never, object][] = [
    [new TextEncoder().encode('content') as never, { filename: 'a.txt' }],
    [new TextEncoder().encode('content').buffer as never, { filename: 'a.txt' }],
    [new Blob(['content']) as never, { filename: 'a.txt' }],
    [new File(['content'], 'a.txt') as never, {}],
  ];
  for (const [source, options] of again) {
    simulator.clear();
    simulator.reply([{ status: 529 }, { echo: true }]);
    await client.files.upload(source, options);
    const bodies = simulator.received.map(({ body }) => body.toString());
    assert.equal(bodies.length, 2);
    assert.equal(bodies[0], bodies[1]);
    assert.match(bodies[0] ?? '', /filename="a\.txt"\r\nContent-Type: text\/plain\r\n\r\ncontent\r\n/);
  }
  simulator.clear();
  simulator.reply([{ status: 529 }, { echo: true }]);
  await assert.rejects(client.files.upload(path), /not retried: the request's body .*passes only once/);
});

test('a path or URL that names no file of this machine is told before anything is sent', async (t) => {
  const { client, simulator } = await pair(t);
  const wrong: [string | URL, RegExp][] = [
    ['a\0b', /the file of upload\(\) has a NUL in it/],
    [new URL('file:///a%00b'), /the file of upload\(\) has a NUL in it/],
    [new URL('https://user:sk-ant-secret@host/?key=sk-ant-secret'), /got one of https:/],
    [new URL('data:text/plain,secret'), /got one of data:/],
  ];
  for (const [source, told] of wrong) {
    const error = await client.files.upload(source).catch((error) => error);
    assert.ok(error instanceof ConfigError, String(error));
    assert.match(error.message, told);
    assert.doesNotMatch(error.message, /secret/);
  }
  assert.equal(simulator.counters.requests, 0);
});

test('an option of the API that is misspelt is refused with the name that was meant; all else is for the call', async (t) => {
  const { client, simulator } = await pair(t);
  const bytes = new Uint8Array(1);
  const misspelt: [() => unknown, string][] = [
    [() => client.files.upload(bytes, { filename: 'x', mimeType: 'text/plain' } as never), 'mediaType'],
    [() => client.files.upload(bytes, { filename: 'x', contentType: 'text/plain' } as never), 'mediaType'],
    [() => client.files.upload(bytes, { filename: 'x', mediatype: 'text/plain' } as never), 'mediaType'],
    [() => client.files.upload(bytes, { fileName: 'x' } as never), 'filename'],
    [() => client.files.upload(bytes, { file_name: 'x' } as never), 'filename'],
    [() => client.files.download('f1', { To: 'x' } as never), 'to'],
    [() => client.files.list({ preFetch: false } as never).all(), 'prefetch'],
    [() => client.batches.wait('b1', { intervall: 5 } as never), 'interval'],
    [() => client.batches.wait('b1', { onpoll: () => {} } as never), 'onPoll'],
    [() => client.batches.results('b1', { ofset: 5 } as never), 'offset'],
  ];
  for (const [call, meant] of misspelt)
    await assert.rejects(
      async () => call(),
      (error: Error) => error instanceof ConfigError && error.message.includes(`did you mean \`${meant}\`?`),
      meant,
    );
  assert.equal(simulator.counters.requests, 0);
  const call: Required<
    Omit<RequestConfig, 'signal' | 'responseType' | 'middlewares' | 'cache' | 'retry' | 'redirect'>
  > = {
    ...answering({ body: { data: [] } }),
    params: { a: 1 },
    timeout: 5000,
    validateStatus: null,
    maxResponseBytes: 1000,
    maxEventBytes: 1000,
    pings: true,
    priority: 'high',
    skipValidation: true,
    transformRequest: (data: unknown) => data,
    transformResponse: (data: unknown) => data,
  };
  const own = { ...call, tenant: 'own', cancelToken: 1 } as RequestConfig;
  await client.files.upload(bytes, { filename: 'x', ...own });
  await client.files.download('f1', own);
  await client.files.list(own).all();
});
