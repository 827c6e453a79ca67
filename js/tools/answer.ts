// What the model has answered: the calls in it, and the turn as it can be sent back. No network, no tools.

/** A block of the model's answer that calls a tool. */
export interface ToolUse {
  type: 'tool_use';
  id: string;
  name: string;
  /** An object; text that is no JSON where the model was cut off, or wrote none. */
  input: unknown;
}

export interface Answer {
  content?: { type?: unknown; input?: unknown }[];
  stop_reason?: unknown;
  usage?: Record<string, unknown>;
}

export function usesOf({ content }: Answer): ToolUse[] {
  return (content ?? []).filter(({ type }) => type === 'tool_use') as unknown as ToolUse[];
}

/** A copy: the answer is its reader's, who may change it. The API takes no input back that is no object. */
export function turnOf({ content }: Answer): object {
  const blocks = structuredClone(content ?? []);
  for (const block of blocks) if ('input' in block && !isInput(block.input)) block.input = {};
  return { role: 'assistant', content: blocks };
}

export function isInput(input: unknown): input is object {
  return typeof input === 'object' && input !== null && !Array.isArray(input);
}
