// The list of a client's middlewares: what may stand in it, under which name, in which order.

import { kindOf, config as wrong } from '../errors.js';
import { mapEvents, tracing, validate } from '../lazy.js';
import { answerOf, type Handler, type Layer } from './compose.js';
import { type After, after, atEnd, type Before, before, type Finally, type OnError } from './hooks.js';
import {
  auth,
  cache,
  circuitBreaker,
  concurrency,
  fallback,
  hedge,
  idempotencyKey,
  jwt,
  keyPool,
  logger,
  metrics,
  Native,
  rateLimit,
  redact,
  retry,
  timeout,
} from './native.js';
import type { TraeRequest } from './request.js';

/** Several hooks that belong together. */
export interface Hooks {
  before?: Before;
  after?: After;
  error?: OnError;
  finally?: Finally;
}

/** A middleware in the list. */
export type Entry = Omit<Layer, 'place'> | { name: string; when: Condition | undefined; native: Native };

/** Whether a call passes through. */
export type Condition = (req: TraeRequest) => unknown;

/** The list as it is run: groups of neighbours in JavaScript, and the pipeline of the rest. */
export interface Arranged {
  /** What stands outside of all native ones never crosses. */
  outer: readonly Layer[];
  /** A condition of a native one stands among them: it is asked where that one stands. */
  groups: readonly (readonly Layer[] | Condition)[];
  /** Native ones, and the numbers of groups; empty where there is no native one. */
  pipeline: readonly Step[];
}

/** A native middleware, with the number of its condition; or the number of a group. */
export type Step = { native: Native; condition: number | undefined } | number;

/** Of these one instance may stand once: within itself it would wait for what it holds, or count a call twice. */
const ONCE = ['cache', 'circuitBreaker', 'concurrency', 'hedge', 'keyPool', 'rateLimit'];

function requireOnce(native: Native, others: readonly Entry[]): void {
  if (!ONCE.includes(native.kind) || !others.some((other) => 'native' in other && other.native === native)) return;
  throw wrong(`this \`${native.kind}()\` stands in the list already, and can't stand within itself: make another one`);
}

export function arrange(entries: readonly Entry[]): Arranged {
  const outer: Layer[] = [];
  const groups: (Layer[] | Condition)[] = [];
  const pipeline: Step[] = [];
  let group = outer;
  for (const [at, entry] of entries.entries()) {
    if ('native' in entry) {
      requireOnce(entry.native, entries.slice(0, at));
      pipeline.push({ native: entry.native, condition: entry.when && groups.push(entry.when) - 1 });
      group = [];
      continue;
    }
    if (group.length === 0 && group !== outer) pipeline.push(groups.push(group) - 1);
    group.push({ ...entry, place: at + 1 });
  }
  return { outer, groups, pipeline };
}

export interface EntryOptions {
  /** What `inspect()` shows and `eject()` takes; each may stand once. */
  name?: string;
  /** Asked for each call; where it says no, the call passes by. */
  when?: Condition;
}

const HOOKS = ['before', 'after', 'error', 'finally'] as const;
/** What makes middlewares, and is none. */
const FACTORIES: readonly unknown[] = [
  auth,
  cache,
  circuitBreaker,
  fallback,
  hedge,
  concurrency,
  idempotencyKey,
  jwt,
  keyPool,
  logger,
  mapEvents,
  metrics,
  rateLimit,
  redact,
  retry,
  timeout,
  tracing,
  validate,
];
const ACCEPTED =
  'a middleware is a function (req, next) => res, a function (req) => req, or an object with before, after, error or finally';

export class Stack {
  #layers: readonly Entry[];
  /** From which number on a name may be free. */
  readonly #numbers = new Map<string, number>();

  constructor(layers: readonly Entry[] = []) {
    this.#layers = [...layers];
  }

  get layers(): readonly Entry[] {
    return this.#layers;
  }

