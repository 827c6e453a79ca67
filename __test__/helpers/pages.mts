// The pages of the documentation: their programs and files, and how they are run.

import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** A page, by its path from the root of the package. */
export const page = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

/** The public contract, all of its pages. */
export const contract = (): string =>
  ['index.d.ts', ...readdirSync(new URL('../../types/', import.meta.url)).map((name) => `types/${name}`)]
    .map(page)
    .join('\n');

const FILE = /^`([^`\n]+)`:\n\n```\S+\n([\s\S]*?)^```/gm;

/** The files that a page writes out, by their names. */
export const files = (text: string): Map<string, string> =>
  new Map([...text.matchAll(FILE)].map(([, name, content]) => [name as string, content as string]));

/** The programs of a page: what is TypeScript in it, and no file of something larger. */
export const programs = (text: string): string[] =>
  [...text.replaceAll(FILE, '').matchAll(/```ts\n([\s\S]*?)```/g)].map(([, program]) => program as string);

/** Runs a program as its reader would, with a key in the environment. */
export function run(name: string, source: string): Promise<{ code: number | null; out: string }> {
  // Within the package, so that it can import itself, but in no folder that is published.
  const folder = new URL('../../target/readme/', import.meta.url);
  mkdirSync(folder, { recursive: true });
  const file = fileURLToPath(new URL(`${name}.mts`, folder));
  writeFileSync(file, source);
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--import', 'tsx', file], {
      env: { ...process.env, ANTHROPIC_API_KEY: 'k' },
    });
    let out = '';
    child.stdout.on('data', (chunk) => (out += chunk));
    child.stderr.on('data', (chunk) => (out += chunk));
    const timer = setTimeout(() => child.kill('SIGKILL'), 30_000);
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code, out });
    });
  });
}
