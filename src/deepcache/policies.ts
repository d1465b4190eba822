import { nearNames } from "../errors/near-names.ts";
import { currentKind, currentWord, formerData } from "./former-policies.ts";
import { centered } from "./policies/centered.ts";
import { listed } from "./policies/listed.ts";
import { off } from "./policies/off.ts";
import { quadratic } from "./policies/quadratic.ts";
import { uniform } from "./policies/uniform.ts";
import type { PolicyKind, SharedSettings } from "./policy-kind.ts";
import type { Setting } from "./setting.ts";

/** Every kind of cache policy, by the word that names it in data and text. */
export const POLICIES = { off, uniform, centered, quadratic, listed } as const;

type Kinds = typeof POLICIES;
/** The name of a kind of cache policy. */
export type PolicyName = keyof Kinds;
type SettingsOf<K extends PolicyName> = Parameters<Kinds[K]["full"]>[0];
type Plain<T> = { readonly [K in keyof T]: T[K] };
type Optional<T> = { readonly [K in keyof T]?: T[K] | undefined };
type WithDefaults<S> = S extends SharedSettings ? Omit<S, keyof SharedSettings> & Optional<SharedSettings> : S;

/**
 * When the deep part of the U-Net runs, and what stands in for it where it does not, as plain data: results, reports and
 * JSON hold this.
 */
export type CachePolicy = { [K in PolicyName]: Plain<{ kind: K } & SettingsOf<K>> }[PolicyName];

/** A cache policy as it may be given: `branch` is 0 where it is left out. */
export type CachePolicyInput = { [K in PolicyName]: Plain<{ kind: K } & WithDefaults<SettingsOf<K>>> }[PolicyName];

/** What the option `cache` takes: an interval, a text such as `centered:5:15:1.4`, or a policy as data. */
export type CacheOption = number | string | CachePolicyInput;

// The same table for code that does not know which kind it has.
const KINDS: Readonly<Record<PolicyName, PolicyKind<Record<string, unknown>>>> = POLICIES;
const isPolicyName = (name: unknown): name is PolicyName => typeof name === "string" && Object.hasOwn(KINDS, name);

/** The words that name the kinds. */
export const POLICY_NAMES: readonly PolicyName[] = Object.keys(KINDS).filter(isPolicyName);

/** The policy that an option or a flag asks for; 3 is `uniform:3:0`, and 1 is no cache. */
export function readCache(value: CacheOption): CachePolicy {
  if (typeof value === "number")
    return value === 1 ? { kind: "off" } : parsePolicy({ kind: "uniform", interval: value });
  if (typeof value !== "string") return parsePolicy(value);
  const isNumber = value.trim() !== "" && !Number.isNaN(Number(value));
  return isNumber ? readCache(Number(value)) : parsePolicyText(value);
}

/** Plain data (JSON, an option) as a policy, or an error that names what is wrong with it. */
export function parsePolicy(data: unknown): CachePolicy {
  if (typeof data !== "object" || data === null || Array.isArray(data)) {
    throw new TypeError(`Cannot read a cache policy from ${shown(data)}: it must be an object with a "kind"`);
  }
  const { kind: given, ...values } = data as Record<string, unknown>;
  const kind = currentKind(given);
  if (!isPolicyName(kind)) {
    const advice = typeof kind === "string" ? suggestion(kind, POLICY_NAMES) : "";
    throw new TypeError(
      `Cannot read a cache policy of kind ${shown(kind)}: allowed are ${list(POLICY_NAMES)}${advice}`,
    );
  }
  const { settings } = KINDS[kind];
  const names = Object.keys(settings);
  const unknown = Object.keys(values).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new TypeError(
      `Cannot read "${unknown}" in a cache policy of kind "${kind}": it has ${list(names)}${suggestion(unknown, names)}`,
    );
  }
  const settled = Object.entries(settings).flatMap(([name, setting]) => {
    const value = values[name] === undefined ? setting.fallback : values[name];
    if (setting.optional === true && value === undefined) return [];
    if (!setting.is(value)) {
      throw new TypeError(
        `Cannot read ${shown(value)} as "${name}" of a cache policy of kind "${kind}": it must be ${setting.form.data}`,
      );
    }
    setting.check(value, name);
    return setting.optional === true && value === setting.absent ? [] : [[name, value]];
  });
  return { kind, ...Object.fromEntries(settled) } as CachePolicy;
}

/** The text of a policy, such as `uniform:5:0`: in images, flags and reports. */
export function formatPolicy(policy: CachePolicyInput): string {
  const { kind, ...settled } = parsePolicy(policy);
  const values: Readonly<Record<string, unknown>> = settled;
  const { placed, named } = settingsOf(kind);
  const written = placed.map(([name, { write }]) => write(values[name]));
  const others = named.flatMap(([name, { write }]) =>
    values[name] === undefined ? [] : `+${name}:${write(values[name])}`,
  );
  return [[kind, ...written].join(":"), ...others].join("");
}

