/**
 * The part of a growing output that is kept: bytes `from` up to `end`, as text and as a terminal's lines. It grows at both
 * ends and gives way at the other one, so that it never takes more than so much memory. Pure.
 */

import { Terminal } from "./ansi";
import { mergePiece, type Piece } from "./bytes";

/** Pieces that are smaller are put together; what gives way does so by pieces. */
const PIECE = 131_072;

interface Kept extends Piece {
  /** The number of the line that the piece begins in. */
  line: number;
}

export class TextWindow {
  terminal = new Terminal();
  private pieces: Kept[] = [];

  /** Begin with this piece. maxBytes, maxLines: what is kept at most, give or take a piece. */
  constructor(
    first: Piece,
    private readonly maxBytes: number,
    private readonly maxLines: number,
  ) {
    this.rebuild([first], 0);
  }

  get from(): number {
    return this.pieces[0]!.from;
  }

  get end(): number {
    return this.pieces[this.pieces.length - 1]!.to;
  }

  get bytes(): number {
    return this.end - this.from;
  }

  /** Add what a piece holds beyond the end; tell whether it touched the end, or what lies between is missing. */
  append(piece: Piece): boolean {
    const merge = mergePiece(this.end, piece);
    if (merge.kind === "gap") return false;
    if (merge.kind === "known") return true;
    const last = this.pieces[this.pieces.length - 1]!;
    const begin = this.end;
    if (last.to - last.from + merge.to - this.end <= PIECE) {
      last.text += merge.text;
      last.to = merge.to;
    } else this.pieces.push({ text: merge.text, from: this.end, to: merge.to, line: this.terminal.place });
    this.terminal.write(merge.text, begin);
    return true;
  }

  /** Put a piece that ends where the window begins in front; what is too much then goes from the end. */
  prepend(piece: Piece): void {
    const before = this.pieces[0]!;
    const pieces: Piece[] = [piece, ...this.pieces];
    for (let bytes = this.end - piece.from; pieces.length > 2 && bytes > this.maxBytes; ) {
      const gone = pieces.pop()!;
      bytes -= gone.to - gone.from;
    }
    this.rebuild(pieces, 0);
    // What was there keeps the numbers of its lines.
    const shift = before.line - this.pieces[1]!.line;
    this.terminal.renumber(this.terminal.first + shift);
    for (const one of this.pieces) one.line += shift;
  }

  /** Let go of the oldest text that is too much. */
  trim(): void {
    while (this.pieces.length > 1 && (this.bytes > this.maxBytes || this.terminal.length > this.maxLines)) {
      this.pieces.shift();
      this.terminal.drop(this.pieces[0]!.line);
    }
  }

  private rebuild(pieces: readonly Piece[], number: number): void {
    this.terminal = new Terminal(number, pieces[0]!.from);
    this.pieces = [];
    for (const { from, to, text } of pieces) {
      this.pieces.push({ from, to, text, line: this.terminal.place });
      this.terminal.write(text, from);
    }
    // The first line is most likely cut when there is more before it.
    if (this.from > 0 && pieces[0]!.text.includes("\n")) this.terminal.drop(number + 1);
  }
}
