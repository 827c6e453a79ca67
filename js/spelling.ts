// What was meant by a name that is written otherwise. Apart from all else: the command takes this file for itself.

/** As the engine does it: a third of a name may be otherwise. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  let found: { option: string; distance: number } | undefined;
  for (const option of known) {
    const most = Math.floor(Math.max(option.length, name.length) / 3);
    // Long names are not worth comparing: they are too far from all.
    if (Math.abs(option.length - name.length) > most) continue;
    const distance = edits(name.toLowerCase(), option.toLowerCase());
    if (distance <= most && distance < (found?.distance ?? Infinity)) found = { option, distance };
  }
  return found?.option;
}

/** How many letters have to be put in, left out, replaced or swapped with their neighbour. */
function edits(from: string, to: string): number {
  let before: number[] = [];
  let row = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (let i = 1; i <= from.length; i++) {
    const above = row;
    row = [i];
    for (let j = 1; j <= to.length; j++) {
      const same = from[i - 1] === to[j - 1] ? 0 : 1;
      let least = Math.min(at(above, j) + 1, at(row, j - 1) + 1, at(above, j - 1) + same);
      const swapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      if (swapped) least = Math.min(least, at(before, j - 2) + 1);
      row.push(least);
    }
    before = above;
  }
  return at(row, to.length);
}

const at = (row: readonly number[], place: number): number => row[place] as number;
