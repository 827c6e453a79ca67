// The attempts behind an answer or an error.

/** What one attempt came to. */
export interface Attempt {
  status?: number;
  code?: string;
  target?: string;
  key?: string;
  waitedMs: number;
  tookMs: number;
}

/** As Rust lists it. */
export interface Listed {
  status: number | null;
  code: string | null;
  waitedMs: number;
  tookMs: number;
  target: string | null;
  key: string | null;
}

/** Attempts as they crossed: what is not known is left out. */
export function attempts(listed: readonly Listed[]): Attempt[] {
  return listed.map(({ status, code, waitedMs, tookMs, target, key }) => ({
    ...(status != null && { status }),
    ...(code != null && { code }),
    ...(target != null && { target }),
    ...(key != null && { key }),
    waitedMs,
    tookMs,
  }));
}
