// What somebody's code has thrown.

/** Lets what somebody's listener threw surface on its own: it is no call's, and keeps nobody from the rest. */
export function surface(thrown: unknown): void {
  queueMicrotask(() => {
    throw thrown;
  });
}

/** What was thrown, in words: anything can be thrown, also what cannot be made a string. */
export function words(thrown: unknown): string {
  try {
    return String(thrown instanceof Error ? thrown.message : thrown);
  } catch {
    return typeof thrown;
  }
}
