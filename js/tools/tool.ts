// A tool: what the model is told of it, and what is done when it is called. No network, no conversation.

import { kindOf, placed, config as wrong } from '../errors.js';
import { checked, type Schema } from '../schema.js';

/** As the service gives it: one with `run` is ours to call; without, it is the API's own. */
export interface Given {
  name?: unknown;
  description?: unknown;
  input?: unknown;
  input_schema?: unknown;
  run?: unknown;
  [member: string]: unknown;
}

/** What a tool is told besides its input. */
export interface Occasion {
  readonly id: string;
  readonly name: string;
  readonly turn: number;
  readonly signal: AbortSignal;
}

/** A block of the model's answer that calls a tool. */
export interface ToolUse {
  type: 'tool_use';
  id: string;
  name: string;
  input: unknown;
}

export interface ToolResult {
  type: 'tool_result';
  tool_use_id: string;
  content?: unknown;
  is_error?: true;
}

export interface Tools {
  /** As the API takes them. */
  readonly told: readonly object[];
  /** What the tool answers; what it throws is told to the model, and nobody else. */
  call(use: ToolUse, occasion: Occasion): Promise<ToolResult>;
}

interface Ours {
  schema: Schema | undefined;
  run: (input: unknown, occasion: Occasion) => unknown;
}

/** The tool itself, once it is known that it can be called: what it is given to has its types from it. */
export function tool(given: Given): Given {
  return placed(tool, () => {
    toolsOf([given]);
    return given;
  });
}

/** Refuses what could not be called before anything is sent. */
export function toolsOf(given: unknown): Tools {
  if (!Array.isArray(given) || given.length === 0) throw wrong('runTools() needs `tools`, a list of one or more');
  const ours = new Map<string, Ours>();
  const told = given.map((tool: Given, place) => {
    if (typeof tool !== 'object' || tool === null) throw wrong(`tool ${place} must be an object, got ${kindOf(tool)}`);
    const { name, input, run, ...rest } = tool;
    if (typeof name !== 'string' || name === '') throw wrong(`tool ${place} has no \`name\``);
    if (ours.has(name)) throw wrong(`two tools are called ${JSON.stringify(name)}`);
    if (run === undefined) return tool;
    if (typeof run !== 'function') throw wrong(`\`run\` of the tool ${name} must be a function, got ${kindOf(run)}`);
    const schema = input === undefined ? undefined : schemaOf(name, input);
    ours.set(name, { schema, run: run as Ours['run'] });
    return { name, ...rest, input_schema: rest.input_schema ?? jsonSchema(name, schema) };
  });
  return { told, call: (use, occasion) => call(ours.get(use.name), use, occasion) };
}

function schemaOf(name: string, given: unknown): Schema {
  const standard = (given as Partial<Schema> | null)?.['~standard'];
  if (typeof standard?.validate === 'function') return given as Schema;
  throw wrong(
    `\`input\` of the tool ${name} must be a schema that speaks Standard Schema, got ${kindOf(given)}; a JSON Schema goes to \`input_schema\``,
  );
}

interface Standard {
  jsonSchema?: { input?(options: { target: string }): Record<string, unknown> };
}

/** Many libraries can say what they check as JSON Schema (Standard JSON Schema); the API wants no more than that. */
function jsonSchema(name: string, schema: Schema | undefined): object {
  const converter = (schema?.['~standard'] as Standard | undefined)?.jsonSchema;
  if (typeof converter?.input !== 'function') {
    const why = schema ? 'its `input` can not say itself as JSON Schema' : 'it has neither `input` nor `input_schema`';
    throw wrong(`the model has to be told what the tool ${name} takes, and ${why}: give \`input_schema\``);
  }
  const { $schema: _draft, ...told } = converter.input({ target: 'draft-2020-12' });
  return told;
}

async function call(tool: Ours | undefined, use: ToolUse, occasion: Occasion): Promise<ToolResult> {
  const failed = (content: string): ToolResult => ({
    type: 'tool_result',
    tool_use_id: use.id,
    content,
    is_error: true,
  });
  if (tool === undefined) return failed(`there is no tool called ${use.name}`);
  try {
    const input = tool.schema ? await checked(tool.schema, use.input, (issues) => refused(issues)) : use.input;
    const content = contentOf(await tool.run(input, occasion));
    return { type: 'tool_result', tool_use_id: use.id, ...(content !== undefined && { content }) };
  } catch (error) {
    return failed(error instanceof Error && error.message ? error.message : String(error));
  }
}

/** The model wrote the input, so that it may hear what is wrong with it. */
function refused(issues: readonly { message: string; path?: unknown }[]): Error {
  const all = issues.map(({ message, path }) => {
    const place = Array.isArray(path) ? path.map((part) => String(part?.key ?? part)).join('.') : '';
    return place ? `${place}: ${message}` : message;
  });
  return new Error(`the input is not what this tool takes: ${all.join('; ')}`);
}

/** Text and blocks of content as they are, anything else as JSON. */
function contentOf(result: unknown): unknown {
  if (result === undefined || typeof result === 'string') return result;
  const blocks = Array.isArray(result) && result.length > 0 && result.every((one) => typeof one?.type === 'string');
  return blocks ? result : JSON.stringify(result);
}
