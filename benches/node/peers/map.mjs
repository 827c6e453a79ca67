// The floor of a cache hit: `await` over a bare Map keyed by JSON.stringify, with JSON.parse of the same answer.
export const load = async () => {};

export async function open({ url, headers, body }) {
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  const answers = new Map([[JSON.stringify(body), await response.text()]]);
  return { unary: async () => JSON.parse(await answers.get(JSON.stringify(body))).id };
}
