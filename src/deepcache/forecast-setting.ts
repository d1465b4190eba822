import { readNumber, type Setting } from "./setting.ts";

/**
 * How the trunk's result is forecast where it does not run: from its last two results, along the line through them. It is
 * damped by one number, or each evaluation of the run has a factor of its own (0 where it is full).
 */
export type Forecast = { readonly damping: number } | { readonly factors: readonly number[] };

/** Farther than any line is followed. */
const LARGEST_FACTOR = 100;

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function isForecast(value: unknown): value is Forecast {
  if (!isObject(value) || Object.keys(value).length !== 1) return false;
  const { damping, factors } = value;
  if (damping !== undefined) return typeof damping === "number";
  return Array.isArray(factors) && factors.every((factor) => typeof factor === "number");
}

/** The setting `forecast`: `+forecast:0.75` in text, or `+forecast:0/0/0.4/0.6` with a factor for each evaluation. */
export const forecastSetting: Setting<Forecast> = {
  form: {
    data: 'an object with either "damping", a number, or "factors", an array of numbers',
    text: "a damping such as 0.75, or a factor for each evaluation such as 0/0/0.4",
  },
  optional: true,
  example: "DAMPING",
  is: isForecast,
  check(value) {
    if ("damping" in value) {
      if (value.damping >= 0 && value.damping <= 1) return;
      throw new RangeError(`Cannot use the forecast damping ${value.damping}: it must be from 0 (a copy) to 1`);
    }
    const { factors } = value;
    if (factors.length < 2) {
      throw new RangeError(
        `Cannot use ${factors.length} forecast factors: one for each evaluation is required, and at least 2`,
      );
    }
    const wrong = factors.find((factor) => !(Math.abs(factor) <= LARGEST_FACTOR));
    if (wrong === undefined) return;
    throw new RangeError(
      `Cannot use the forecast factor ${wrong}: it must be from -${LARGEST_FACTOR} to ${LARGEST_FACTOR}`,
    );
  },
  read(text) {
    const values = text.split("/").map((item) => readNumber(item.trim()));
    if (!values.every((value) => value !== undefined)) return undefined;
    const [damping = 0, ...others] = values;
    return others.length === 0 ? { damping } : { factors: values };
  },
  write: (value) => ("damping" in value ? String(value.damping) : value.factors.join("/")),
};
