// A stream, printed as it comes; Ctrl+C ends the transfer.
//   ANTHROPIC_API_KEY=… node examples/stream.mjs "Tell me a story."

import { createClient } from 'trae-native';

const claude = createClient({
  baseURL: process.env.ANTHROPIC_BASE_URL ?? 'https://api.anthropic.com/v1',
  headers: { 'x-api-key': process.env.ANTHROPIC_API_KEY, 'anthropic-version': '2023-06-01' },
  timeout: { firstEvent: 60_000, idle: 60_000 },
});
const leave = new AbortController();
process.once('SIGINT', () => leave.abort(new Error('interrupted')));

const stream = await claude.stream(
  '/messages',
  {
    model: process.env.CLAUDE_MODEL ?? 'claude-sonnet-5',
    max_tokens: 1000,
    messages: [{ role: 'user', content: process.argv[2] ?? 'Tell me a story.' }],
    stream: true,
  },
  { signal: leave.signal },
);
for await (const event of stream)
  if (event.type === 'content_block_delta') process.stdout.write(event.delta.text ?? '');
console.log();
await claude.close();
