// No proxy at all: what the load generator and the simulator reach together.

export const missing = () => undefined;

export async function start({ upstream }) {
  return { url: upstream, headers: {}, pids: [], version: '', end: async () => {} };
}
