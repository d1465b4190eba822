import { readTensor } from "../../checkpoint/read-tensor.ts";
import type { Factor, Weight, WeightChange } from "../../checkpoint/weights.ts";
import { elementCount } from "../../tensor/tensor.ts";
import type { ModuleTensors, Role } from "./lora-tensors.ts";

/** A change at strength 1. */
export type ModuleChange = Omit<WeightChange, "strength">;

/** Alpha over rank of a module whose file says it beside the tensors. */
export type OtherScale = (rank: number) => number;

/** The change that a module's tensors describe; what is missing or does not go together is said as a text. */
export async function moduleChange(
  { tensors }: ModuleTensors,
  otherScale: OtherScale = () => 1,
): Promise<ModuleChange | string> {
  // Trainers that save without a precision leave alpha the whole number that it was.
  const narrow = [...tensors].find(([role, { dtype }]) => role !== "alpha" && !FLOATS.has(dtype));
  if (narrow !== undefined)
    return `its ${narrow[0]} holds ${narrow[1].dtype}, one of ${[...FLOATS].join(", ")} is required`;
  const described = describe(tensors);
  if (typeof described === "string") return described;
  const { of, rank } = described;
  const alpha = tensors.get("alpha");
  if (alpha !== undefined && elementCount(alpha.shape) !== 1)
    return `its alpha is [${alpha.shape}], one number is required`;
  const given = alpha === undefined ? undefined : (await readTensor(alpha)).data[0];
  const scale = rank === undefined ? 1 : given === undefined ? otherScale(rank) : given / rank;
  if (!Number.isFinite(scale)) return `its alpha is ${given ?? "set to something else"}, a number is required`;
  const magnitude = tensors.get("magnitude");
  return { of, scale, ...(magnitude === undefined ? {} : { magnitude }) };
}

const FLOATS: ReadonlySet<string> = new Set(["F32", "F16", "BF16", "F64"]);

interface Described {
  readonly of: WeightChange["of"];
  /** Undefined where nothing has one: then alpha means nothing. */
  readonly rank: number | undefined;
}

type Tensors = ReadonlyMap<Role, Weight>;

function describe(tensors: Tensors): Described | string {
  if (tensors.has("hada_w1_a")) return hadamard(tensors);
  if (tensors.has("lokr_w1") || tensors.has("lokr_w1_a")) return kronecker(tensors);
  const factor = product(tensors, { up: "up", down: "down", core: "mid" });
  if (typeof factor === "string") return factor;
  return { of: { kind: "plain", factor }, rank: rankOf(factor) };
}

function hadamard(tensors: Tensors): Described | string {
  const a = product(tensors, { up: "hada_w1_a", down: "hada_w1_b", core: "hada_t1", turned: true });
  const b = product(tensors, { up: "hada_w2_a", down: "hada_w2_b", core: "hada_t2", turned: true });
  if (typeof a === "string") return a;
  if (typeof b === "string") return b;
  return { of: { kind: "hadamard", factors: [a, b] }, rank: rankOf(a) };
}

function kronecker(tensors: Tensors): Described | string {
  const one = (name: "lokr_w1" | "lokr_w2"): Factor | string => {
    const matrix = tensors.get(name);
    if (matrix !== undefined) return { kind: "whole", matrix };
    const names = { up: `${name}_a`, down: `${name}_b`, turned: true } as const;
    return product(tensors, name === "lokr_w2" ? { ...names, core: "lokr_t2" } : names);
  };
  const [a, b] = [one("lokr_w1"), one("lokr_w2")];
  if (typeof a === "string") return a;
  if (typeof b === "string") return b;
  return { of: { kind: "kronecker", factors: [a, b] }, rank: rankOf(b) ?? rankOf(a) };
}

const rankOf = (factor: Factor): number | undefined => (factor.kind === "product" ? factor.down.shape[0] : undefined);

interface ProductNames {
  readonly up: Role;
  readonly down: Role;
  readonly core?: Role;
  /** Whether LyCORIS stores `up` the other way round where there is a core. */
  readonly turned?: boolean;
}

function product(tensors: Tensors, names: ProductNames): Factor | string {
  const [up, down] = [tensors.get(names.up), tensors.get(names.down)];
  const core = names.core && tensors.get(names.core);
  if (up === undefined || down === undefined) return `it has no ${up === undefined ? names.up : names.down}`;
  const turned = core !== undefined && (names.turned ?? false);
  const [outer = 0, inner = 0] = core?.shape ?? [down.shape[0] ?? 0, down.shape[0] ?? 0];
  const upRank = turned ? up.shape[0] : up.shape[1];
  if (up.shape.length < 2 || down.shape.length < 2 || upRank !== outer || down.shape[0] !== inner) {
    const middle = core === undefined ? "" : `, ${names.core} [${core.shape}]`;
    return `its ${names.up} [${up.shape}]${middle} and ${names.down} [${down.shape}] do not multiply`;
  }
  if (inner === 0 || outer === 0) return `its ${names.down} [${down.shape}] is empty`;
  return { kind: "product", up, down, core, turned };
}
