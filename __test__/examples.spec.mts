// Every example runs, against the simulator, and stays short.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createSimulator } from 'trae-native/simulator';

const folder = new URL('../examples/', import.meta.url);
const SAYS: Record<string, RegExp> = {
  'call.mjs': /^You said: Say hello\.\n$/,
  'stream.mjs': /^You said: Tell me a story\.\n$/,
  'middleware.mjs': /attempt 3\nPOST \/v1\/messages: 200 after 3 attempts\nThird time lucky\.\n$/,
};

test('every example runs as it is', async (t) => {
  const simulator = await createSimulator({ requireKey: true });
  t.after(() => simulator.close());
  const names = readdirSync(folder);
  assert.deepEqual(names.sort(), Object.keys(SAYS).sort());
  for (const name of names) {
    const file = fileURLToPath(new URL(name, folder));
    assert.ok(readFileSync(file, 'utf8').split('\n').length <= 40, name);
    const env = { ...process.env, ANTHROPIC_API_KEY: 'k', ANTHROPIC_BASE_URL: `${simulator.url}/v1` };
    const { stdout } = await promisify(execFile)(process.execPath, [file], { env });
    assert.match(stdout, SAYS[name] as RegExp, name);
  }
});
