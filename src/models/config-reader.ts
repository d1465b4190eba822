import { DeepCacheError } from "../errors/deepcache-error.ts";
import { LIMITS } from "../errors/limits.ts";

/** A model's config.json does not describe a model that this engine can build. */
export class ConfigError extends DeepCacheError {
  override readonly name = "ConfigError";

  constructor(message: string, options?: ErrorOptions) {
    super("MODEL_UNSUPPORTED", message, options);
  }
}

/** Typed access to the fields of a config.json; every refusal names the file, the field, what was found and required. */
export interface ConfigReader {
  readonly source: string;
  /** Whether the field is there and not null. */
  has(field: string): boolean;
  /** Whether the field is there and null. */
  isNull(field: string): boolean;
  /** Whether the field is an object. */
  isObject(field: string): boolean;
  /** Whether the field is one whole number. */
  isInteger(field: string): boolean;
  /** Whether the field is true itself, rather than a list that holds it. */
  isTrue(field: string): boolean;
  /** The entry of `table` that the field names. */
  choice<T>(field: string, table: Readonly<Record<string, T>>, fallback?: string): T;
  /** A whole number, from 1 to what any model has unless told otherwise. */
  integer(field: string, fallback?: number, range?: Range): number;
  number(field: string, fallback?: number): number;
  boolean(field: string, fallback?: boolean): boolean;
  string(field: string, fallback?: string): string;
  /** Positive whole numbers, as many as there are levels at most. */
  integers(field: string, fallback?: readonly number[], range?: Range): readonly number[];
  /** A list of `count` numbers. */
  numbers(field: string, count: number): readonly number[];
  strings(field: string, fallback?: readonly string[]): readonly string[];
  /** One entry per level: a list of `count` values, or one value for all levels. */
  perLevel<T>(field: string, count: number, accepts: (value: unknown) => value is T, fallback?: T): readonly T[];
  /** The object that the field holds, an empty one where it is missing. */
  section(field: string): ConfigReader;
  /** Refuses every value of `field` but these (a missing field is accepted). */
  only(field: string, allowed: readonly unknown[]): void;
  fail(field: string, required: string): never;
}

/** The least and the most that a whole number may be. */
export interface Range {
  readonly least?: number;
  readonly most?: number;
}

const { count: COUNT, levels: LEVELS, layers: LAYERS } = LIMITS.config;

/** Of layers in a level, in a block or in an encoder. */
export const LAYER_COUNT: Range = { most: LAYERS.most };

/** Of tokens that a text encoder sees at once: its mask grows with the square. */
export const POSITION_COUNT: Range = { most: LIMITS.config.positions.most };

/** Of the schedule that a model was trained with. */
export const TRAINING_STEPS: Range = { most: LIMITS.scheduler.timesteps.most };

const isInteger = (value: unknown): value is number => Number.isInteger(value);
const isWithin =
  ({ least = 1, most = COUNT.most }: Range = {}) =>
  (value: unknown): value is number =>
    isInteger(value) && value >= least && value <= most;

/** A count or size that a model may have. */
export const isPositive = isWithin();
/** A number of layers that a level or an encoder may have. */
export const isLayerCount = isWithin(LAYER_COUNT);
export const isBoolean = (value: unknown): value is boolean => typeof value === "boolean";
const isNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);
const isString = (value: unknown): value is string => typeof value === "string";
const listOf =
  <T>(accepts: (value: unknown) => value is T, most = LEVELS.most) =>
  (value: unknown): value is readonly T[] =>
    Array.isArray(value) && value.length <= most && value.every(accepts);

/** What is accepted for every level, for messages. */
const PER_LEVEL: ReadonlyMap<unknown, Range> = new Map([
  [isPositive, {}],
  [isLayerCount, LAYER_COUNT],
]);

