import { CheckpointError } from "../checkpoint/errors.ts";
import { pathKind } from "../checkpoint/files/node.ts";
import type { FileLike, FolderLike } from "../checkpoint/files.ts";
import { nearNames } from "../errors/near-names.ts";
import { ARCHITECTURES, type Architecture, type ArchitectureName } from "../models/architectures.ts";
import type { PlaceOptions } from "./from-hub/place.ts";
import type { Places } from "./from-hub/places.ts";
import { defaultModelFolder } from "./shipped.ts";

/** What a model's name stands for. */
export type ResolvedModel =
  | { readonly kind: "path"; readonly path: FolderLike | FileLike }
  /** A published one's configs, without weights. */
  | { readonly kind: "architecture"; readonly name: ArchitectureName; readonly architecture: Architecture };

/** Short names of built-in architectures. */
const ALIASES = {
  sd15: "stable-diffusion-v1-5",
  "sd1.5": "stable-diffusion-v1-5",
  sd21: "stable-diffusion-2-1",
  "sd2.1": "stable-diffusion-2-1",
  "sd21-base": "stable-diffusion-2-1-base",
  sdxl: "stable-diffusion-xl",
  ldm: "ldm-4-g",
  cifar10: "ddpm-cifar10",
  lsun: "ddpm-lsun",
} as const satisfies Readonly<Record<string, ArchitectureName>>;

/** The embedded model by its name. */
const EMBEDDED = "fluent-scenes";

const ARCHITECTURE_NAMES = [...Object.keys(ALIASES), ...Object.keys(ARCHITECTURES)];

/** What `--model` and its like take beside a path, for help texts. */
export const MODEL_NAMES: readonly string[] = Object.keys(ARCHITECTURES);

/** What of a model is needed that is not on this machine. */
export type ResolveOptions = Partial<Omit<PlaceOptions, "what" | "hub">>;

/**
 * What `name` stands for: a folder or file that there is, the embedded model, a built-in architecture, or a model on the hub
 * or at an address, which is downloaded unless the cache has it.
 */
export async function resolveModel(name: string, places: Places, options: ResolveOptions = {}): Promise<ResolvedModel> {
  if ((await pathKind(name)) !== undefined) return { kind: "path", path: name };
  if (name === EMBEDDED) return { kind: "path", path: defaultModelFolder() };
  const known = architectureNamed(name);
  if (known !== undefined) return { kind: "architecture", name: known, architecture: ARCHITECTURES[known] };
  const path = await places(name, { what: "the model", purpose: "model", ...options });
  if (path !== name) return { kind: "path", path };
  throw new CheckpointError(
    `Cannot find the model "${name}": there is no such file or folder${advice(name, [EMBEDDED, ...ARCHITECTURE_NAMES])}`,
    { code: "MODEL_NOT_FOUND" },
  );
}

/** Where a model lies that can run; an architecture's name alone is refused, and said to have no weights. */
export async function resolveWeights(
  name: string,
  places: Places,
  options: ResolveOptions = {},
): Promise<FolderLike | FileLike> {
  const resolved = await resolveModel(name, places, options);
  if (resolved.kind === "path") return resolved.path;
  throw new CheckpointError(
    `Cannot run "${name}": it names the built-in architecture of ${resolved.architecture.title}, which has no weights; ` +
      "give the path of a folder in diffusers' layout, or of a .safetensors or .ckpt file, or an id of the hub, org/name",
    { code: "MODEL_NOT_FOUND" },
  );
}

/** The built-in architecture that `name` names, also in short. */
export function resolveArchitecture(name: string): ArchitectureName {
  const known = architectureNamed(name);
  if (known !== undefined) return known;
  throw new RangeError(`Cannot find architecture "${name}"${advice(name, ARCHITECTURE_NAMES)}`);
}

function architectureNamed(name: string): ArchitectureName | undefined {
  const given = name.toLowerCase();
  if (Object.hasOwn(ALIASES, given)) return ALIASES[given as keyof typeof ALIASES];
  return Object.hasOwn(ARCHITECTURES, given) ? (given as ArchitectureName) : undefined;
}

/** At most so many names are near. */
const MOST_NEAR = 3;

/** `; did you mean sdxl or sd15?`, or all names where none is near; nothing for what is plainly a path. */
function advice(name: string, names: readonly string[]): string {
  const near = nearNames(name, names, ({ length }) => Math.ceil(length / 3)).slice(0, MOST_NEAR);
  if (near.length > 0) return `; did you mean ${near.join(" or ")}?`;
  return /[/\\]|\.\w+$/.test(name) ? "" : `, and it is none of ${names.join(", ")}`;
}
