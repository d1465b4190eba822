import type { ServerContext } from "../context.ts";
import { Refusal } from "../refusal.ts";
import { jobOptions } from "../work/job-options.ts";
import type { A1111Request } from "./schemas.ts";

type Options = Readonly<Record<string, unknown>>;

/** What the scripts of a request come to: this library's own options, and ControlNets; what other scripts do is left out. */
export async function scriptOptions({ alwayson_scripts }: A1111Request, context: ServerContext): Promise<Options> {
  const scripts = new Map(
    Object.entries(alwayson_scripts ?? {}).map(([name, script]) => [name.toLowerCase(), argumentsOf(name, script)]),
  );
  const [own] = scripts.get("deepcache") ?? [];
  const steered = controlOptions(scripts.get("controlnet") ?? []);
  return await jobOptions({ ...steered, ...own }, context);
}

function argumentsOf(name: string, script: unknown): readonly Options[] {
  const { args = [] } = Object(script) as { readonly args?: unknown };
  const list: readonly unknown[] = Array.isArray(args) ? args : [args];
  if (!["deepcache", "controlnet"].includes(name.toLowerCase())) return [];
  return list.map((one) => {
    if (typeof one === "object" && one !== null && !Array.isArray(one)) return one as Options;
    const field = "alwayson_scripts";
    throw new Refusal(400, "option_invalid", `Cannot use "${field}.${name}": args must hold objects`, { field });
  });
}

/** The units of the extension for ControlNets, one for each of the server's in their order. */
function controlOptions(units: readonly Options[]): Options {
  const used = units.filter(({ enabled, image, input_image }) => enabled !== false && (image ?? input_image) != null);
  if (used.length === 0) return {};
  return {
    controlImage: used.map(({ image, input_image }) => pictureOf(image ?? input_image)),
    controlScale: used.map(({ weight = 1 }) => weight),
    controlStart: used.map(({ guidance_start = 0 }) => guidance_start),
    controlEnd: used.map(({ guidance_end = 1 }) => guidance_end),
    controlPreprocess: used.map(({ module }) => (module === "canny" ? "canny" : "none")),
  };
}

/** Some clients send a picture together with its mask. */
const pictureOf = (sent: unknown): unknown =>
  typeof sent === "object" && sent !== null ? (sent as Options)["image"] : sent;
