// What comes out of a run: Markdown on the terminal and one JSON file, neither of which names the host or its paths.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { cores } from '../harness/proc.mjs';
import { summarise } from './summary.mjs';
import { caseSection, peersSection, targetSection } from './table.mjs';
import { judge } from './targets.mjs';

const PAIRS_FOR_A_VERDICT = 3;

export function writeReport({ results, missing, versions, options }) {
  const cases = results.map(summarise);
  const targets = judge(cases);
  const machine = {
    cores,
    platform: `${process.platform}-${process.arch}`,
    node: process.versions.node,
    date: new Date().toISOString(),
    quick: options.quick,
    weak: results.some(({ fields }) => fields.pairs < PAIRS_FOR_A_VERDICT),
  };
  const sections = [
    ...cases.map((record) => caseSection(record, missing)),
    targetSection(targets, machine),
    peersSection(versions, missing),
  ];
  process.stdout.write(`${sections.join('\n\n')}\n`);
  mkdirSync(dirname(options.out), { recursive: true });
  writeFileSync(options.out, `${JSON.stringify({ machine, versions, missing, targets, cases }, null, 2)}\n`);
}
