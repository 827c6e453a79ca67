// The figures of a client in a registry of prom-client, whose page then shows them beside its own.

import { kindOf, config as wrong } from './errors.js';

/** What is asked of a client. */
interface Counting {
  metrics(format: 'json'): string;
}

/** What is used of prom-client's Registry; by shape, so that no release of it is needed. */
interface Registry {
  registerMetric(metric: object): void;
  removeSingleMetric(name: string): void;
}

/** A family as Rust tells it. */
interface Family {
  name: string;
  help: string;
  type: 'counter' | 'gauge' | 'histogram';
  samples: { suffix: string; labels: [string, string][]; le: number | null; value: number }[];
}

/** Adds all families of the client; what it returns takes them out again. */
export function registerMetrics(client: Counting, registry: Registry): () => void {
  if (typeof client?.metrics !== 'function')
    throw wrong(`registerMetrics() takes a client and a registry, got ${kindOf(client)} for the client`);
  if (typeof registry?.registerMetric !== 'function')
    throw wrong(`registerMetrics() takes a client and a Registry of prom-client, got ${kindOf(registry)}`);
  const read = once(() => new Map((JSON.parse(client.metrics('json')) as Family[]).map((one) => [one.name, one])));
  const added: string[] = [];
  const remove = (): void => {
    for (const name of added.splice(0)) registry.removeSingleMetric(name);
  };
  try {
    for (const family of read().values()) {
      const metric = new Metric(family, () => read().get(family.name)?.samples ?? []);
      registry.registerMetric(metric);
      added.push(metric.name);
    }
  } catch (error) {
    remove();
    throw error;
  }
  return remove;
}

/** All metrics of a page are asked for in one turn: they show one moment, and Rust is asked once. */
function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => {
    if (made === undefined) {
      made = { value: make() };
      queueMicrotask(() => {
        made = undefined;
      });
    }
    return made.value;
  };
}

/** A metric as prom-client's registry knows it. */
class Metric {
  /** prom-client takes `_total` off where it writes OpenMetrics, and puts it back on each figure. */
  name: string;
  readonly help: string;
  readonly type: string;
  /** How the figures of several processes become one. */
  readonly aggregator = 'sum';
  readonly #samples: () => Family['samples'];

  constructor({ name, help, type }: Family, samples: () => Family['samples']) {
    this.name = type === 'counter' ? `${name}_total` : name;
    this.help = help;
    this.type = type;
    this.#samples = samples;
  }

  async get(): Promise<object> {
    const { name, help, type, aggregator } = this;
    const values = this.#samples().map(({ suffix, labels, le, value }) => {
      const bound = suffix === '_bucket' ? { le: le ?? '+Inf' } : {};
      const named = suffix === '' ? {} : { metricName: name + suffix };
      return { ...named, labels: { ...bound, ...Object.fromEntries(labels) }, value };
    });
    return { name, help, type, aggregator, values };
  }

  /** What Rust has counted stays counted. */
  reset(): void {}
}
