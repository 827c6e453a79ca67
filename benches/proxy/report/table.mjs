// The Markdown on the terminal: a table per case, one for the targets, and what was missing.

import { MOST_FOR_OTHERS } from '../harness/proc.mjs';

const NUMBER = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });
const show = (value) => (Number.isFinite(value) ? NUMBER.format(value) : '–');
const showSpread = (value) => (value ? `${show(value.median)} [${show(value.min)}–${show(value.max)}]` : '–');

const row = (cells) => `| ${cells.join(' | ')} |`;
const table = (head, rows) =>
  [row(head), row(head.map((_, i) => (i === 0 ? '---' : '---:'))), ...rows.map(row)].join('\n');
const find = ({ duels }, left, right) => duels.find((duel) => duel.left === left && duel.right === right);

const TITLES = {
  unary: '64 connections, closed loop, every prompt another',
  hits: 'the same with one prompt for all: ours answers from its cache',
  streams: '64 streams at once, unpaced, 200 deltas each, one a write',
  paced: '2,000 streams, a delta each 250 ms; delay is arrival less the time of its writing',
  idle: '2,000 streams that have begun and are silent',
  overhead:
    'open loop at half of the closed-loop rate of each, at most 10,000/s; added is the difference to `direct` at the same rate',
};

/** Rates: ours first, then those it is set against with the ratio to each. */
function rateTable(record) {
  const head = [
    '',
    `${record.unit}s/s`,
    'CPU µs',
    'p50 ms',
    'p99 ms',
    'ours ÷ theirs: rate',
    'CPU',
    'simulator µs',
    'others, cores',
  ];
  const rows = Object.entries(record.proxies).map(([name, its]) => {
    const { ratio } = find(record, 'trae', name) ?? { ratio: {} };
    const times = [its.rate, its.cpuUs, its.p50Us / 1e3, its.p99Us / 1e3].map(show);
    return [
      name,
      ...times,
      showSpread(ratio.rate),
      showSpread(ratio.cpuUs),
      show(its.upstreamUs),
      show(its.othersCores),
    ];
  });
  return table(head, rows);
}

function pacedTable(record) {
  const head = [
    '',
    'events/s',
    'CPU µs per event',
    'delay p50 µs',
    'p99',
    'added p50',
    'added p99',
    'ours ÷ theirs: CPU',
    'others, cores',
  ];
  const rows = Object.entries(record.proxies).map(([name, its]) => {
    const added = find(record, name, 'direct')?.added ?? {};
    const delays = [its.rate, its.cpuUs, its.delayP50Us, its.delayP99Us].map(show);
    const cpu = find(record, 'trae', name)?.ratio.cpuUs;
    return [
      name,
      ...delays,
      showSpread(added.delayP50Us),
      showSpread(added.delayP99Us),
      showSpread(cpu),
      show(its.othersCores),
    ];
  });
  return table(head, rows);
}

function idleTable(record) {
  const rows = Object.entries(record.proxies).map(([name, its]) => {
    const ratio = find(record, 'trae', name)?.ratio.rssPerStreamKib;
    return [name, show(its.rssPerStreamKib), show(its.rssBeforeKib / 1024), showSpread(ratio)];
  });
  return table(['', 'KiB per stream', 'MiB before', 'ours ÷ theirs'], rows);
}

function overheadTable(record) {
  const head = [
    '',
    'requests/s',
    'p50 µs',
    'p99 µs',
    'added p50',
    'added p99',
    'own histogram p50',
    'p99',
    'others, cores',
  ];
  const rows = record.duels.map(({ left, leftMedians: its, added }) => {
    const own = [its.ownP50Us, its.ownP99Us, its.othersCores].map(show);
    return [
      left,
      ...[its.rate, its.p50Us, its.p99Us].map(show),
      showSpread(added.p50Us),
      showSpread(added.p99Us),
      ...own,
    ];
  });
  return table(head, rows);
}

const BODIES = { paced: pacedTable, idle: idleTable, overhead: overheadTable };

export function caseSection(record, missing) {
  const said = [`### ${record.case}: ${TITLES[record.case]}`];
  if (record.skipped) return [...said, `not measured: ${record.skipped}`].join('\n\n');
  if (Object.keys(record.proxies).length > 0) said.push((BODIES[record.case] ?? rateTable)(record));
  const notes = Object.entries(record.errors).map(([name, text]) => `- ${name} failed: ${text}`);
  const absent = [...new Set(record.duels.flatMap(({ left, right }) => [left, right]))].filter((name) => missing[name]);
  if (absent.length > 0) notes.push(`- not there: ${absent.join(', ')}`);
  for (const [name, { othersCores, generatorCores }] of Object.entries(record.proxies)) {
    if (othersCores > MOST_FOR_OTHERS) notes.push(`- ${name}: somebody else took ${show(othersCores)} cores meanwhile`);
    if (generatorCores > 0.9)
      notes.push(`- ${name}: the load generator used a whole core, so the rate is a lower bound`);
  }
  return [...said, ...(notes.length > 0 ? [notes.join('\n')] : [])].join('\n\n');
}

export function targetSection(targets, { quick, weak, cores }) {
  const rows = targets.map(({ what, target, measured, note, verdict }) => [
    what,
    target,
    show(measured),
    verdict,
    note ?? '',
  ]);
  const few = quick || weak ? ' (too few pairs for a verdict: an indication only)' : '';
  return `### Targets${few}\n\n${table(['', 'target', 'measured', 'verdict', ''], rows)}\n\n${cores} cores are shared by proxy, simulator and load generator.`;
}

export function peersSection(versions, missing) {
  const there = Object.entries(versions).map(([name, version]) => `- ${name} ${version}`.trim());
  const lost = Object.entries(missing).map(([name, how]) => `- **missing: ${name}**: ${how}`);
  return ['### Proxies', [...there, ...lost].join('\n')].join('\n\n');
}
