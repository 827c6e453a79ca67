// Values that stay here while what stands for them passes through Rust: the mirror of src/node/held.rs.

const held = new Map<number, unknown>();
let last = 0;

/** Holds a value until Rust says that nothing stands for it any more. */
export function hold(value: unknown): number {
  do last = (last % 0xffff_ffff) + 1;
  while (held.has(last));
  held.set(last, value);
  return last;
}

/** The value; a number below zero gives it back, and then it is held no longer. */
export function heldAs(number: number): unknown {
  const value = held.get(Math.abs(number));
  if (number < 0) held.delete(-number);
  return value;
}

export function drop(number: number): void {
  held.delete(number);
}

/** For tests: what is held now. */
export const holding = (): number => held.size;