/** Reads what `formatPolicy` writes, or wrote in older versions; settings with a default may be missing at the end. */
export function parsePolicyText(text: string): CachePolicy {
  const former = formerData(text);
  if (former !== undefined) return parsePolicy(former);
  const [head = "", ...behind] = text.split("+");
  const [word = "", ...texts] = head.split(":").map((part) => part.trim());
  const kind = currentWord(word);
  const refusal = (reason: string) => new RangeError(`Cannot read the cache policy ${shown(text)}: ${reason}`);
  if (!isPolicyName(kind))
    throw refusal(`${shown(word)} is none of ${POLICY_NAMES.join(", ")}${suggestion(kind, POLICY_NAMES)}`);
  const { placed, named } = settingsOf(kind);
  const required = placed.filter(([, { fallback }]) => fallback === undefined).length;
  if (texts.length < required || texts.length > placed.length) {
    throw refusal(`${shown(word)} is written ${syntaxOf(kind)}`);
  }
  const readAs = ({ read, form }: AnySetting, written: string): unknown => {
    const value = read(written);
    if (value === undefined) throw refusal(`${shown(written)} is not ${form.text}`);
    return value;
  };
  const values = placed
    .slice(0, texts.length)
    .map(([name, setting], i): [string, unknown] => [name, readAs(setting, texts[i] ?? "")]);
  for (const part of behind) {
    const [name = "", ...rest] = part.split(":").map((side) => side.trim());
    const setting = named.find(([known]) => known === name)?.[1];
    if (setting === undefined) {
      const names = named.map(([known]) => known);
      throw refusal(`behind + ${shown(kind)} takes ${list(names)}, not ${shown(name)}${suggestion(name, names)}`);
    }
    if (values.some(([known]) => known === name)) throw refusal(`it gives ${shown(name)} twice`);
    values.push([name, readAs(setting, rest.join(":"))]);
  }
  return parsePolicy({ kind, ...Object.fromEntries(values) });
}

type AnySetting = Setting<unknown>;

/** The settings of a kind that text has in their places, and those that it has by name. */
function settingsOf(
  kind: PolicyName,
): Readonly<Record<"placed" | "named", readonly (readonly [string, AnySetting])[]>> {
  const all: [string, AnySetting][] = Object.entries(KINDS[kind].settings);
  return {
    placed: all.filter(([, { optional }]) => optional !== true),
    named: all.filter(([, { optional }]) => optional === true),
  };
}

/** Whether a text means to be a policy: its first word names a kind. */
export const isPolicyText = (text: string): boolean => isPolicyName(currentWord(firstWord(text)));

/** Whether a text means to be what stands behind a policy, such as `warmup:2`. */
export const isPolicySettingText = (text: string): boolean => NAMED_SETTINGS.has(firstWord(text));

const firstWord = (text: string): string => text.split(":")[0]?.trim() ?? "";
const NAMED_SETTINGS: ReadonlySet<string> = new Set(
  POLICY_NAMES.flatMap((kind) => settingsOf(kind).named.map(([name]) => name)),
);

/** How the text of one kind is written: `uniform:INTERVAL[:BRANCH]`. */
function syntaxOf(kind: PolicyName): string {
  const words = settingsOf(kind).placed.map(([name, { example = name.toUpperCase(), fallback }]) =>
    fallback === undefined ? `:${example}` : `[:${example}]`,
  );
  return `${kind}${words.join("")}`;
}

/** What may stand behind a policy with a cache, for help texts. */
export const POLICY_SETTINGS_SYNTAX = [
  ...new Map(
    POLICY_NAMES.flatMap((kind) =>
      settingsOf(kind).named.map(([name, { example = name.toUpperCase() }]) => [name, `+${name}:${example}`] as const),
    ),
  ).values(),
].join("");

/** How policies are written, for help texts: all kinds in one line. */
export const POLICY_SYNTAX = POLICY_NAMES.map(syntaxOf).join(", ");

/** The kinds one by one: how each is written, and what it makes full. */
export const POLICY_HELP: readonly (readonly [syntax: string, says: string])[] = POLICY_NAMES.map((name) => [
  syntaxOf(name),
  KINDS[name].says,
]);

/**
 * The evaluations, counted from 0, in which the whole network runs; in the others the trunk's output is taken from the
 * cache. `length` is what the published schedules call T. It is the number of evaluations except for PNDM, where the
 * published code uses the number of steps: its one evaluation more is then always cached.
 */
export function fullEvaluations(policy: CachePolicyInput, evaluations: number, length = evaluations): number[] {
  if (!Number.isSafeInteger(evaluations) || evaluations < 1 || !(length >= 1 && length <= evaluations)) {
    throw new RangeError(`Cannot plan ${evaluations} evaluations over a schedule of ${length}`);
  }
  const { kind, ...settings } = parsePolicy(policy);
  return [...KINDS[kind].full(settings, length, evaluations)];
}

/** Where a policy cuts the network; nowhere without a cache. */
export const branchOf = (policy: CachePolicy): number | undefined => ("branch" in policy ? policy.branch : undefined);

/** `; did you mean "power"?` where a name is nearly one of `names`. */
function suggestion(name: string, names: readonly string[]): string {
  const [near] = nearNames(name, names);
  return near === undefined ? "" : `; did you mean "${near}"?`;
}

const shown = (value: unknown): string => JSON.stringify(value) ?? String(value);
const list = (names: readonly string[]): string =>
  names.length === 0 ? "no settings" : names.map((name) => `"${name}"`).join(", ");
