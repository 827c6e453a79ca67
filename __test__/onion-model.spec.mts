// Random onions of JavaScript and native middlewares, compared with a model of their contract in plain JavaScript.
//
// TRAE_SEED and TRAE_PATH repeat a run, TRAE_RUNS makes more of them. A counterexample is one line: see pieces.mts.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { auth, createClient, idempotencyKey, retry, timeout } from 'trae-native';
import { createSimulator, type Reply as Scripted } from 'trae-native/simulator';
import { type Host, install, isStream, Seen, standalone, type World } from './helpers/onion/build.mts';
import { Failure, MORE, Model, NativeModel, request, STREAMS } from './helpers/onion/model.mts';
import {
  type Case,
  cases,
  isJs,
  isLoose,
  isNative,
  type Native,
  ownFrom,
  type Reply,
} from './helpers/onion/pieces.mts';
import { counters, until } from './helpers/simulator.mts';

// biome-ignore lint/suspicious/noExplicitAny: an answer is whatever the pieces have made of it
type Any = any;

const simulator = await createSimulator();
const base = createClient({ baseURL: simulator.url, proxy: false, headers: { 'X-H-Default': 'd' } });
/** One of ours, as a service has it in hand that calls another API in a middleware. */
simulator.reply({ status: 529 });
const trae = await base.get('/first').catch((error) => error);
const noise: unknown[] = [];
process.on('unhandledRejection', (reason) => noise.push(reason));
after(async () => {
  await base.close();
  await simulator.close();
});

/** What the call gives: an answer, or what it throws; of a stream its events and how it ends. */
interface Gives {
  what: string;
  events: string[];
  end: string;
}

/** What a run comes to, in the product and in the model. */
interface Outcome {
  gives: Gives;
  seen: Seen;
  received: string[];
}

/** What a run of the model has come by that the contract says nothing of. */
type Gaps = Pick<Model, 'unsent' | 'retaken'>;

const reason = new Error('enough');
const GIVES_UP = 'the caller gives up';

/** How the caller gives up: entrances are counted by the pieces, events by the reader. */
function caller({ abort }: Case, seen: Seen) {
  const controller = new AbortController();
  const giveUp = (): void => {
    if (controller.signal.aborted) return;
    seen.tell(-1, GIVES_UP);
    controller.abort(reason);
  };
  if (abort?.at === 'start') giveUp();
  return {
    signal: controller.signal,
    entered: (index: number) => abort?.at === 'entrance' && abort.piece === index && giveUp(),
    read: (count: number) => abort?.at === 'event' && abort.after === count && giveUp(),
    hangs: () => abort?.at === 'hang' && giveUp(),
  };
}

/** Reads what the call gives to its end, and puts it into words. */
async function given(call: Promise<Any>, seen: Seen, read: (count: number) => unknown): Promise<Gives> {
  try {
    const res = await call;
    seen.attempts.push(`the caller: after ${res.attempts}`);
    if (isStream(res.data)) return { what: `${res.status}`, ...(await events(res.data, seen, read)) };
    return { what: `${res.status} ${JSON.stringify(res.data)}`, events: [], end: '' };
  } catch (error) {
    const { status, attempts } = Object(error);
    if (status !== undefined && !seen.labels.has(error)) seen.attempts.push(`the caller: after ${attempts}`);
    return { what: `threw ${seen.describe(error)}`, events: [], end: '' };
  }
}

async function events(stream: AsyncIterable<unknown>, seen: Seen, read: (count: number) => unknown) {
  const all: string[] = [];
  try {
    read(0);
    for await (const event of stream) read(all.push(JSON.stringify(event)));
    return { events: all, end: 'ended' };
  } catch (error) {
    return { events: all, end: seen.describe(error) };
  }
}

