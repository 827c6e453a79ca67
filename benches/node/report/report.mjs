// What comes out of a run: tables on the terminal, one JSON file, the plots beside it.
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { drawPlots } from './plot.mjs';
import { summarise, summariseLoad } from './summary.mjs';
import { caseTable, loadTable, stateTable, targetTable } from './table.mjs';
import { judge } from './targets.mjs';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** Where the compiled addons lie; the folder's first `.node` file counts. */
const BINARIES = {
  trae: [join(ROOT, 'native'), ROOT, join(ROOT, 'dist')],
  impit: packagesLike('impit-'),
  wreq: packagesLike('@wreq-js/binding-'),
};

function packagesLike(prefix) {
  const [scope, name] = prefix.includes('/') ? prefix.split('/') : ['', prefix];
  const folder = join(ROOT, 'benches/node/node_modules', scope);
  return list(folder).flatMap((entry) => (entry.startsWith(name) ? [join(folder, entry)] : []));
}

function list(folder) {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function binarySizes() {
  const found = Object.entries(BINARIES).map(([peer, folders]) => {
    const files = folders.flatMap((folder) => list(folder).map((name) => join(folder, name)));
    const file = files.find((name) => name.endsWith('.node'));
    return [peer, file && Number((statSync(file).size / 1e6).toFixed(2))];
  });
  return Object.fromEntries(found);
}

/** Nothing that names the host or its paths. */
function machineFacts({ quick, pairs }) {
  return {
    cores: availableParallelism(),
    platform: `${process.platform}-${process.arch}`,
    node: process.versions.node,
    date: new Date().toISOString(),
    quick,
    pairs,
  };
}

export function writeReport({ pairs, load, state, options }) {
  const all = { records: summarise(pairs), load: summariseLoad(load), state, sizes: binarySizes() };
  const machine = machineFacts(options);
  const targets = judge(all);
  const byCase = groupByCase(all.records);
  const tables = [...byCase.values()].map(caseTable);
  if (state) tables.push(stateTable(state));
  if (all.load.length > 0) tables.push(loadTable(all.load, all.sizes));
  process.stdout.write(`${[...tables, targetTable(targets, machine)].join('\n\n')}\n`);

  mkdirSync(dirname(options.out), { recursive: true });
  writeFileSync(options.out, `${JSON.stringify({ machine, targets, ...all }, null, 2)}\n`);
  for (const [name, svg] of drawPlots(all, machine)) writeFileSync(join(dirname(options.out), name), svg);
}

function groupByCase(records) {
  const groups = new Map();
  for (const record of records) groups.set(record.case, [...(groups.get(record.case) ?? []), record]);
  return groups;
}
