// The public page as people read it in their editors: every member says what it is, every code stands in the table.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { page, contract as publicContract } from './helpers/pages.mts';

const contract = publicContract();
const SHAPE = /^export (?:interface|declare class) (\w+)[^\n]*\{\n([\s\S]*?)^\}/gm;
const MEMBER = /^ {2}(?:(?:readonly|get|set) )?(?!private)([\w$]+)(?=\??[(:<])/;

/** Members without a comment of their own; of overloads, and of a getter with its setter, the first has it. */
function silent(body: string): string[] {
  const lines = body.split('\n');
  const seen = new Set<string>();
  return lines.flatMap((line, at) => {
    const name = MEMBER.exec(line)?.[1];
    if (name === undefined || seen.has(name)) return [];
    seen.add(name);
    return lines[at - 1]?.endsWith('*/') ? [] : [name];
  });
}

test('every member of the public page has a comment of its own', () => {
  const shapes = [...contract.matchAll(SHAPE)];
  for (const name of ['ClientConfig', 'RequestConfig', 'Client', 'TraeResponse', 'TraeError', 'EventStream'])
    assert.ok(
      shapes.some(([, shape]) => shape === name),
      `${name} is not found`,
    );
  const missing = shapes.flatMap(([, shape, body]) => silent(body as string).map((member) => `${shape}.${member}`));
  assert.deepEqual(missing, []);
});

test('a member without a comment is found, also behind one that has several lines', () => {
  const body =
    '  /** Said. */\n  a?: {\n    x: 1;\n  };\n  b(): void;\n  b(x: 1): void;\n  /** Said. */\n  readonly c: 1;\n';
  assert.deepEqual(silent(body), ['b']);
});

test('the codes and phases of the types are those of the table of errors and of the engine', () => {
  const union = (name: string): string[] => {
    const body = new RegExp(`^export type ${name} =\\n([\\s\\S]*?);`, 'm').exec(contract)?.[1] ?? '';
    return [...body.matchAll(/'(\w+)'/g)].map(([, one]) => one as string).sort();
  };
  const table = [...page('docs/errors.md').matchAll(/^\| `([A-Z_]+)` \|/gm)].map(([, code]) => code);
  assert.deepEqual(union('ErrorCode'), table.sort());
  const engine = [...page('src/error.rs').matchAll(/Self::\w+ => "([a-z]\w*)",/g)].map(([, phase]) => phase);
  assert.deepEqual(union('Phase'), engine.sort());
});

test('import has every name that require has, and both are the same objects', async () => {
  const required = createRequire(import.meta.url)('trae-native') as Record<string, unknown>;
  const imported = (await import('trae-native')) as Record<string, unknown>;
  assert.deepEqual(Object.keys(imported).sort(), Object.keys(required).sort());
  for (const [name, value] of Object.entries(required)) assert.equal(imported[name], value, name);
});
