import { DeepCacheError } from "../../errors/deepcache-error.ts";
import { pipeline } from "../../library/pipeline.ts";
import { Refusal } from "../refusal.ts";
import type { ModelDescription, ModelSource, Models, ServedModel } from "./models.ts";

/** What a catalogue takes beside its models. */
export interface CatalogueOptions {
  /** Bytes that models may take together; all that there is where left out. */
  readonly memory?: number | undefined;
  /** Told of models that are opened and let go of. */
  readonly onChange?: ((name: string, change: "opened" | "released") => void) | undefined;
}

interface Held {
  readonly model: ServedModel;
  /** The most that it has taken in a run, as estimated. */
  bytes: number;
  /** Whether it has run. */
  used: boolean;
  /** Of kinds of requests: an estimate takes a tenth of a second in which nothing else is answered. */
  readonly estimates: Map<string, number>;
  /** What others opened is theirs to release. */
  readonly lent: boolean;
}

/** Models by name; runs are expected one at a time. */
export function catalogue(
  sources: Readonly<Record<string, ModelSource>>,
  { memory = Number.POSITIVE_INFINITY, onChange = () => {} }: CatalogueOptions = {},
): Models {
  const names = Object.keys(sources);
  if (names.length === 0) throw new TypeError("Cannot serve: no model is given, at least one is required");
  /** The least recently used first. */
  const held = new Map<string, Held>();

  const open = async (name: string): Promise<Held> => {
    const source = sources[name] as ModelSource;
    if (typeof source === "function") return heldModel(source, true);
    const { path, ...options } = typeof source === "string" ? { path: source } : source;
    try {
      const model = await pipeline(undefined, path, options);
      onChange(name, "opened");
      return heldModel(model, false);
    } catch (cause) {
      throw new Error(`Cannot open the model "${name}"`, { cause });
    }
  };

  /** Jobs and descriptions may ask at the same time. */
  const opening = new Map<string, Promise<Held>>();
  const openOnce = async (name: string): Promise<Held> => {
    const under = opening.get(name) ?? open(name);
    opening.set(name, under);
    try {
      const entry = await under;
      if (!held.has(name)) held.set(name, entry);
      return entry;
    } finally {
      opening.delete(name);
    }
  };
  const descriptions = new Map<string, ModelDescription>();

  const release = async (name: string): Promise<void> => {
    const found = held.get(name);
    held.delete(name);
    if (found === undefined || found.lent) return;
    await found.model.dispose();
    onChange(name, "released");
  };

  /** Lets go of others until `bytes` fit beside them. */
  const makeRoom = async (name: string, bytes: number): Promise<void> => {
    const taken = (): number => [...held].reduce((sum, [other, { bytes }]) => sum + (other === name ? 0 : bytes), 0);
    for (const [other, { lent }] of [...held]) {
      if (taken() + bytes <= memory) return;
      if (other !== name && !lent) await release(other);
    }
  };

  return {
    names,
    resolve(asked) {
      const [first = ""] = names;
      if (asked === undefined || asked === "") return first;
      if (Object.hasOwn(sources, asked)) return asked;
      throw new Refusal(
        404,
        "model_not_found",
        `Cannot find the model ${JSON.stringify(asked.slice(0, 100))}: this server has ${names.join(", ")}`,
        { field: "model" },
      );
    },
    list: () => names.map((name) => ({ name, loaded: held.get(name)?.used ?? false })),
    async describe(name) {
      const known = descriptions.get(name);
      if (known !== undefined) return known;
      const { model } = held.get(name) ?? (await openOnce(name));
      const described = { ...model.model, name, branches: model.branchCosts() };
      descriptions.set(name, described);
      return described;
    },
    async use(name, request, run) {
      const entry = held.get(name) ?? (await openOnce(name));
      held.delete(name);
      held.set(name, entry);
      entry.used = true;
      if (memory === Number.POSITIVE_INFINITY) return await run(entry.model);
      const bytes = Math.max(entry.bytes, await estimated(entry, request));
      if (bytes > memory) {
        throw new DeepCacheError(
          "OPTION_INVALID",
          `Cannot run: this takes about ${gibibytes(bytes)} of memory, and the server has ${gibibytes(memory)} for models; ` +
            "a smaller picture or fewer at a time take less",
        );
      }
      await makeRoom(name, bytes);
      entry.bytes = bytes;
      return await run(entry.model);
    },
    async [Symbol.asyncDispose]() {
      for (const name of [...held.keys()]) await release(name);
    },
  };
}

const heldModel = (model: ServedModel, lent: boolean): Held => ({
  ...{ model, lent, bytes: 0, used: false },
  estimates: new Map(),
});

const MOST_ESTIMATES = 200;

/** What a run takes beside the process. */
async function estimated({ model, estimates }: Held, request: object): Promise<number> {
  const kind = kindOf(request);
  const known = estimates.get(kind);
  if (known !== undefined) return known;
  const { peak, process } = await model.estimateMemory(request as never);
  if (estimates.size >= MOST_ESTIMATES) estimates.clear();
  estimates.set(kind, peak - process);
  return peak - process;
}

/** What of a request memory may depend on: not words and seeds, but how many there are, and of pictures their sizes. */
function kindOf(request: object): string {
  return JSON.stringify(request, (key, value: unknown) => {
    if (key === "seed") return undefined;
    if ((key === "prompt" || key === "negativePrompt") && value !== undefined) return [value].flat().length;
    const { width, height, data, latents } = Object(value) as Readonly<Record<string, unknown>>;
    return key !== "" && (data ?? latents) !== undefined ? [width, height] : value;
  });
}

const gibibytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
