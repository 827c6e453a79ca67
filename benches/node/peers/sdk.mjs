// The peer `sdk`: the official Anthropic SDK as its README uses it, without retries.
export const load = () => import('@anthropic-ai/sdk');

export const open = (setup) => sdkOn({}, setup);

/** The SDK with options of the caller's, so that another peer can hand it a `fetch`. */
export async function sdkOn(options, { origin, headers, body, streamBody }) {
  const { default: Anthropic } = await load();
  const client = new Anthropic({
    apiKey: headers['x-api-key'],
    baseURL: origin,
    defaultHeaders: headers,
    maxRetries: 0,
    ...options,
  });
  return {
    unary: async () => (await client.messages.create(body)).id,
    stream: async (onEvent) => {
      for await (const event of await client.messages.create(streamBody)) onEvent(event);
    },
  };
}
