/** Cuts a stream into lines of bearable length; each byte is looked at once. */
export interface LineCutter {
  /** Gives the lines that a piece completed; undefined once one is too long: nothing after it can be trusted. */
  push(piece: Buffer): Buffer[] | undefined;
}

export function createLineCutter(longest: number): LineCutter {
  let held: Buffer[] = [];
  let size = 0;
  return {
    push(piece) {
      const lines: Buffer[] = [];
      let from = 0;
      for (let end = piece.indexOf(0x0a); end >= 0; end = piece.indexOf(0x0a, from)) {
        const rest = piece.subarray(from, end);
        if (size + rest.length > longest) return undefined;
        lines.push(held.length === 0 ? rest : Buffer.concat([...held, rest], size + rest.length));
        held = [];
        size = 0;
        from = end + 1;
      }
      if (from < piece.length) {
        held.push(piece.subarray(from));
        size += piece.length - from;
      }
      return size > longest ? undefined : lines;
    },
  };
}
