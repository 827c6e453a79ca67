// What becomes of a call: the tool's result, or what went wrong, told to the model so that it can do better.

import { kindOf } from '../errors.js';
import { checked, type Schema } from '../schema.js';
import { words } from '../words.js';
import { isInput, type ToolUse } from './answer.js';

/** What a tool is told besides its input. */
export interface Occasion {
  readonly id: string;
  readonly name: string;
  readonly turn: number;
  readonly signal: AbortSignal;
}

export interface ToolResult {
  type: 'tool_result';
  tool_use_id: string;
  content?: unknown;
  is_error?: true;
}

/** A tool that this process runs. */
export interface Ours {
  schema: Schema | undefined;
  run: (input: unknown, occasion: Occasion) => unknown;
}

/** What is quoted to the model of an input that it wrote: enough to see where it went wrong. */
const QUOTED = 500;

/** What the tool answers; what it throws, whatever that is, is told to the model and nobody else. */
export async function call(tool: Ours | undefined, use: ToolUse, occasion: Occasion): Promise<ToolResult> {
  const result = { type: 'tool_result', tool_use_id: use.id } as const;
  try {
    if (tool === undefined) throw new Error(`there is no tool called ${use.name}`);
    const given = inputOf(use.input);
    const input = tool.schema ? await checked(tool.schema, given, refused) : given;
    const content = contentOf(await tool.run(input, occasion));
    return { ...result, ...(content !== undefined && { content }) };
  } catch (error) {
    return { ...result, content: words(error) || 'the tool failed, and did not say why', is_error: true };
  }
}

/** A copy: what a tool does to its input must not change what the model is told that it said. */
function inputOf(input: unknown): object {
  if (isInput(input)) return structuredClone(input);
  if (typeof input !== 'string') throw new Error(`the input must be a JSON object, got ${kindOf(input)}`);
  const quoted = input.length > QUOTED ? `${input.slice(0, QUOTED)}…` : input;
  throw new Error(`the input was not valid JSON of an object, and the tool was not run; the input was: ${quoted}`);
}

/** The model wrote the input, so that it may hear what is wrong with it. */
function refused(issues: readonly unknown[]): Error {
  return new Error(`the input is not what this tool takes: ${issues.map(issueOf).join('; ')}`);
}

/** As far as it can be read: a schema of nobody's library may have put anything there. */
function issueOf(issue: unknown): string {
  const { message, path } = Object(issue) as { message?: unknown; path?: unknown };
  const told = typeof message === 'string' && message !== '' ? message : 'it is not valid';
  const place = Array.isArray(path) ? path.map((part) => String(part?.key ?? part)).join('.') : '';
  return place ? `${place}: ${told}` : told;
}

/** Text and blocks of content as they are, anything else as JSON. */
function contentOf(result: unknown): unknown {
  if (result === undefined || typeof result === 'string') return result;
  const json = JSON.stringify(result);
  const blocks = Array.isArray(result) && result.length > 0 && result.every((one) => typeof one?.type === 'string');
  // What can't be sent is the tool's failure, and not that of the call which would send it.
  return blocks ? JSON.parse(json) : json;
}
