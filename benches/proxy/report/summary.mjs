// Medians of each proxy and of each duel: from measured lines to one record per case.
import { median, round, spread } from '../../node/report/summary.mjs';

const RATIOS = ['rate', 'cpuUs', 'rssPerStreamKib'];
const DIFFERENCES = ['p50Us', 'p99Us', 'delayP50Us', 'delayP99Us'];

const medians = (lines) => {
  const names = [...new Set(lines.flatMap(Object.keys))].filter((name) => name !== 'units' && name !== 'ms');
  return Object.fromEntries(names.map((name) => [name, round(median(lines.map((line) => line[name])))]));
};

/** `ratio` is left divided by right, `added` left less right. */
function summariseDuel(left, right, duels) {
  const both = duels.filter(({ leftLine, rightLine }) => leftLine && rightLine);
  const over = (names, figure) =>
    Object.fromEntries(
      names.flatMap((name) => {
        const value = spread(both.map(({ leftLine, rightLine }) => figure(leftLine[name], rightLine[name])));
        return value ? [[name, value]] : [];
      }),
    );
  return {
    left,
    right,
    pairs: both.length,
    leftMedians: medians(duels.flatMap(({ leftLine }) => leftLine ?? [])),
    rightMedians: medians(duels.flatMap(({ rightLine }) => rightLine ?? [])),
    ratio: over(RATIOS, (a, b) => a / b),
    added: over(DIFFERENCES, (a, b) => a - b),
  };
}

export function summarise({ fields, lines, duels, errors }) {
  const names = [...new Set(duels.map(({ left, right }) => `${left} ${right}`))];
  return {
    case: fields.name,
    unit: fields.unit,
    skipped: fields.skipped,
    rounds: fields.pairs,
    job: fields.job,
    errors,
    proxies: Object.fromEntries(Object.entries(lines).map(([name, measured]) => [name, medians(measured)])),
    duels: names.map((name) => {
      const [left, right] = name.split(' ');
      const theirs = duels.filter((duel) => duel.left === left && duel.right === right);
      return summariseDuel(left, right, theirs);
    }),
  };
}
