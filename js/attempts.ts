// The attempts behind an answer or an error.

/** What one attempt came to. */
export interface Attempt {
  status?: number;
  code?: string;
  waitedMs: number;
  tookMs: number;
}

/** As Rust lists it. */
export interface Listed {
  status: number | null;
  code: string | null;
  waitedMs: number;
  tookMs: number;
}

/** Attempts as they crossed: what is not known is left out. */
export function attempts(listed: readonly Listed[]): Attempt[] {
  return listed.map(({ status, code, waitedMs, tookMs }) => ({
    ...(status != null && { status }),
    ...(code != null && { code }),
    waitedMs,
    tookMs,
  }));
}
