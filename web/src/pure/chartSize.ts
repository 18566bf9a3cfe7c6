/** How large a chart is. Pure. */

export interface ChartSize {
  /** How many columns of the grid it takes, and px. */
  columns: number;
  height: number;
}

/** How wide a column of a grid is and how far they lie apart, px, and how many there are. */
export interface GridRoom {
  width: number;
  gap: number;
  columns: number;
}

const LEAST_HEIGHT = 90;
const MOST_HEIGHT = 1200;

export const heightOf = (height: number): number => Math.round(Math.min(MOST_HEIGHT, Math.max(LEAST_HEIGHT, height)));

/** Return the size of a chart whose corner was dragged to so many pixels: whole columns, and any height. */
export function sizeAfter(width: number, height: number, room: GridRoom): ChartSize {
  const columns = Math.round((width + room.gap) / (room.width + room.gap));
  return { columns: Math.min(room.columns, Math.max(1, columns)), height: heightOf(height) };
}

/** Return the room of a grid that is so wide, of as many columns as are at least `least` wide. All px. */
export function roomIn(width: number, least: number, gap: number): GridRoom {
  const columns = Math.max(1, Math.floor((width + gap) / (Math.max(1, least) + gap)));
  return { width: (width - (columns - 1) * gap) / columns, gap, columns };
}

/** Return of how many columns a section is whose charts take so many each, one where nobody said more. */
export function columnsOf(charts: readonly (number | undefined)[], room: GridRoom): number {
  const wanted = charts.reduce<number>((sum, columns) => sum + (columns ?? 1), 0);
  return Math.min(room.columns, Math.max(1, wanted));
}
