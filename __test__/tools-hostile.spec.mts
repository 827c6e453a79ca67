// The loop of tools with models, tools and schemas that do what they should not.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AbortError, type Client, ConfigError, type Tool } from 'trae-native';
import { pair, until } from './helpers/simulator.mts';
import { answer, asked, bodies, messages } from './helpers/tools.mts';

// biome-ignore lint/suspicious/noExplicitAny: options and bodies that no type allows
type Any = any;

/** A tool that never answers, and the signal that it was given. */
function hanging(): { tools: Tool[]; signal: () => AbortSignal | undefined } {
  let heard: AbortSignal | undefined;
  const run: Tool['run'] = (_input, { signal }) => {
    heard = signal;
    return new Promise(() => {});
  };
  return { tools: [{ name: 'hangs', input_schema: {}, run }], signal: () => heard };
}

test('closing a client, or the one that it was extended from, ends a run whose tool is under way', async (t) => {
  for (const whose of ['own', 'parent'] as const) {
    const { client, simulator } = await pair(t);
    simulator.reply(answer('', [{ name: 'hangs' }]));
    const { tools, signal } = hanging();
    const own = client.extend();
    const final = own.runTools({ ...asked, messages, tools }).finalMessage();
    await until(() => signal() !== undefined, 'the tool is under way');
    await (whose === 'own' ? own : client).close();
    await assert.rejects(final, (error) => error instanceof AbortError && /client was closed/.test(error.message));
    assert.equal(signal()?.aborted, true);
  }
});

test('the signal of a client ends a run whose tool is under way', async (t) => {
  const { client, simulator } = await pair(t);
  simulator.reply(answer('', [{ name: 'hangs' }]));
  const { tools, signal } = hanging();
  const controller = new AbortController();
  const own = client.extend({ signal: controller.signal });
  const final = own.runTools({ ...asked, messages, tools }).finalMessage();
  await until(() => signal() !== undefined, 'the tool is under way');
  controller.abort(new Error('enough'));
  await assert.rejects(final, AbortError);
  assert.equal(signal()?.aborted, true);
});

test('who leaves a run during a tool that hangs has left at once, and the tool hears of it', async (t) => {
  const { client, simulator } = await pair(t);
  for (const leave of ['return', 'throw'] as const) {
    simulator.reply(answer('', [{ name: 'hangs' }]));
    const { tools, signal } = hanging();
    const run = client.runTools({ ...asked, messages, tools });
    const answers = run[Symbol.asyncIterator]();
    await answers.next();
    const next = answers.next();
    await until(() => signal() !== undefined, 'the tool is under way');
    const left = answers[leave]?.(new Error('mine') as never);
    if (leave === 'throw') await assert.rejects(left as Promise<unknown>, /mine/);
    else assert.deepEqual(await left, { value: undefined, done: true });
    assert.equal(signal()?.aborted, true);
    assert.equal((await next).done, true, 'who waited for an answer has none');
    await assert.rejects(run.finalMessage(), /its reader left the run/);
  }
});

test('a run that is left or given up before it goes on keeps nobody waiting', async (t) => {
  const { client, simulator } = await pair(t);
  const { tools } = hanging();
  simulator.always(answer('', [{ name: 'hangs' }]));
  const unread = client.runTools({ ...asked, messages, tools });
  await unread[Symbol.asyncIterator]().return?.();
  await assert.rejects(unread.finalMessage(), /its reader left the run/);
  const leaving = new AbortController();
  for (const end of ['abort', 'signal'] as const) {
    const run = client.runTools({ ...asked, messages, tools, config: { signal: leaving.signal } });
    const answers = run[Symbol.asyncIterator]();
    await answers.next();
    const final = run.finalMessage();
    if (end === 'abort') run.abort(new Error('enough'));
    else leaving.abort(new Error('enough'));
    await assert.rejects(final, (error) => error instanceof AbortError && /enough/.test(error.message), end);
    await assert.rejects(answers.next(), AbortError);
  }
});

