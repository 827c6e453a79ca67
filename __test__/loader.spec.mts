// An addon that can't be had: which is wanted, why it is not there, what to do.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';

interface Machine {
  platform: string;
  arch: string;
  libc: string | undefined;
}

const { packageFor, unavailable } = createRequire(import.meta.url)('../dist/bundle.js').load() as {
  packageFor(machine: Machine): string | undefined;
  unavailable(failure: unknown, machine: Machine): string;
};

const LINUX = { platform: 'linux', arch: 'x64', libc: 'glibc 2.36' };

test('each platform is told the package that brings its addon', () => {
  const known: [Machine, string | undefined][] = [
    [LINUX, 'trae-native-linux-x64-gnu'],
    [{ ...LINUX, arch: 'arm64', libc: 'musl' }, 'trae-native-linux-arm64-musl'],
    [{ platform: 'darwin', arch: 'arm64', libc: undefined }, 'trae-native-darwin-arm64'],
    [{ platform: 'win32', arch: 'x64', libc: undefined }, 'trae-native-win32-x64-msvc'],
    [{ platform: 'freebsd', arch: 'x64', libc: undefined }, undefined],
    [{ ...LINUX, arch: 's390x' }, undefined],
  ];
  for (const [machine, expected] of known) assert.equal(packageFor(machine), expected);
});

test('a missing addon names platform, libc, the package and what to do', () => {
  const missing = Object.assign(new Error("Cannot find module 'trae-native-linux-x64-gnu'"), {
    code: 'MODULE_NOT_FOUND',
  });
  const text = unavailable(new Error('Cannot find native binding.', { cause: missing }), LINUX);
  for (const part of ['linux-x64 (glibc 2.36)', 'trae-native-linux-x64-gnu', 'optional', 'npm run build'])
    assert.ok(text.includes(part), `${part}: ${text}`);
});

test('an addon that needs a newer glibc says which', () => {
  const message = "/lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.34' not found (required by /srv/trae-native.node)";
  const failed = Object.assign(new Error(message), { code: 'ERR_DLOPEN_FAILED' });
  const chain = new Error('Cannot find native binding.', { cause: new Error('tried', { cause: failed }) });
  assert.equal(
    unavailable(chain, { ...LINUX, libc: 'glibc 2.28' }),
    "trae-native's addon can't be loaded on linux-x64 (glibc 2.28): it needs GLIBC 2.34 or newer, which this system does not have",
  );
});

test('one that was copied from another kind of machine says so', () => {
  const failed = Object.assign(new Error('invalid ELF header\nmore'), { code: 'ERR_DLOPEN_FAILED' });
  assert.match(unavailable(failed, LINUX), /: invalid ELF header; if trae-native-linux-x64-gnu was copied/);
});

test('a platform without an addon is told those that have one', () => {
  const text = unavailable(new Error('x'), { platform: 'aix', arch: 'ppc64', libc: undefined });
  assert.match(text, /no addon for aix-ppc64: Linux, macOS and Windows/);
});
