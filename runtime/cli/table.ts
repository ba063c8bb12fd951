/**
 * A human table: a header and aligned columns; numbers stand on the right.
 *
 * Long lists are printed as they come: widths are those of the first page, a wider cell further down only pushes its
 * own line.
 */
import { safeText } from './units.ts';

export interface Column<Row> {
  readonly title: string;
  readonly align?: 'right';
  cell(row: Row): string | number;
}

/** Rows that are looked at before the widths are fixed. */
const rowsMeasured = 500;
const gap = '  ';

/** Lines without their final line end. */
export async function* tableLines<Row>(
  columns: readonly Column<Row>[],
  rows: AsyncIterable<Row> | Iterable<Row>,
): AsyncGenerator<string, void, undefined> {
  const waiting: string[][] = [];
  let widths: number[] | null = null;
  for await (const row of rows) {
    const cells = columns.map((column) => safeText(String(column.cell(row))));
    if (widths !== null) {
      yield line(columns, cells, widths);
      continue;
    }
    waiting.push(cells);
    if (waiting.length < rowsMeasured) continue;
    widths = measure(columns, waiting);
    yield* lines(columns, waiting.splice(0), widths);
  }
  if (widths === null && waiting.length > 0) yield* lines(columns, waiting, measure(columns, waiting));
}

function* lines<Row>(columns: readonly Column<Row>[], rows: readonly string[][], widths: readonly number[]) {
  yield line(
    columns,
    columns.map((column) => column.title),
    widths,
  );
  for (const cells of rows) yield line(columns, cells, widths);
}

function measure<Row>(columns: readonly Column<Row>[], rows: readonly string[][]): number[] {
  return columns.map((column, i) =>
    rows.reduce((width, cells) => Math.max(width, cells[i]?.length ?? 0), column.title.length),
  );
}

function line<Row>(columns: readonly Column<Row>[], cells: readonly string[], widths: readonly number[]): string {
  const padded = cells.map((cell, i) => {
    const width = widths[i] ?? 0;
    return columns[i]?.align === 'right' ? cell.padStart(width) : cell.padEnd(width);
  });
  return padded.join(gap).trimEnd();
}
