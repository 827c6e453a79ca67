// A plain call, with retries and a key that goes to the API's own origin only.
//   ANTHROPIC_API_KEY=… node examples/call.mjs "Say hello."

import { auth, createClient, idempotencyKey, retry } from 'trae-native';

const claude = createClient({
  baseURL: process.env.ANTHROPIC_BASE_URL ?? 'https://api.anthropic.com/v1',
  headers: { 'anthropic-version': '2023-06-01' },
})
  .use(retry({ maxRetries: 4 }))
  .use(idempotencyKey())
  .use(auth({ value: process.env.ANTHROPIC_API_KEY ?? '' }));

const { data, attempts, requestId } = await claude.post('/messages', {
  model: process.env.CLAUDE_MODEL ?? 'claude-sonnet-5',
  max_tokens: 300,
  messages: [{ role: 'user', content: process.argv[2] ?? 'Say hello.' }],
});
console.log(data.content[0].text);
console.error(`${attempts} attempt(s), ${requestId}`);
await claude.close();