  use(middleware: unknown, options?: EntryOptions): void {
    if (middleware instanceof Native && middleware.kind === 'redact' && options?.when)
      throw new TypeError('what is never shown has no exceptions: redact() takes no `when`');
    if (middleware instanceof Native) {
      requireOnce(middleware, this.#layers);
      this.#enter(middleware.kind, options, { native: middleware });
    } else {
      const { handle, name, named } = read(middleware);
      this.#enter(name, options, { handle, named });
    }
  }

  add(handle: Handler, kind: string, options?: EntryOptions): void {
    this.#enter(kind, options, { handle, named: false });
  }

  #enter(
    kind: string,
    options: EntryOptions = {},
    what: { handle: Handler; named: boolean } | { native: Native },
  ): void {
    const { name, when } = options;
    const unknown = Object.keys(options).find((option) => option !== 'name' && option !== 'when');
    if (unknown !== undefined)
      throw new TypeError(`unknown option \`${unknown}\`: an entry takes \`name\` and \`when\``);
    if (name !== undefined && typeof name !== 'string')
      throw new TypeError(`\`name\` must be a string, got ${kindOf(name)}`);
    if (when !== undefined && typeof when !== 'function')
      throw new TypeError(`\`when\` must be a function, got ${kindOf(when)}`);
    if (name !== undefined && this.#find(name) >= 0)
      throw new TypeError(`there is a middleware called ${name} already`);
    const entry = { name: name ?? this.#unique(kind), when };
    if ('native' in what) this.#layers = [...this.#layers, { ...entry, native: what.native }];
    else {
      const named = what.named || name !== undefined;
      this.#layers = [...this.#layers, { ...entry, named, handle: what.handle }];
    }
  }

  /** Puts one under its own name where `order` has it, in place of one of that name; with none it takes that out. */
  install(name: string, native: Native | undefined, order: readonly string[]): void {
    // Of somebody's own, that only has the same name, nothing is taken out.
    const at = this.#layers.findIndex(
      (layer) => 'native' in layer && layer.native.kind === name && layer.name === name,
    );
    const when = this.#layers[at]?.when;
    const taken = at < 0 && this.#find(name) >= 0;
    const entry = native && { name: taken ? this.#unique(name) : name, when, native };
    const rank = (layer: Entry): number => ('native' in layer ? order.indexOf(layer.name) : -1);
    // Before it stands whatever the order has before it; what it does not know stays further in.
    const before = this.#layers.findLastIndex((layer) => rank(layer) >= 0 && rank(layer) < order.indexOf(name));
    const layers = [...this.#layers];
    if (at >= 0) layers.splice(at, 1, ...(entry ? [entry] : []));
    else if (entry) layers.splice(before + 1, 0, entry);
    this.#layers = layers;
  }

  /** Takes one out; calls under way keep it. */
  eject(name: string): boolean {
    const at = this.#find(name);
    if (at >= 0) this.#layers = this.#layers.filter((_, place) => place !== at);
    return at >= 0;
  }

  /** A line for each, the outermost first. */
  inspect(): string {
    const lines = this.#layers.map(
      ({ name, when, ...what }) =>
        `${name} (${'native' in what ? 'native' : 'JavaScript'}${when ? ', conditional' : ''})`,
    );
    return [...lines, 'transport'].map((line, at) => `${at + 1}. ${line}`).join('\n');
  }

  #find(name: string): number {
    return this.#layers.findIndex((layer) => layer.name === name);
  }

  #unique(kind: string): string {
    if (this.#find(kind) < 0) return kind;
    let number = this.#numbers.get(kind) ?? 2;
    while (this.#find(`${kind} ${number}`) >= 0) number++;
    this.#numbers.set(kind, number + 1);
    return `${kind} ${number}`;
  }
}

/** The handler that a middleware in any of its forms is, or a TypeError. */
function read(middleware: unknown): { handle: Handler; name: string; named: boolean } {
  if (typeof middleware === 'function') {
    requireParameters(middleware);
    const onion = middleware.length >= 2;
    const handle = onion ? (middleware as Handler) : before(middleware as Before);
    const { name } = middleware;
    return { handle, name: name || (onion ? 'middleware' : 'before'), named: name !== '' };
  }
  if (typeof middleware !== 'object' || middleware === null)
    throw new TypeError(`${ACCEPTED}, got ${kindOf(middleware)}`);
  const hooks = middleware as Record<string, unknown>;
  const names = Object.keys(hooks);
  const unknown = names.find((name) => !HOOKS.includes(name as never) || typeof hooks[name] !== 'function');
  if (names.length === 0 || unknown !== undefined)
    throw new TypeError(
      `${ACCEPTED}, got an object${unknown === undefined ? '' : ` whose \`${unknown}\` is no such hook`}`,
    );
  return { handle: together(hooks as Hooks), name: 'hooks', named: false };
}

/** By how many parameters it has a function says what it is; one that says nothing would be guessed at. */
function requireParameters(given: { name: string; length: number }): void {
  const { name, length } = given;
  if (FACTORIES.includes(given)) throw new TypeError(`${name} makes a middleware: did you mean \`${name}()\`?`);
  if (length > 0) return;
  throw new TypeError(
    `the function ${name ? `${name} ` : ''}has no parameters that can be counted (\`...args\` and those with a default can't): ` +
      'write (req, next) => res for a middleware, (req) => req for what changes requests, or use before(fn)',
  );
}

/** `before` innermost, so that `error` hears of it, and `finally` outermost, so that it hears of all. */
function together(hooks: Hooks): Handler {
  const layers: Handler[] = [];
  if (hooks.finally) layers.push(atEnd(hooks.finally));
  if (hooks.after || hooks.error) layers.push(after(hooks.after, hooks.error));
  if (hooks.before) layers.push(before(hooks.before));
  return layers.reduceRight(
    (inner, outer) => (req, next) =>
      outer(req, async (given) => answerOf(await inner(req.with(given), next), 'a hook')),
  );
}

/** With what keeps a session outside of all native ones: retries are then of one turn. */
export function outermost(session: Native | undefined, entries: readonly Entry[]): readonly Entry[] {
  if (session === undefined) return entries;
  const first = entries.findIndex((entry) => 'native' in entry);
  const at = first < 0 ? entries.length : first;
  return [...entries.slice(0, at), { name: 'session', when: undefined, native: session }, ...entries.slice(at)];
}

/** The middlewares of one call. */
export function layersOf(own: unknown): readonly Entry[] {
  if (own === undefined) return [];
  if (!Array.isArray(own)) throw wrong(`\`middlewares\` must be a list, got ${kindOf(own)}`);
  const stack = new Stack();
  for (const middleware of own) stack.use(middleware);
  return stack.layers;
}
