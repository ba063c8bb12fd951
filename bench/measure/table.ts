/** Rows of cells as text in columns: the first column to the left, numbers to the right. */

export type Cell = string | number;

/** @param heads one title a column; every row must have as many cells */
export function formatTable(heads: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const texts = [heads, ...rows.map((row) => row.map(formatCell))];
  const widths = heads.map((_, column) => Math.max(...texts.map((row) => (row[column] ?? '').length)));
  const isText = heads.map((_, column) => rows.every((row) => typeof row[column] === 'string'));
  const lines = texts.map((row) =>
    row
      .map((text, column) => {
        const width = widths[column] as number;
        return isText[column] ? text.padEnd(width) : text.padStart(width);
      })
      .join('  ')
      .trimEnd(),
  );
  lines.splice(1, 0, widths.map((width) => '-'.repeat(width)).join('  '));
  return lines.join('\n');
}

/** Three digits that count: 0.0123, 1.23, 45.6, 7890. A missing number is a dash. */
export function formatCell(cell: Cell): string {
  if (typeof cell === 'string') return cell;
  if (!Number.isFinite(cell)) return '-';
  const size = Math.abs(cell);
  if (size >= 100 || Number.isInteger(cell)) return cell.toFixed(0);
  if (size >= 10) return cell.toFixed(1);
  return size >= 1 ? cell.toFixed(2) : cell.toPrecision(3);
}