async function inTheModel(drawn: Case): Promise<Outcome & Gaps> {
  const seen = new Seen();
  const { signal, entered, read, hangs } = caller(drawn, seen);
  const own = new Failure('OverloadedError', 529);
  seen.labels.set(own, 'one of ours');
  const model = new Model(drawn.replies);
  model.hang = hangs;
  const world: World = { trae: own, entered, native: (native, index) => new NativeModel(native, index) };
  drawn.pieces.forEach((piece, index) => {
    install(model, piece, index, world, seen);
  });
  const req = { method: 'POST', url: '/x', params: undefined, data: { n: 1 }, headers: { 'x-h-default': 'd' } };
  const gives = await given(model.send(req, signal), seen, read);
  return { gives, seen, received: named(model.received), unsent: model.unsent, retaken: model.retaken };
}

let run = 0;

async function inTheProduct(drawn: Case): Promise<Outcome> {
  const path = `/${++run}`;
  const seen = new Seen();
  const { signal, entered, read, hangs } = caller(drawn, seen);
  seen.labels.set(trae, 'one of ours');
  simulator.clear();
  script(path, drawn.replies);
  const client = base.extend({ baseURL: `${simulator.url}${path}` });
  const world: World = { trae, entered, native: natives(drawn) };
  const middlewares: Any[] = [];
  drawn.pieces.forEach((piece, index) => {
    if (index < ownFrom(drawn)) install(client as Host, piece, index, world, seen);
    else middlewares.push(standalone(piece, index, world, seen));
  });
  const { requests } = simulator.counters;
  const arrived = () => simulator.counters.requests - requests;
  const call = client.post('/x', { n: 1 }, { signal, ...(middlewares.length > 0 && { middlewares }) });
  if (drawn.abort?.at === 'hang') {
    const at = drawn.replies.findIndex((reply) => 'hang' in reply);
    let settled = false;
    call.catch(() => {}).finally(() => (settled = true));
    await until(() => settled || arrived() > at, 'a request hangs');
    hangs();
  }
  const gives = await given(call, seen, read);
  await until(() => over(seen) && client.stats().pending === 0, 'everything has ended', 2000);
  await until(() => simulator.received.length >= arrived(), 'each request is on record');
  const ours = simulator.received.filter((request) => request.path.startsWith(`${path}/`));
  const received = ours.map(({ method, path: whole, headers, body }) =>
    request(method, whole.slice(path.length), headers, JSON.parse(body.toString())),
  );
  return { gives, seen, received: named(received) };
}

function over(seen: Seen): boolean {
  const [, running, tasks] = counters();
  if (seen.awaited > 0 || running > 0 || tasks > 0) globalThis.gc?.();
  return seen.awaited === 0 && running === 0 && tasks === 0;
}

/** The replies of a run are found by its path: what another has left behind takes none of them. */
function script(path: string, replies: readonly Reply[]): void {
  const match = { path: `${path}/*` };
  const more: Scripted = { match, times: 0, body: { reply: MORE } };
  simulator.reply([...replies.map((reply, number) => ({ match, ...scripted(reply, number) })), more]);
}

function scripted(reply: Reply, number: number): Scripted {
  if ('hang' in reply) return { hang: 'headers' };
  if ('status' in reply && reply.status === 200) return { body: { reply: number } };
  if ('status' in reply) return { ...reply, headers: { 'retry-after': '0' } };
  const { events, error } = STREAMS[reply.stream] as (typeof STREAMS)[string];
  const lines = events.map((type) => `data: {"type":"${type}"}\n\n`);
  const type = error === 529 ? 'overloaded_error' : 'invalid_request_error';
  const failure = `event: error\ndata: {"type":"error","error":{"type":"${type}","message":"so it is"}}\n\n`;
  return { sse: lines.join('') + (typeof error === 'number' ? failure : '') };
}

/** Limits pass only where a request hangs; the innermost is then the first to do so. */
function natives({ pieces, replies }: Case): (native: Native) => unknown {
  let further = pieces.filter((piece) => isNative(piece, 'timeout')).length;
  const unit = replies.some((reply) => 'hang' in reply) ? 150 : 60_000;
  return (native) => {
    if (native.do === 'retry') return retry({ maxRetries: native.maxRetries, base: 1, jitter: 'none', budget: false });
    if (native.do === 'timeout') return timeout(unit * further--);
    return native.do === 'auth' ? auth({ value: 'secret' }) : idempotencyKey();
  };
}

