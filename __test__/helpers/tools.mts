// What a model answers that calls tools, and what it was asked.

import type { MessageRequest } from 'trae-native';
import type { Reply, Simulator } from 'trae-native/simulator';
import { message } from './simulator.mts';

export const { messages, ...asked } = message('What is the weather?') as Pick<
  MessageRequest,
  'messages' | 'model' | 'max_tokens'
>;

// biome-ignore lint/suspicious/noExplicitAny: bodies as a test takes them apart
export const bodies = (simulator: Simulator): any[] => simulator.received.map((request) => request.json());

export interface Use {
  name: string;
  /** A text is what the model wrote, JSON or not. */
  input?: object | string;
}

/** An answer that says a text and calls these tools. */
export function answer(text: string, uses: Use[] = [], stop = uses.length > 0 ? 'tool_use' : 'end_turn'): Reply {
  const start = { id: 'msg', type: 'message', role: 'assistant', model: 'm', content: [], stop_reason: null };
  const blocks = uses.flatMap(({ name, input = {} }, at) => {
    const index = at + 1;
    const block = { type: 'tool_use', id: `use-${at}`, name, input: {} };
    const json = typeof input === 'string' ? input : JSON.stringify(input);
    const half = json.length >> 1;
    return [
      { type: 'content_block_start', index, content_block: block },
      ...[json.slice(0, half), json.slice(half)].map((partial_json) => ({
        type: 'content_block_delta',
        index,
        delta: { type: 'input_json_delta', partial_json },
      })),
      { type: 'content_block_stop', index },
    ];
  });
  return {
    transcript: [
      { type: 'message_start', message: { ...start, usage: { input_tokens: 10, output_tokens: 1 } } },
      { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } },
      { type: 'content_block_stop', index: 0 },
      ...blocks,
      { type: 'message_delta', delta: { stop_reason: stop, stop_sequence: null }, usage: { output_tokens: 5 } },
      { type: 'message_stop' },
    ],
  };
}
