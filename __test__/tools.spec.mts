// The loop of tools: answers, the calls in them, their results, and again.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type } from 'arktype';
import { AbortError, ConfigError, OverloadedError, type Tool, type ToolRun, tool } from 'trae-native';
import { z } from 'zod';
import { pair, until } from './helpers/simulator.mts';
import { answer, asked, bodies, messages } from './helpers/tools.mts';

// biome-ignore lint/suspicious/noExplicitAny: bodies as a test takes them apart
type Any = any;

const weather = tool({
  name: 'weather',
  description: 'Of a city',
  input: z.object({ city: z.string() }),
  run: ({ city }) => `sunny in ${city}`,
});

test('a tool that is called is run, its result sent back, and the last answer given', async (t) => {
  const { client, simulator } = await pair(t);
  simulator.reply([answer('Let me see. ', [{ name: 'weather', input: { city: 'Rome' } }]), answer('Sunny.')]);
  const run = client.runTools({ ...asked, messages, tools: [weather] });
  assert.equal(await run.finalText(), 'Sunny.');
  assert.deepEqual([run.turns, run.stopped, run.usage], [2, 'end', { input_tokens: 20, output_tokens: 10 }]);
  const [first, second] = bodies(simulator);
  assert.deepEqual(first.tools, [
    {
      name: 'weather',
      description: 'Of a city',
      input_schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
    },
  ]);
  assert.deepEqual([first.stream, first.maxTurns, first.messages], [true, undefined, messages]);
  const [said, called, result] = second.messages;
  assert.deepEqual(said, messages[0]);
  assert.deepEqual(called.content[1], { type: 'tool_use', id: 'use-0', name: 'weather', input: { city: 'Rome' } });
  assert.deepEqual(result, {
    role: 'user',
    content: [{ type: 'tool_result', tool_use_id: 'use-0', content: 'sunny in Rome' }],
  });
  assert.deepEqual(run.messages.length, 4);
  assert.equal(messages.length, 1, 'the list that was given is left as it is');
});

test('calls of one answer run at once, and results stand in the order of the calls', async (t) => {
  const { client, simulator } = await pair(t);
  simulator.reply([answer('', [{ name: 'a' }, { name: 'b' }, { name: 'c' }]), answer('done')]);
  const running: string[] = [];
  let all: () => void;
  const together = new Promise<void>((resolve) => {
    all = resolve;
  });
  const tool = (name: string, result: unknown): Tool => ({
    name,
    input_schema: { type: 'object' },
    run: async () => {
      if (running.push(name) === 3) all();
      await together;
      return result;
    },
  });
  const tools = [tool('c', [{ type: 'text', text: 'block' }]), tool('b', { n: 1 }), tool('a', undefined)];
  await client.runTools({ ...asked, messages, tools }).finalMessage();
  assert.deepEqual(bodies(simulator)[1].messages[2].content, [
    { type: 'tool_result', tool_use_id: 'use-0' },
    { type: 'tool_result', tool_use_id: 'use-1', content: '{"n":1}' },
    { type: 'tool_result', tool_use_id: 'use-2', content: [{ type: 'text', text: 'block' }] },
  ]);
});

test('what a tool throws, an input that it does not take, and a tool that is not there are told to the model', async (t) => {
  const { client, simulator } = await pair(t);
  const uses = [{ name: 'fails' }, { name: 'weather', input: { city: 7 } }, { name: 'none' }, { name: 'odd' }];
  simulator.reply([answer('', uses), answer('I see.')]);
  const fails: Tool = {
    name: 'fails',
    input: type({}),
    run: () => {
      throw new Error('out of order');
    },
  };
  const odd: Tool = { name: 'odd', input_schema: {}, run: () => ({ big: 1n }) };
  await client.runTools({ ...asked, messages, tools: [fails, weather, odd] }).finalMessage();
  const results = bodies(simulator)[1].messages[2].content;
  assert.ok(results.every((one: Any) => one.is_error === true));
  const [thrown, refused, none, unwritten] = results.map((one: Any) => one.content);
  assert.equal(thrown, 'out of order');
  assert.match(refused, /^the input is not what this tool takes: city: /);
  assert.equal(none, 'there is no tool called none');
  assert.match(unwritten, /BigInt/);
});

test('the answers are streams to read in between, and one that is not read goes on all the same', async (t) => {
  const { client, simulator } = await pair(t);
  const call = [{ name: 'weather', input: { city: 'Rome' } }];
  simulator.reply([answer('one ', call), answer('two ', call), answer('three')]);
  const run = client.runTools({ ...asked, messages, tools: [weather] });
  const texts: string[] = [];
  for await (const stream of run) {
    if (run.turns === 2) continue;
    for await (const text of stream.text()) texts.push(text);
  }
  assert.deepEqual([texts.join(''), run.turns], ['one three', 3]);
  assert.equal(await run.finalText(), 'three');
  assert.throws(() => run[Symbol.asyncIterator](), ConfigError);
});

