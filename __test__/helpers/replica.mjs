// One process of a service, which does what its parent tells it: its options come as JSON, its orders as messages.

import { createClient } from 'trae-native';

const client = createClient(JSON.parse(process.argv[2]));
const ask = (content) => ({ model: 'm', max_tokens: 64, messages: [{ role: 'user', content }] });
const session = (id) => client.session(id, { model: 'm', lease: 1000, busyTimeout: 20_000 });

const orders = {
  /** So many equal calls at once: what the cache had to do with each, or how it failed. */
  equal: (content, count) => settled(count, async () => (await client.post('/v1/messages', ask(content))).cache),
  /** Calls one after the other, so many in flight, for a time; says how many passed and how the others failed. */
  flood: async (ms, inFlight) => {
    const [until, failed] = [Date.now() + ms, {}];
    let passed = 0;
    const worker = async () => {
      while (Date.now() < until)
        await client.post('/v1/messages', ask(`${Math.random()}`)).then(
          () => passed++,
          ({ code, message }) => {
            failed[code ?? message] = (failed[code ?? message] ?? 0) + 1;
          },
        );
    };
    await Promise.all(Array.from({ length: inFlight }, worker));
    return { passed, failed };
  },
  /** Turns one after the other; says which were acknowledged. */
  turns: async (id, texts) => {
    const acknowledged = [];
    for (const text of texts)
      await session(id)
        .send(text)
        .then(
          () => acknowledged.push(text),
          () => {},
        );
    return acknowledged;
  },
  history: (id) => session(id).history(),
  /** A call that begins and is never waited for. */
  begin: async (content) => {
    client.post('/v1/messages', ask(content)).catch(() => {});
  },
  speak: async (id, text) => {
    session(id)
      .send(text)
      .catch(() => {});
  },
};

function settled(count, call) {
  return Promise.all(Array.from({ length: count }, () => call().catch((error) => error.code ?? String(error))));
}

process.on('message', async ({ number, order, given }) => {
  try {
    process.send({ number, value: await orders[order](...given) });
  } catch (error) {
    process.send({ number, failed: String(error) });
  }
});
process.send({ number: 0 });
