/** What was thrown, in words: anything can be thrown, also what cannot be made a string. */
export function words(thrown: unknown): string {
  try {
    return String(thrown instanceof Error ? thrown.message : thrown);
  } catch {
    return typeof thrown;
  }
}
