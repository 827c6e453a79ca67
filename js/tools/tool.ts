// A tool: what can be called, and what the model is told of it. No network, no conversation.

import { kindOf, placed, config as wrong } from '../errors.js';
import type { Schema } from '../schema.js';
import type { ToolUse } from './answer.js';
import { call, type Occasion, type Ours, type ToolResult } from './call.js';

/** As the service gives it: one with `run` is ours to call; without, it is the API's own. */
export interface Given {
  name?: unknown;
  description?: unknown;
  input?: unknown;
  input_schema?: unknown;
  run?: unknown;
  [member: string]: unknown;
}

export interface Tools {
  /** As the API takes them. */
  readonly told: readonly object[];
  call(use: ToolUse, occasion: Occasion): Promise<ToolResult>;
}

/** What other libraries call a schema. */
const SCHEMAS = ['inputSchema', 'parameters', 'schema'];

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
  const names = new Set<string>();
  const ours = new Map<string, Ours>();
  const told = given.map((tool: Given, place) => {
    if (typeof tool !== 'object' || tool === null) throw wrong(`tool ${place} must be an object, got ${kindOf(tool)}`);
    const { name, input, run, ...rest } = tool;
    const theirs = run === undefined && isTheirs(tool);
    // Some of the API's own have none.
    if (theirs && name === undefined) return tool;
    if (typeof name !== 'string' || name === '') throw wrong(`tool ${place} has no \`name\``);
    if (names.has(name)) throw wrong(`two tools are called ${JSON.stringify(name)}`);
    names.add(name);
    if (theirs) return tool;
    if (run === undefined) throw unrun(name, tool);
    if (typeof run !== 'function') throw wrong(`\`run\` of the tool ${name} must be a function, got ${kindOf(run)}`);
    const schema = input === undefined ? undefined : schemaOf(name, input);
    ours.set(name, { schema, run: run as Ours['run'] });
    return { name, ...rest, input_schema: rest.input_schema ?? jsonSchema(name, schema, rest) };
  });
  return { told, call: (use, occasion) => call(ours.get(use.name), use, occasion) };
}

/** Whether the API runs it. */
function isTheirs(tool: Given): boolean {
  return typeof tool['type'] === 'string' && tool['type'] !== 'custom' && foreign(tool) === undefined;
}

/** A member by which other libraries know what we call `run` or `input`. */
function foreign(tool: Given): string | undefined {
  const members = Object.keys(tool);
  const runs = members.find((member) => typeof tool[member] === 'function' && !isSchema(tool[member]));
  return runs ?? ['input', ...SCHEMAS].find((member) => tool[member] !== undefined);
}

/** What nobody runs would be called by the model all the same. */
function unrun(name: string, tool: Given): Error {
  const member = foreign(tool);
  const why = member ? `it has \`${member}\`` : "it is none of the API's own, which have a `type`";
  return wrong(`the tool ${name} has no \`run\`, and ${why}: what runs it goes to \`run\`, its schema to \`input\``);
}

function isSchema(given: unknown): given is Schema {
  return typeof (given as Partial<Schema> | null | undefined)?.['~standard']?.validate === 'function';
}

function schemaOf(name: string, given: unknown): Schema {
  if (isSchema(given)) return given;
  throw wrong(
    `\`input\` of the tool ${name} must be a schema that speaks Standard Schema, got ${kindOf(given)}; a JSON Schema goes to \`input_schema\``,
  );
}

interface Standard {
  jsonSchema?: { input?(options: { target: string }): Record<string, unknown> };
}

/** Many libraries can say what they check as JSON Schema (Standard JSON Schema); the API wants no more than that. */
function jsonSchema(name: string, schema: Schema | undefined, rest: Given): object {
  const converter = (schema?.['~standard'] as Standard | undefined)?.jsonSchema;
  if (typeof converter?.input !== 'function') {
    const why = schema ? 'its `input` can not say itself as JSON Schema' : 'it has neither `input` nor `input_schema`';
    const other = SCHEMAS.find((name) => rest[name] !== undefined);
    const where = other ? `\`input\`, or JSON Schema as \`input_schema\`, in place of \`${other}\`` : '`input_schema`';
    throw wrong(`the model has to be told what the tool ${name} takes, and ${why}: give ${where}`);
  }
  const { $schema: _draft, ...told } = converter.input({ target: 'draft-2020-12' });
  return told;
}
