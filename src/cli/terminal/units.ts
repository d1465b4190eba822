/** 338.83 G and the like. */
export function giga(count: number): string {
  return `${(count / 1e9).toFixed(count >= 1e12 ? 1 : count >= 1e9 ? 2 : 3)} G`;
}

export const millions = (count: number): string => `${(count / 1e6).toFixed(2)} M`;

export const secondsText = (seconds: number): string =>
  seconds < 10 ? `${seconds.toFixed(2)} s` : `${seconds.toFixed(1)} s`;

/** Columns of text, the first flush left and the others flush right. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  return rows
    .map((row) =>
      row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join("  "),
    )
    .join("\n");
}

/** 3.94 GiB, or 213 MiB below one. */
export const gibibytes = (bytes: number): string =>
  bytes >= 2 ** 30 ? `${(bytes / 2 ** 30).toFixed(2)} GiB` : `${(bytes / 2 ** 20).toFixed(0)} MiB`;

/** 12.3 MB/s. */
export const rateText = (bytesPerSecond: number): string =>
  `${(bytesPerSecond / 1e6).toFixed(bytesPerSecond < 1e8 ? 1 : 0)} MB/s`;