test('an input that is no JSON object is told to the model, does not reach the tool, and goes back as an object', async (t) => {
  const { client, simulator } = await pair(t);
  const inputs: [string, RegExp][] = [
    ['{"city": "Ro', /not valid JSON.*\{"city": "Ro$/],
    ['garbage', /not valid JSON/],
    ['"text"', /not valid JSON/],
    ['[1]', /must be a JSON object, got an array/],
    ['7', /must be a JSON object, got 7/],
    ['null', /must be a JSON object, got null/],
    [`{"long": "${'x'.repeat(5000)}`, /…$/],
  ];
  const uses = inputs.map(([input]) => ({ name: 'never', input }));
  simulator.reply([answer('', uses), answer('I see.')]);
  const tools: Tool[] = [{ name: 'never', input_schema: {}, run: () => assert.fail('it was run') }];
  await client.runTools({ ...asked, messages, tools }).finalMessage();
  const [, said, results] = bodies(simulator)[1].messages;
  for (const [at, [input, told]] of inputs.entries()) {
    const { is_error, content } = results.content[at];
    assert.deepEqual([is_error, told.test(content)], [true, true], `${input.slice(0, 20)}: ${content}`);
    assert.ok(content.length < 700);
    assert.deepEqual(said.content[at + 1].input, {}, input);
  }
});

test('a call that was cut off ends the run with a conversation that can be sent again', async (t) => {
  const { client, simulator } = await pair(t);
  simulator.reply(answer('', [{ name: 'never', input: '{"city": "Ro' }], 'max_tokens'));
  const tools: Tool[] = [{ name: 'never', input_schema: {}, run: () => assert.fail('it was run') }];
  const run = client.runTools({ ...asked, messages, tools });
  const last = await run.finalMessage();
  assert.equal(last.content[1]?.input, '{"city": "Ro', 'the answer itself is as it came');
  assert.deepEqual((run.messages[1] as Any).content[1].input, {});
});

test('a tool, a reader and a result may be changed without changing the conversation', async (t) => {
  const { client, simulator } = await pair(t);
  simulator.reply([answer('', [{ name: 'greedy', input: { city: 'Rome', of: { x: 1 } } }]), answer('done')]);
  const result = [{ type: 'text', text: 'as it was' }];
  const run = client.runTools({
    ...asked,
    messages,
    tools: [
      {
        name: 'greedy',
        input_schema: {},
        run: (input) => {
          input.city = 'changed';
          delete input.of.x;
          return result;
        },
      },
    ],
  });
  for await (const stream of run) {
    for (const block of (await stream.finalMessage()).content) if (block.type === 'tool_use') block.name = 'greedy';
    if (run.turns === 2) (result[0] as Any).text = 'changed';
  }
  const { messages: sent } = bodies(simulator)[1];
  assert.deepEqual(sent[1].content[1].input, { city: 'Rome', of: { x: 1 } });
  assert.deepEqual(run.messages.slice(0, 3), sent);
});

test('whatever a tool throws or gives is told to the model, and never ends the run', async (t) => {
  const { client, simulator } = await pair(t);
  const mute = Object.defineProperty(new Error('x'), 'message', {
    get() {
      throw new Error('no message');
    },
  });
  const circle: Any = [{ type: 'text' }];
  circle[0].self = circle;
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  const thrown: unknown[] = [mute, 5n, Symbol('s'), undefined, null, new Error(''), proxy, { toString: null }];
  thrown.push(Object.assign(new Error('x'), { message: 7n }), Object.assign(new Error('x'), { message: { a: 1 } }));
  const given: unknown[] = [5n, circle, [{ type: 'text', big: 1n }], { toJSON: () => thrown[0] }, proxy];
  const tools: Tool[] = [
    ...thrown.map((what, at) => ({
      name: `throws-${at}`,
      input_schema: {},
      run: () => {
        throw what;
      },
    })),
    ...given.map((what, at) => ({ name: `gives-${at}`, input_schema: {}, run: () => what })),
  ];
  simulator.reply([
    answer(
      '',
      tools.map(({ name }) => ({ name })),
    ),
    answer('done'),
  ]);
  const run = client.runTools({ ...asked, messages, tools });
  assert.equal(await run.finalText(), 'done');
  const results = bodies(simulator)[1].messages[2].content;
  assert.equal(results.length, tools.length);
  for (const [at, { content, is_error }] of results.entries()) {
    const { name } = tools[at] as Tool;
    if (name !== 'gives-3') assert.equal(is_error, true, name);
    assert.ok(is_error === undefined || (typeof content === 'string' && content !== ''), name);
  }
});

test('a schema that breaks its contract is the failure of its tool alone', async (t) => {
  const { client, simulator } = await pair(t);
  const broken: Any[] = [
    { issues: [null] },
    { issues: [{}] },
    { issues: [{ message: 5n, path: [Symbol('s'), null, { key: {} }] }] },
    { issues: 'many' },
    undefined,
    7,
  ];
  const tools: Tool[] = broken.map((result, at) => ({
    name: `tool-${at}`,
    input: { '~standard': { version: 1, vendor: 'x', validate: () => result } },
    input_schema: {},
    run: () => assert.fail('it was run'),
  }));
  simulator.reply([
    answer(
      '',
      tools.map(({ name }) => ({ name })),
    ),
    answer('done'),
  ]);
  assert.equal(await client.runTools({ ...asked, messages, tools }).finalText(), 'done');
  const results = bodies(simulator)[1].messages[2].content;
  for (const { content, is_error } of results) assert.deepEqual([is_error, typeof content], [true, 'string']);
  assert.equal(results[0].content, 'the input is not what this tool takes: it is not valid');
});

test('a hundred tools may listen to the signal of one run without a warning', async (t) => {
  const { client, simulator } = await pair(t);
  const warnings: Error[] = [];
  const warned = (warning: Error): unknown => warnings.push(warning);
  process.on('warning', warned);
  t.after(() => process.off('warning', warned));
  const run: Tool['run'] = (_input, { signal }) => signal.addEventListener('abort', () => {});
  const uses = Array.from({ length: 100 }, () => ({ name: 'listens' }));
  simulator.reply([answer('', uses), answer('done')]);
  await client.runTools({ ...asked, messages, tools: [{ name: 'listens', input_schema: {}, run }] }).finalMessage();
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(warnings, []);
});

test('tools of other libraries are refused, with the names that they have here', async (t) => {
  const { client } = await pair(t);
  const refused = refusing(client);
  const run = () => 'x';
  const described = { name: 'x', description: 'y' };
  refused({ tools: [{ ...described, inputSchema: {}, execute: run }] }, /no `run`.*has `execute`.*goes to `run`/);
  refused({ tools: [{ ...described, input: {}, execute: run }] }, /has `execute`/);
  refused({ tools: [{ ...described, inputSchema: {} }] }, /has `inputSchema`.*its schema to `input`/);
  refused({ tools: [{ ...described, input: {} }] }, /has `input`/);
  refused({ tools: [{ ...described, type: 'function', parameters: {} }] }, /has `parameters`/);
  refused({ tools: [{ ...described, input_schema: {} }] }, /no `run`, and it is none of the API's own/);
  refused({ tools: [{ ...described, inputSchema: {}, run }] }, /in place of `inputSchema`/);
  client.runTools({ ...asked, messages, tools: [{ type: 'web_search_20250305', name: 'web_search', max_uses: 1 }] });
  client.runTools({ ...asked, messages, tools: [{ type: 'mcp_toolset', mcp_server_name: 'x' }] });
});

test('options of calls, slips and names of other libraries are refused, and members of the API never', async (t) => {
  const { client } = await pair(t);
  const refused = refusing(client);
  const tools = [{ type: 'web_search_20250305', name: 'web_search' }];
  for (const name of ['headers', 'timeout', 'retry', 'cache', 'middlewares'])
    refused({ tools, [name]: {} }, new RegExp(`\`${name}\` is an option of the calls: put it in \`config\``));
  for (const name of ['max_iterations', 'max_turns', 'maxIterations', 'maxTurn', 'maxturns', 'max_steps'])
    refused({ tools, [name]: 3 }, /did you mean `maxTurns`\?/);
  refused({ tools, signals: 3 }, /did you mean `signal`\?/);
  refused({ tools, signal: 'x' }, /`signal` must be an AbortSignal/);
  refused({ tools, config: { signal: 7 } }, /`signal` must be an AbortSignal/);
  const members = ['max_tokens', 'system', 'tool_choice', 'thinking', 'metadata', 'container', 'mcp_servers', 'top_k'];
  for (const name of [...members, 'context_management', 'service_tier', 'newer_member'])
    client.runTools({ ...asked, messages, tools, [name]: 1 as never });
});

function refusing(client: Client): (options: Any, told: RegExp) => void {
  return (options, told) =>
    assert.throws(
      () => client.runTools({ ...asked, messages, ...options }),
      (error) => error instanceof ConfigError && told.test(error.message),
      String(told),
    );
}
