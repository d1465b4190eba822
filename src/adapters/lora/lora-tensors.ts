import type { Weight, Weights } from "../../checkpoint/weights.ts";

/** What a tensor of a LoRA is to the module that it changes. */
export type Role =
  | "down"
  | "up"
  | "mid"
  | "alpha"
  | "magnitude"
  | `hada_${"w1_a" | "w1_b" | "w2_a" | "w2_b" | "t1" | "t2"}`
  | `lokr_${"w1" | "w1_a" | "w1_b" | "w2" | "w2_a" | "w2_b" | "t2"}`;

/** The tensors of one module, as its file calls it. */
export interface ModuleTensors {
  readonly name: string;
  readonly tensors: ReadonlyMap<Role, Weight>;
}

/** How names end, by who wrote them: kohya's scripts and LyCORIS, peft, diffusers before and after it took up peft. */
const ENDINGS: readonly (readonly [RegExp, (part: string) => Role | undefined])[] = [
  [/\.lora_(down|up|mid)\.weight$/, (part) => part as Role],
  [/\.lora_([AB])(?:\.(?!weight$)[^.]+)?\.weight$/, (part) => (part === "A" ? "down" : "up")],
  [/\.lora(?:_linear_layer)?\.(down|up)\.weight$/, (part) => part as Role],
  [/_lora\.(down|up)\.weight$/, (part) => part as Role],
  [/\.(alpha)$/, () => "alpha"],
  [/\.(dora_scale)$/, () => "magnitude"],
  [/\.(lora_magnitude_vector)(?:\.[^.]+)*$/, () => "magnitude"],
  [/\.(hada_(?:w[12]_[ab]|t[12]))$/, (part) => part as Role],
  [/\.(lokr_(?:w[12](?:_[ab])?|t2))$/, (part) => part as Role],
];

/** A file's tensors by the module that they change. */
export interface LoraTensors {
  readonly modules: readonly ModuleTensors[];
  /** Names of tensors of no known kind. */
  readonly unknown: readonly string[];
  /** The name of one that is to its module what another tensor is already. */
  readonly twice: string | undefined;
}

/** Tells what the tensors of a file are to the modules that they change. */
export function modulesOf(weights: Weights): LoraTensors {
  const modules = new Map<string, Map<Role, Weight>>();
  const unknown: string[] = [];
  let twice: string | undefined;
  for (const [key, weight] of weights) {
    const found = roleOf(key);
    if (found === undefined) {
      unknown.push(key);
      continue;
    }
    const tensors = modules.get(found.module) ?? new Map<Role, Weight>();
    if (tensors.has(found.role)) twice ??= key;
    modules.set(found.module, tensors.set(found.role, weight));
  }
  return { modules: [...modules].map(([name, tensors]) => ({ name, tensors })), unknown, twice };
}

/** Characters of a name; those of published files have 120. */
const LONGEST_NAME = 1000;

function roleOf(key: string): { readonly module: string; readonly role: Role } | undefined {
  if (key.length > LONGEST_NAME) return undefined;
  for (const [ending, roleNamed] of ENDINGS) {
    const match = ending.exec(key);
    const role = match?.[1] === undefined ? undefined : roleNamed(match[1]);
    if (match !== null && role !== undefined) return { module: key.slice(0, match.index), role };
  }
  return undefined;
}
