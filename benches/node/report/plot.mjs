// Bar charts as plain SVG, legible on light and dark pages: grey text, one accent for ours, nothing behind.

const WIDTH = 720;
const ROW = 26;
const TOP = 52;
const LABEL = 150;
const BAR = WIDTH - LABEL - 90;

const STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #6e7781 }
  .title { font-size: 15px; font-weight: 600 }
  .ours { fill: #d97757 } .peer { fill: #8b949e } .floor { fill: #8b949e; opacity: .45 }
  @media (prefers-color-scheme: dark) { text { fill: #9da7b1 } }`;

const FLOORS = ['rust', 'raw', 'map'];
const escapeXml = (text) => text.replace(/[&<>]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[c]);
const format = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 }).format;

/** `bars` is [{ name, value, ours }]; the best comes first. */
export function barChart({ title, note, bars, highIsGood }) {
  const sorted = bars.filter(({ value }) => Number.isFinite(value) && value > 0);
  sorted.sort((a, b) => (highIsGood ? b.value - a.value : a.value - b.value));
  const most = Math.max(...sorted.map(({ value }) => value));
  const height = TOP + ROW * sorted.length + 8;
  const rows = sorted.map((bar, i) => drawBar(bar, TOP + i * ROW, most));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escapeXml(title)}">
<style>${STYLE}</style>
<text class="title" x="8" y="20">${escapeXml(title)}</text>
<text x="8" y="39">${escapeXml(note)}</text>
${rows.join('\n')}
</svg>
`;
}

function drawBar({ name, value, ours }, y, most) {
  const width = Math.max(1, (value / most) * BAR).toFixed(1);
  const kind = ours ? 'ours' : FLOORS.includes(name) ? 'floor' : 'peer';
  const end = LABEL + Number(width) + 8;
  return `<text x="${LABEL - 8}" y="${y + 15}" text-anchor="end">${escapeXml(label(name))}</text>
<rect class="${kind}" x="${LABEL}" y="${y + 3}" width="${width}" height="${ROW - 9}" rx="2"/>
<text x="${end.toFixed(1)}" y="${y + 15}">${format(value)}</text>`;
}

const LABELS = {
  trae: 'trae-native',
  sdk: 'official SDK',
  fetch: 'global fetch',
  wreq: 'wreq-js',
  rust: 'Rust, no JS (floor)',
  raw: 'raw socket (floor)',
};
const label = (name) => LABELS[name] ?? name;

const CHARTS = [
  ['unary-rate', 'unary', 'rate', 'Requests per second, 64 in flight', 'more is better', true],
  ['unary-main', 'unary', 'mainUs', 'JavaScript thread per request, µs of CPU', 'less is better'],
  ['latency', 'latency', 'p50Ms', 'One request at a time, median ms', 'less is better'],
  ['burst-rate', 'burst', 'rate', 'Stream events per second, 64 streams at full speed', 'more is better', true],
  [
    'burst-main',
    'burst',
    'mainUs',
    'JavaScript thread per event, µs of CPU, 64 streams at full speed',
    'less is better',
  ],
  [
    'paced-main',
    'paced',
    'mainUs',
    'JavaScript thread per event, µs of CPU, 200 streams, an event each 20 ms',
    'less is better',
  ],
  ['paced-delay', 'paced', 'delayP99Us', 'Added delay of an event, p99 µs, 200 streams', 'less is better'],
  [
    'paced-h2-main',
    'paced-h2',
    'mainUs',
    'The same over TLS, HTTP/2 where the client can, main-thread µs',
    'less is better',
  ],
  ['memory', 'paced2000', 'rssMb', 'Peak memory with 2,000 streams open, MB', 'less is better'],
];

/** File name to SVG for every chart that has data. */
export function drawPlots({ records, load }, machine) {
  const note = (text) => `${text} · Node ${machine.node}, ${machine.cores} cores, ${machine.date.slice(0, 10)}`;
  const files = CHARTS.flatMap(([file, name, metric, title, better, highIsGood]) => {
    const rows = records.filter((record) => record.case === name);
    const ours = rows.find((record) => record.ours[metric] !== undefined);
    if (!ours || rows.length === 0) return [];
    const bars = [
      { name: 'trae', value: ours.ours[metric], ours: true },
      ...rows.map(({ peer, theirs }) => ({ name: peer, value: theirs[metric] })),
    ];
    return [[`${file}.svg`, barChart({ title, note: note(better), bars, highIsGood })]];
  });
  const imports = load.map(({ peer, importMs }) => ({ name: peer, value: importMs, ours: peer === 'trae' }));
  const title = 'Time of import in a fresh process, ms';
  if (load.length > 0) files.push(['load.svg', barChart({ title, note: note('less is better'), bars: imports })]);
  return files;
}
