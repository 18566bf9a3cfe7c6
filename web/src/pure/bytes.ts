/** Pieces of one growing text, told by byte offsets: append what is new, drop what is known, notice what is missing. Pure. */

export interface Piece {
  from: number;
  to: number;
  text: string;
}

export type Merge =
  | { kind: "append"; text: string; to: number }
  | { kind: "known" }
  | { kind: "gap"; from: number; to: number };

/** Return how many bytes a character takes in UTF-8. */
export const utf8Bytes = (point: number): number => (point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4);

/** Return how many bytes a text takes in UTF-8. */
export function utf8Length(text: string): number {
  let bytes = 0;
  for (const char of text) bytes += utf8Bytes(char.codePointAt(0)!);
  return bytes;
}

/** Return what the piece adds to a text that is known up to byte `end`. */
export function mergePiece(end: number, piece: Piece): Merge {
  if (piece.to <= end) return { kind: "known" };
  if (piece.from > end) return { kind: "gap", from: end, to: piece.from };
  if (piece.from === end) return { kind: "append", text: piece.text, to: piece.to };
  const bytes = new TextEncoder().encode(piece.text);
  return { kind: "append", text: new TextDecoder().decode(bytes.subarray(end - piece.from)), to: piece.to };
}
