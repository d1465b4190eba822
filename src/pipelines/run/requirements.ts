/** Refuses what is not a whole number in the range. */
export function requireWhole(name: string, value: number, least: number, most = Number.MAX_SAFE_INTEGER): void {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return;
  const range = most === Number.MAX_SAFE_INTEGER ? `from ${least}` : `from ${least} to ${most}`;
  throw new RangeError(`Cannot generate with ${name} ${value}: a whole number ${range} is required`);
}

/** Refuses what is not a positive multiple of `factor`. */
export function requireMultiple(name: string, value: number, factor: number): void {
  if (Number.isInteger(value) && value > 0 && value % factor === 0) return;
  throw new RangeError(`Cannot generate with ${name} ${value}: a positive multiple of ${factor} is required`);
}

/** Refuses texts that hold half of a character (a lone surrogate), of which no tokenizer can tell what is meant. */
export function requireCharacters(name: string, texts: readonly string[]): void {
  const broken = texts.find((text) => !text.isWellFormed());
  if (broken === undefined) return;
  const place = broken.search(/\p{Surrogate}/u);
  throw new RangeError(
    `Cannot generate with ${name} ${JSON.stringify(broken.slice(Math.max(0, place - 20), place + 20))}: ` +
      `character ${place + 1} is half of a surrogate pair, whole characters are required`,
  );
}

/** Refuses what is not a finite number. */
export function requireNumber(name: string, value: number): void {
  if (Number.isFinite(value)) return;
  throw new RangeError(`Cannot generate with ${name} ${value}: a number is required`);
}

/** Refuses what is not a finite number in the range. */
export function requireRange(name: string, value: number, least: number, most = Number.POSITIVE_INFINITY): void {
  if (Number.isFinite(value) && value >= least && value <= most) return;
  const range = most === Number.POSITIVE_INFINITY ? `of at least ${least}` : `from ${least} to ${most}`;
  throw new RangeError(`Cannot generate with ${name} ${value}: a number ${range} is required`);
}