/** Wraps a parsed config.json; `source` names it in errors. */
export function configReader(config: unknown, source: string): ConfigReader {
  if (typeof config !== "object" || config === null || Array.isArray(config)) {
    throw new ConfigError(`Cannot read config "${source}": it holds ${describe(config)} where an object is required`);
  }
  const fields = config as Readonly<Record<string, unknown>>;
  const fail = (field: string, required: string): never => {
    throw new ConfigError(
      `Cannot use config "${source}": "${field}" is ${describe(fields[field])} where ${required} is required`,
    );
  };
  /** Null is a value of its own: who may give it asks `has`. */
  const given = (field: string, fallback: unknown): unknown => (fields[field] === undefined ? fallback : fields[field]);
  const read = <T>(field: string, accepts: (value: unknown) => value is T, required: string, fallback?: T): T => {
    const value = given(field, fallback);
    return accepts(value) ? value : fail(field, required);
  };
  return {
    source,
    has: (field) => fields[field] !== undefined && fields[field] !== null,
    isNull: (field) => fields[field] === null,
    isObject: (field) => typeof fields[field] === "object" && fields[field] !== null && !Array.isArray(fields[field]),
    isInteger: (field) => isInteger(fields[field]),
    isTrue: (field) => fields[field] === true,
    choice(field, table, fallback) {
      const name = read(field, isString, oneOf(Object.keys(table)), fallback);
      return Object.hasOwn(table, name)
        ? (table[name] as (typeof table)[string])
        : fail(field, oneOf(Object.keys(table)));
    },
    integer(field, fallback, range = {}) {
      const required = isInteger(fields[field]) ? `a whole number ${rangeText(range)}` : "a whole number";
      return read(field, isWithin(range), required, fallback);
    },
    number: (field, fallback) => read(field, isNumber, "a number", fallback),
    boolean: (field, fallback) => read(field, isBoolean, "true or false", fallback),
    string: (field, fallback) => read(field, isString, "a text", fallback),
    integers(field, fallback, range = {}) {
      const isList = listOf(isInteger, COUNT.most)(fields[field]);
      const bounded = `a list of at most ${LEVELS.most} whole numbers ${rangeText(range)}`;
      return read(field, listOf(isWithin(range)), isList ? bounded : "a list of positive whole numbers", fallback);
    },
    numbers: (field, count) =>
      read(
        field,
        (value): value is readonly number[] => listOf(isNumber)(value) && value.length === count,
        `a list of ${count} numbers`,
      ),
    strings: (field, fallback) => read(field, listOf(isString, COUNT.most), "a list of texts", fallback),
    perLevel<T>(field: string, count: number, accepts: (value: unknown) => value is T, fallback?: T): readonly T[] {
      const value = given(field, fallback);
      if (accepts(value)) return Array.from({ length: count }, () => value);
      const range = isInteger(value) ? PER_LEVEL.get(accepts) : undefined;
      const required = `one ${range === undefined ? "value" : `whole number ${rangeText(range)}`}, or a list of ${count}, one for each level`;
      return listOf(accepts)(value) && value.length === count ? value : fail(field, required);
    },
    section: (field) => configReader(fields[field] ?? {}, `${source}: ${field}`),
    only(field, allowed) {
      const value = fields[field];
      if (value === undefined || value === null || allowed.includes(value)) return;
      fail(field, allowed.length === 0 ? "no value" : oneOf(allowed));
    },
    fail,
  };
}

const oneOf = (values: readonly unknown[]): string => values.map((value) => JSON.stringify(value)).join(" or ");

function describe(value: unknown): string {
  if (value === undefined) return "missing";
  const text = toJson(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

function toJson(value: unknown): string {
  try {
    return JSON.stringify(typeof value === "string" ? value.slice(0, 100) : value) ?? String(value);
  } catch {
    return "nested too deeply"; // YAML reads more depth than JSON.stringify writes
  }
}

const rangeText = ({ least = 1, most = COUNT.most }: Range): string => `from ${least} to ${most}`;
