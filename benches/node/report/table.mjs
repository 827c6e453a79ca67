// The tables on the terminal: one per case, one for loading, one for the targets.

const NUMBER = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });
const show = (value) => (value === undefined ? '–' : NUMBER.format(value));
const showRatio = (ratio) => (ratio ? `${show(ratio.median)} [${show(ratio.min)}–${show(ratio.max)}]` : '–');

/** Plain columns, numbers to the right. */
export function columns(rows) {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => String(row[i]).length)));
  const cell = (text, i) => (i === 0 ? String(text).padEnd(widths[i]) : String(text).padStart(widths[i]));
  return rows.map((row) => `  ${row.map(cell).join('  ')}`.trimEnd()).join('\n');
}

const HEAD = [
  '',
  'per s',
  'cpu µs',
  'main µs',
  'p50 ms',
  'p99 ms',
  'RSS MB',
  'server',
  'ours ÷ theirs: rate',
  'cpu',
  'main',
];

function line(name, values, ratio = {}) {
  const isPaced = values.delayP50Us !== undefined;
  const p50 = isPaced ? values.delayP50Us / 1e3 : values.p50Ms;
  const p99 = isPaced ? values.delayP99Us / 1e3 : values.p99Ms;
  const figures = [values.rate, values.cpuUs, values.mainUs, p50, p99, values.rssMb, values.serverCores];
  return [name, ...figures.map(show), showRatio(ratio.rate), showRatio(ratio.cpuUs), showRatio(ratio.mainUs)];
}

/** From here on a rate may be the server's and not the client's; CPU per unit stays good. */
const SERVER_LIMIT = 0.85;
const serverLimit = (name) => `  ! ${name}: the server used a whole core, so this rate is only a lower bound`;

/** All records of one case; ours comes first, with the figures of its runs beside the first peer that has them. */
export function caseTable(records) {
  const [first] = records;
  const beside = records.find(({ ours }) => ours.rate !== undefined);
  const rows = [HEAD];
  if (beside) rows.push(line(first.oursName, beside.ours));
  const said = beside?.ours.serverCores >= SERVER_LIMIT ? [serverLimit(first.oursName)] : [];
  for (const record of records) {
    if (record.theirs.rate !== undefined) rows.push(line(record.peer, record.theirs, record.ratio));
    if (record.error) said.push(`  ! ${record.error.split('\n')[0].slice(0, 160)}`);
    if (record.theirs.serverCores >= SERVER_LIMIT) said.push(serverLimit(record.peer));
    if (record.note) said.push(`  ${record.peer}: ${record.note}`);
  }
  if (rows.length === 1 && said.length === 0) return `${first.case}: not measured, the time was used up`;
  const delay = first.case.startsWith('paced') ? ', p50 and p99 of the added delay' : '';
  const title = `${first.case} (per ${first.unit}, ${Math.max(...records.map(({ pairs }) => pairs))} pairs${delay})`;
  return [title, columns(rows), ...new Set(said)].join('\n');
}

export function loadTable(load, sizes) {
  const rows = load.map(({ peer, importMs, firstMs, rssMb }) => [
    peer,
    ...[importMs, firstMs, rssMb, sizes[peer]].map(show),
  ]);
  const errors = load.filter(({ error }) => error).map(({ peer, error }) => `  ! ${peer}: ${error}`);
  const head = ['', 'import ms', 'first request ms', 'RSS MB', 'binary MB'];
  return ['load (a fresh process)', columns([head, ...rows]), ...errors].join('\n');
}

export function stateTable({ error, ...state }) {
  if (error) return `state\n  ! ${error}`;
  const rows = [
    ['round trips to Redis per limited call', show(state.roundTripsPerCall)],
    ['limited calls per second', show(state.limitedPerSecond)],
    [`calls upstream for ${show(state.equalMisses)} equal misses`, show(state.equalUpstream)],
    ['their time, and that of one alone, ms', `${show(state.equalMs)} and ${show(state.aloneMs)}`],
  ];
  return ['state (shared through Redis, and in memory)', columns(rows)].join('\n');
}

/** A verdict from fewer pairs than the method asks for must not look like one. */
export function targetTable(targets, { quick, pairs }) {
  const weak = quick || pairs < 5;
  const rows = targets.map(({ what, target, measured, verdict }) => [what, target, show(measured), verdict]);
  const title = weak ? 'targets (too few pairs for a verdict: an indication only)' : 'targets';
  return [title, columns([['', 'target', 'measured', 'verdict'], ...rows])].join('\n');
}
