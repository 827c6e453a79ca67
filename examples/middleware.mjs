// Middlewares of both kinds in one list: what stands above retry() sees the call, what stands below each attempt.
//   node examples/middleware.mjs

import { createClient, retry } from 'trae-native';
import { createSimulator } from 'trae-native/simulator';

const simulator = await createSimulator();
simulator.reply([{ status: 529 }, { status: 503 }, { text: 'Third time lucky.' }]);

const client = createClient({ baseURL: simulator.url, proxy: false })
  .use(async function call(req, next) {
    const res = await next();
    console.log(`${req.method} ${req.url}: ${res.status} after ${res.attempts} attempts`);
    return res;
  })
  .use(retry({ maxRetries: 3, base: 10 }))
  .before(function attempt(req) {
    console.log(`attempt ${req.attempt}`);
  });

console.log(client.inspect());
const ask = { model: 'any', max_tokens: 9, messages: [{ role: 'user', content: 'Hi' }] };
const { data } = await client.post('/v1/messages', ask);
console.log(data.content[0].text);
await client.close();
await simulator.close();
