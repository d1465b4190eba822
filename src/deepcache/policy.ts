/** When the deep part of the U-Net runs, as plain data: option, flags, PNG metadata and report all hold this. */
export type CachePolicy =
  | { readonly kind: "off" }
  | { readonly kind: "uniform"; readonly interval: number; readonly branch: number }
  | {
      readonly kind: "centered";
      readonly interval: number;
      readonly center: number;
      readonly power: number;
      readonly branch: number;
    }
  | { readonly kind: "quadratic"; readonly interval: number; readonly power: number; readonly branch: number }
  | { readonly kind: "steps"; readonly full: readonly number[]; readonly branch: number };

/** `policy` itself, or an error that says which of its settings is impossible and what is allowed. */
export function checkPolicy(policy: CachePolicy): CachePolicy {
  switch (policy.kind) {
    case "off":
      return policy;
    case "uniform":
      checkWhole("interval", policy.interval, 1);
      break;
    case "centered":
      checkWhole("interval", policy.interval, 1);
      checkWhole("center", policy.center, 0);
      checkPower(policy.power);
      break;
    case "quadratic":
      checkWhole("interval", policy.interval, 1);
      checkPower(policy.power, { least: 1 });
      break;
    case "steps":
      checkSteps(policy.full);
      break;
  }
  checkWhole("branch", policy.branch, 0);
  return policy;
}

/** Refuses a branch that a network with `skips` skip connections does not have. */
export function checkBranch(branch: number, skips: number): void {
  if (!Number.isInteger(branch) || branch < 0 || branch >= skips) {
    throw new RangeError(`Cannot cut at branch ${branch}: this network has branches 0 to ${skips - 1}`);
  }
}

type Kind = CachePolicy["kind"];
type Field = "interval" | "center" | "power" | "full" | "branch";

/** The fields of each kind, in the order in which they are written. */
const FIELDS = {
  off: [],
  uniform: ["interval", "branch"],
  centered: ["interval", "center", "power", "branch"],
  quadratic: ["interval", "power", "branch"],
  steps: ["full", "branch"],
} as const satisfies Record<Kind, readonly Field[]>;

const isKind = (value: unknown): value is Kind => typeof value === "string" && Object.hasOwn(FIELDS, value);

/** Plain data (JSON, a request, a flag's value) as a policy, or an error that names what is wrong with it. */
export function parsePolicy(data: unknown): CachePolicy {
  if (typeof data !== "object" || data === null || Array.isArray(data)) {
    throw new TypeError(`Cannot read a cache policy from ${shown(data)}: it must be an object with a "kind"`);
  }
  const { kind, ...values } = data as Record<string, unknown>;
  if (!isKind(kind)) {
    throw new TypeError(`Cannot read a cache policy of kind ${shown(kind)}: allowed are ${list(Object.keys(FIELDS))}`);
  }
  const fields: readonly string[] = FIELDS[kind];
  const unknown = Object.keys(values).find((name) => !fields.includes(name));
  if (unknown !== undefined) {
    throw new TypeError(`Cannot read "${unknown}" in a cache policy of kind "${kind}": it has ${list(fields)}`);
  }
  for (const name of fields) checkType(kind, name, values[name]);
  return checkPolicy({ kind, ...values } as CachePolicy);
}

/** One line for people and for image metadata, such as `interval=5, branch=0, mode=uniform`. */
export function formatPolicy(policy: CachePolicy): string {
  const values = policy as Partial<Record<Field, number | readonly number[]>>;
  const written = FIELDS[policy.kind].map((name) => {
    const value = values[name];
    return `${name}=${typeof value === "object" ? value.join(" ") : value}`;
  });
  return [...written, `mode=${policy.kind}`].join(", ");
}

/** Reads back what `formatPolicy` wrote. */
export function parsePolicyText(text: string): CachePolicy {
  const data: Record<string, unknown> = {};
  for (const part of text.split(",")) {
    const [, name, value] = /^\s*(\w+)\s*=\s*(.*?)\s*$/.exec(part) ?? [];
    if (name === undefined || value === undefined) {
      throw new TypeError(`Cannot read ${shown(part.trim())} in the cache policy ${shown(text)}: expected name=value`);
    }
    if (name === "mode") data["kind"] = value;
    else data[name] = name === "full" ? value.split(/\s+/).map(Number) : Number(value);
  }
  return parsePolicy(data);
}

function checkWhole(name: "interval" | "center" | "branch", value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least) {
    throw new RangeError(`Cannot use cache ${name} ${value}: it must be an integer of at least ${least}`);
  }
}

/** Larger powers than any use; the search for one that fits goes down from here in steps of 0.02. */
const LARGEST_POWER = 10;

/** Without a `least` power, which is allowed itself, it must be above 1. */
function checkPower(power: number, { least }: { readonly least?: number } = {}): void {
  if ((least === undefined ? power > 1 : power >= least) && power <= LARGEST_POWER) return;
  const from = least === undefined ? "above 1" : `at least ${least}`;
  throw new RangeError(`Cannot use cache power ${power}: it must be ${from} and at most ${LARGEST_POWER}`);
}

function checkSteps(full: readonly number[]): void {
  const increasing = full.every((step, i) => Number.isSafeInteger(step) && (i === 0 || step > full[i - 1]!));
  if (!increasing || full[0] !== 0) {
    throw new RangeError(
      `Cannot use full evaluations [${full.join(", ")}]: they must be increasing integers that start with 0, ` +
        "because the first evaluation has nothing cached",
    );
  }
}

function checkType(kind: Kind, name: string, value: unknown): void {
  const expected = name === "full" ? "an array of numbers" : "a number";
  const found = name === "full" ? Array.isArray(value) && value.every(isNumber) : isNumber(value);
  if (!found) {
    throw new TypeError(
      `Cannot read ${shown(value)} as "${name}" of a cache policy of kind "${kind}": it must be ${expected}`,
    );
  }
}

const isNumber = (value: unknown): value is number => typeof value === "number";
const shown = (value: unknown): string => JSON.stringify(value) ?? String(value);
const list = (names: readonly string[]): string =>
  names.length === 0 ? "no settings" : names.map((name) => `"${name}"`).join(", ");
