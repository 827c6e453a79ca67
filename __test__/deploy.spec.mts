// The files with which others run the proxy: each is read by what will read it, as far as that is here.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createProxy } from 'trae-native/proxy';

const deploy = fileURLToPath(new URL('../docs/deploy', import.meta.url));

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'trae-deploy-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** What a linter says; one that is not installed is missed only where everything has to be there. */
function lint(t: TestContext, command: string, ...args: string[]): void {
  const { error, status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', cwd: deploy });
  if (error && 'code' in error && error.code === 'ENOENT') {
    if (process.env['CI']) assert.fail(`${command} is not installed`);
    t.skip(`${command} is not installed`);
    return;
  }
  assert.equal(status, 0, `${command} ${args.join(' ')}\n${stdout}${stderr}`);
}

test('the options of the containers are options of the proxy', async (t) => {
  const secrets = folder(t);
  const text = readFileSync(join(deploy, 'proxy.toml'), 'utf8');
  for (const [, name = ''] of text.matchAll(/\/run\/secrets\/(\w+)/g))
    writeFileSync(join(secrets, name), `${name}-0123456789abcdef`);
  const file = join(secrets, 'proxy.toml');
  // As it is, but for where it listens and where its keys are.
  writeFileSync(file, text.replaceAll('/run/secrets', secrets).replace('0.0.0.0:8787', '127.0.0.1:0'));
  const proxy = await createProxy({}, { file });
  t.after(() => proxy.close());
  const key = (name: string) => ({ 'x-api-key': `${name}-0123456789abcdef` });
  assert.equal((await fetch(`${proxy.url}/metrics`, { headers: key('prometheus_key') })).status, 200);
  assert.equal((await fetch(`${proxy.url}/metrics`, { headers: key('services_key') })).status, 403);
});

test('the Dockerfile pleases hadolint', (t) => lint(t, 'hadolint', 'Dockerfile'));

test('the compose file is one by the schema of the specification', (t) =>
  lint(t, 'check-jsonschema', '--builtin-schema', 'vendor.compose-spec', 'compose.yaml'));

test('nginx takes the configuration of the balancer', (t) => {
  const conf = join(folder(t), 'nginx.conf');
  // The name of the containers is known among them alone.
  writeFileSync(conf, readFileSync(join(deploy, 'nginx.conf'), 'utf8').replace('server proxy:', 'server 127.0.0.1:'));
  lint(t, 'nginx', '-t', '-q', '-c', conf);
});

test('systemd takes the units', (t) => {
  const path = folder(t);
  for (const unit of ['trae-native-proxy.service', 'trae-native-proxy.socket']) {
    const text = readFileSync(join(deploy, unit), 'utf8');
    writeFileSync(join(path, unit), text.replace('/usr/bin/node', process.execPath));
  }
  lint(t, 'systemd-analyze', 'verify', '--man=no', join(path, 'trae-native-proxy.service'));
});

test('the keys of the compose file are not in git', () => {
  const ignored = spawnSync('git', ['check-ignore', '-q', 'docs/deploy/secrets/anthropic_api_key'], {
    cwd: join(deploy, '../..'),
  });
  assert.equal(ignored.status, 0);
});