test('it ends with maxTurns, and says so; tools that nobody hears of are not run', async (t) => {
  const { client, simulator } = await pair(t);
  simulator.always(answer('again', [{ name: 'count' }]));
  let count = 0;
  const tools: Tool[] = [{ name: 'count', input_schema: {}, run: () => ++count }];
  const run = client.runTools({ ...asked, messages, tools, maxTurns: 3 });
  const last = await run.finalMessage();
  assert.deepEqual([last.stop_reason, run.stopped, run.turns, count], ['tool_use', 'maxTurns', 3, 2]);
});

test('an answer that pauses is gone on with, and one that was cut off ends the run', async (t) => {
  const { client, simulator } = await pair(t);
  simulator.reply([answer('part', [], 'pause_turn'), answer('cut', [{ name: 'weather' }], 'max_tokens')]);
  const run = client.runTools({
    ...asked,
    messages,
    tools: [weather, { type: 'web_search_20250305', name: 'web_search' }],
  });
  assert.equal((await run.finalMessage()).stop_reason, 'max_tokens');
  const [first, second] = bodies(simulator);
  assert.deepEqual(first.tools[1], { type: 'web_search_20250305', name: 'web_search' });
  assert.deepEqual(
    second.messages.map((one: Any) => one.role),
    ['user', 'assistant'],
  );
});

test('a signal, abort() and leaving end the call or the tools under way, and a failure is thrown', async (t) => {
  const { client, simulator } = await pair(t);
  const hang = new AbortController();
  let heard: AbortSignal | undefined;
  const tools: Tool[] = [
    {
      name: 'hangs',
      input_schema: {},
      run: (_input, { signal }) => {
        heard = signal;
        return new Promise(() => {});
      },
    },
  ];
  simulator.reply([answer('', [{ name: 'hangs' }])]);
  const run = client.runTools({ ...asked, messages, tools, signal: hang.signal });
  const final = run.finalMessage();
  await until(() => heard !== undefined, 'the tool is under way');
  hang.abort(new Error('enough'));
  await assert.rejects(final, (error) => error instanceof AbortError && /enough/.test(error.message));
  assert.equal(heard?.aborted, true);

  simulator.reply([{ hang: 'headers' }]);
  const calling = client.runTools({ ...asked, messages, tools });
  const ended = calling.finalMessage();
  await until(() => client.stats().inFlight === 1, 'the call is under way');
  calling.abort();
  await assert.rejects(ended, AbortError);

  simulator.reply([{ status: 529 }]);
  await assert.rejects(client.runTools({ ...asked, messages, tools }).finalMessage(), OverloadedError);

  simulator.reply([answer('left')]);
  const left: ToolRun = client.runTools({ ...asked, messages, tools });
  for await (const _ of left) break;
  await assert.rejects(left.finalMessage(), /its reader left the run/);
  await until(() => client.stats().pending === 0, 'nothing is under way');
});

test('what can not be run is refused at once, and says what to give', async (t) => {
  const { client } = await pair(t);
  const run = () => 'x';
  const tools = [weather];
  const wrong: [Any, RegExp][] = [
    [undefined, /the options of runTools\(\)/],
    [{ tools }, /needs `messages`/],
    [{ messages, tools: [] }, /needs `tools`/],
    [{ messages, tools: [7] }, /tool 0 must be an object, got 7/],
    [{ messages, tools: [{ run }] }, /tool 0 has no `name`/],
    [{ messages, tools: [weather, weather] }, /two tools are called "weather"/],
    [{ messages, tools: [{ name: 'x', run }] }, /neither `input` nor `input_schema`/],
    [{ messages, tools: [{ name: 'x', run, input: { type: 'object' } }] }, /a JSON Schema goes to `input_schema`/],
    [{ messages, tools: [{ name: 'x', run: 'no' }] }, /`run` of the tool x must be a function/],
    [{ messages, tools, maxTurns: 0 }, /`maxTurns`/],
    [{ messages, tools, stream: true }, /it takes no `stream`/],
  ];
  for (const [options, told] of wrong)
    assert.throws(
      () => client.runTools(options),
      (error) => error instanceof ConfigError && told.test(error.message),
      String(told),
    );
  const standard = { '~standard': { version: 1, vendor: 'x', validate: (value: unknown) => ({ value }) } };
  const silent = [{ name: 'x', run, input: standard }];
  assert.throws(() => client.runTools({ ...asked, messages, tools: silent }), /can not say itself as JSON Schema/);
  assert.throws(
    () => tool({ name: 'x', run }),
    (error) => error instanceof ConfigError,
  );
});
