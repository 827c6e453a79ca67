// One plot: a drawing, and beside it the same as text, of the newest sample or of the one that is pointed at.

import uPlot from 'uplot';
import { make, say } from '../dom.js';
import { clock } from '../format.js';
import { type Point, SPAN } from './samples.js';

export interface Line {
  label: string;
  /** A custom property of the style sheet. */
  color: string;
  isFilled?: boolean;
  /** Mostly zero, and not drawn while it is: it would lie on the ground, above lines that say more. */
  isRare?: boolean;
  of(point: Point): number | null | undefined;
}

export interface PlotOptions {
  title: string;
  lines: Line[];
  format(value: number | null | undefined): string;
  /** The least that the axis reaches up to: a small figure must not look like a big one. */
  atLeast: number;
  most?: number;
  isWhole?: boolean;
}

const HEIGHT = 104;

/** Seconds that are shown at least. */
const LEAST = 60;
const WHOLE = [1, 1e3, 1e6].flatMap((unit) => [1, 2, 5, 10, 20, 50, 100, 200, 500].map((step) => step * unit));

export class Plot {
  readonly element: HTMLElement;
  readonly #options: PlotOptions;
  readonly #values: HTMLElement[];
  readonly #when = make('span', { class: 'when' });
  readonly #drawing = make('div', { class: 'drawing', 'aria-hidden': 'true' });
  #plot: uPlot | undefined;
  #times: number[] = [];
  #told: (number | null)[][] = [];

  constructor(options: PlotOptions) {
    this.#options = options;
    this.#values = options.lines.map(() => make('b', {}, '–'));
    const id = `plot-${options.title.toLowerCase().replaceAll(' ', '-')}`;
    this.element = make(
      'div',
      { class: 'plot', role: 'group', 'aria-labelledby': id },
      make('h3', { id }, options.title, this.#when),
      make('ul', { class: 'legend' }, ...options.lines.map((line, at) => this.#named(line, at))),
      this.#drawing,
    );
    // The drawing has the width of its place, not its place that of the drawing.
    new ResizeObserver(() => {
      const { clientWidth: width } = this.#drawing;
      if (width > 0) this.#plot?.setSize({ width, height: HEIGHT });
    }).observe(this.#drawing);
  }

  /** Draws once. */
  draw(points: Point[]): void {
    const { lines } = this.#options;
    this.#times = points.map(({ at }) => at);
    this.#told = lines.map((line) => points.map((point) => line.of(point) ?? null));
    const data: uPlot.AlignedData = [
      this.#times,
      ...this.#told.map((values, at) => (lines[at]?.isRare ? withoutRest(values) : values)),
    ];
    if (this.#plot) this.#plot.setData(data);
    else if (points.length > 0) this.#begin(data);
    this.#tell();
  }

  /** The colours have changed. */
  repaint(): void {
    this.#plot?.redraw(false);
  }

  #named(line: Line, at: number): HTMLElement {
    return make('li', { class: line.color.slice(2) }, make('span', {}, line.label), ' ', this.#values[at]);
  }

  #begin(data: uPlot.AlignedData): void {
    const width = this.#drawing.clientWidth || 300;
    this.#plot = new uPlot({ width, height: HEIGHT, ...this.#looks() }, data, this.#drawing);
  }

  #looks(): Omit<uPlot.Options, 'width' | 'height'> {
    const { lines, format, most, atLeast, isWhole } = this.#options;
    const axis: uPlot.Axis = {
      stroke: () => color('--muted'),
      font: '11px system-ui, sans-serif',
      ticks: { show: false },
    };
    const grid = { stroke: () => color('--grid'), width: 1 };
    return {
      padding: [8, 6, 0, 0],
      legend: { show: false },
      cursor: { sync: { key: 'figures' }, y: false, drag: { x: false, y: false }, points: { size: 6 } },
      hooks: { setCursor: [() => this.#tell()] },
      scales: {
        // A proxy that has just begun fills its plots, too.
        x: { range: (_plot, low, high) => [Math.max(high - SPAN, Math.min(low, high - LEAST)), high] },
        y: { range: (_plot, _low, high) => [0, most ?? Math.max((high ?? 0) * 1.08, atLeast)] },
      },
      axes: [
        { ...axis, grid: { show: false }, size: 20, gap: 4, splits, values: (_plot, all) => all.map(label) },
        {
          ...axis,
          grid,
          size: 48,
          gap: 6,
          space: 26,
          ...(isWhole && { incrs: WHOLE }),
          values: (_plot, all) => all.map((value) => (value === 0 ? '0' : format(value))),
        },
      ],
      series: [{}, ...lines.map(series)],
    };
  }

  #tell(): void {
    const pointed = this.#plot?.cursor.idx ?? null;
    const at = pointed ?? this.#times.length - 1;
    say(this.#when, pointed === null ? '' : clock((this.#times[at] ?? 0) * 1000));
    this.#told.forEach((values, number) => {
      const element = this.#values[number];
      if (element) say(element, this.#options.format(values[at]));
    });
  }
}

function series({ label, color: name, isFilled }: Line): uPlot.Series {
  return {
    label,
    width: 1.5,
    stroke: () => color(name),
    points: { show: false },
    ...(isFilled && { fill: () => color(`${name}-wash`) }),
  };
}

/** As close as labels have place beside each other; those below a minute have their seconds. */
function splits(plot: uPlot, _axis: number, low: number, high: number): number[] {
  const perSecond = plot.bbox.width / devicePixelRatio / (high - low);
  const step = [15, 30, 60, 120].find((step) => step * perSecond >= (step < 60 ? 72 : 48)) ?? 120;
  const all: number[] = [];
  // None so near to an end that it would be cut off, or stand below the other axis.
  for (let at = Math.ceil((low + 22 / perSecond) / step) * step; at <= high - 20 / perSecond; at += step) all.push(at);
  return all;
}

const label = (at: number, _index: number, all: number[]) => clock(at * 1000, (all[1] ?? at) - (all[0] ?? at) < 60);

/** Without zeros that no other value stands beside. */
const withoutRest = (values: (number | null)[]) =>
  values.map((value, at) => (value === 0 && !values[at - 1] && !values[at + 1] ? null : value));

/** Asked for at each drawing: it follows the browser's change between light and dark. */
const color = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
