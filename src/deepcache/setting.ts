/** One setting of a cache policy: what it may be, and how it stands in text. */
export interface Setting<T> {
  /** What it is in data and in text, for messages. */
  readonly form: { readonly data: string; readonly text: string };
  /** What it is where it is left out; one without a fallback has to be given. */
  readonly fallback?: T;
  /** Left out of data where it is not given; in text it stands behind the others by its name, as in `+warmup:2`. */
  readonly optional?: boolean;
  /** Of an optional setting: the value that its absence means. */
  readonly absent?: T;
  /** An example that the syntax shows in place of its name. */
  readonly example?: string;
  /** Whether data is of its type. */
  is(value: unknown): value is T;
  /** Refuses a value of the right type that is impossible. */
  check(value: T, name: string): void;
  /** Its value in text; nothing where the text is of another form. */
  read(text: string): T | undefined;
  write(value: T): string;
}

const isNumber = (value: unknown): value is number => typeof value === "number";

/** A finite number as text has it; nothing where the text is none. */
export function readNumber(text: string): number | undefined {
  const value = Number(text);
  return text === "" || !Number.isFinite(value) ? undefined : value;
}

const NUMBER = {
  form: { data: "a number", text: "a number" },
  is: isNumber,
  read: readNumber,
  write: String,
};

/** A whole number of at least `least`. */
export const whole = (
  least: number,
  options: Pick<Setting<number>, "fallback" | "optional" | "absent"> = {},
): Setting<number> => ({
  ...NUMBER,
  ...options,
  check(value, name) {
    if (Number.isSafeInteger(value) && value >= least) return;
    throw new RangeError(`Cannot use cache ${name} ${value}: it must be an integer of at least ${least}`);
  },
});

/** Larger than any use; the search for a power that fits goes down from here in steps of 0.02. */
const LARGEST_POWER = 10;

/** How much denser a schedule is at its densest: above 1, or 1 as well. */
export const power = (from: "above 1" | "at least 1"): Setting<number> => ({
  ...NUMBER,
  check(value, name) {
    if ((from === "above 1" ? value > 1 : value >= 1) && value <= LARGEST_POWER) return;
    throw new RangeError(`Cannot use cache ${name} ${value}: it must be ${from} and at most ${LARGEST_POWER}`);
  },
});

/** Evaluations in increasing order, the first of them 0. */
export const evaluationList: Setting<readonly number[]> = {
  form: { data: "an array of numbers", text: "a list such as 0/10/20" },
  example: "0/10/20",
  is: (value): value is readonly number[] => Array.isArray(value) && value.every(isNumber),
  check(value) {
    const isIncreasing = value.every((item, i) => Number.isSafeInteger(item) && (i === 0 || item > value[i - 1]!));
    if (isIncreasing && value[0] === 0) return;
    throw new RangeError(
      `Cannot use full evaluations [${value.join(", ")}]: they must be increasing integers that start with 0, ` +
        "because the first evaluation has nothing cached",
    );
  },
  read(text) {
    const items = text.split("/").map(readNumber);
    return items.every(isNumber) ? items : undefined;
  },
  write: (value) => value.join("/"),
};