/** Keys by the order of their first appearance. */
function named(received: string[]): string[] {
  const keys: string[] = [];
  return received.map((request) =>
    request.replace(/idempotency-key=[^, ]+/, (key) => {
      if (!keys.includes(key)) keys.push(key);
      return `key ${keys.indexOf(key)}`;
    }),
  );
}

/** From this piece on a run depends on who is faster. */
function looseFrom({ pieces, replies }: Case): number {
  const loose = pieces.findIndex(isLoose);
  if (loose >= 0) return loose;
  const limit = pieces.findLastIndex((piece) => isNative(piece, 'timeout'));
  return limit >= 0 && replies.some((reply) => 'hang' in reply) ? limit : pieces.length;
}

/** What can be told of a run whatever is faster. */
function certain(drawn: Case, { seen, received, gives }: Outcome, { unsent, retaken }: Gaps) {
  const from = looseFrom(drawn);
  const end = drawn.abort?.at === 'event' ? -1 : seen.trace.findIndex(([, what]) => what === GIVES_UP);
  const trace = seen.trace.slice(0, end < 0 ? undefined : end).filter(([index]) => index >= 0 && index < from);
  const sent = drawn.pieces.some(isLoose) ? [] : received;
  if (drawn.abort) return { trace, received: sent, what: gives.what };
  // Where a piece has left a stream aside, it may have failed before that.
  const left =
    retaken || drawn.pieces.some((piece) => ['again', 'nothing', 'throwAfter'].some((name) => isJs(piece, name)));
  const told = left ? seen.ends.map((end) => end.slice(0, 1)) : seen.ends;
  const ends = told.filter((end) => Number.parseInt(end, 10) < from).sort();
  // An error that a piece has read out of a stream knows only of the attempt that opened it.
  const counted = !unsent && from === drawn.pieces.length && !drawn.pieces.some((piece) => isJs(piece, 'consume'));
  return { trace, received: sent, gives, ends, attempts: counted ? seen.attempts : [] };
}

/** Whatever is drawn comes to an end. */
async function within<T>(ms: number, run: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(what)), ms);
  });
  return Promise.race([run, late]).finally(() => clearTimeout(timer));
}

async function compare(drawn: Case): Promise<void> {
  const whole = drawn.abort?.at === 'event' ? { ...drawn, abort: undefined } : drawn;
  const model = await within(5000, inTheModel(whole), 'the model comes to no end');
  const product = await within(5000, inTheProduct(drawn), 'the call comes to no end');
  assert.deepEqual(certain(drawn, product, model), certain(drawn, model, model));
  if (drawn.abort?.at === 'event') cut(product.gives, model.gives, drawn.abort.after);
  await new Promise(setImmediate);
  assert.deepEqual(noise.splice(0), [], 'nothing is rejected without anybody to hear it');
}

/** What was here already when the caller gave up may still be read. */
function cut(product: Gives, model: Gives, after: number): void {
  const { length } = product.events;
  assert.deepEqual(product.events, model.events.slice(0, length));
  assert.ok(length >= Math.min(after, model.events.length));
  if (length < model.events.length || product.end !== model.end) assert.equal(product.end, 'AbortError enough');
}

test('random onions of both kinds keep the contract', async () => {
  const { TRAE_SEED, TRAE_PATH, TRAE_RUNS } = process.env;
  const again = { ...(TRAE_SEED && { seed: Number(TRAE_SEED) }), ...(TRAE_PATH && { path: TRAE_PATH }) };
  const numRuns = Number(TRAE_RUNS ?? 400);
  await fc.assert(fc.asyncProperty(cases, compare), { numRuns, includeErrorInReport: true, ...again });
});
