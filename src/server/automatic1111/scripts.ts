import { z } from "@hono/zod-openapi";
import type { ServerContext } from "../context.ts";
import { Refusal } from "../refusal.ts";
import { parsed, priority } from "../route.ts";
import { jobOptions } from "../work/job-options.ts";
import type { A1111Request } from "./schemas.ts";

type Options = Readonly<Record<string, unknown>>;

/** What the scripts of a request come to: this library's own options, and ControlNets; what other scripts do is left out. */
export async function scriptOptions(request: A1111Request, context: ServerContext): Promise<Options> {
  const { priority: _, ...own } = ownArguments(request);
  const steered = controlOptions(argumentsNamed(request, "controlnet"));
  return await jobOptions({ ...steered, ...own }, context);
}

/** How urgent a request is, which stands among this library's own options. */
export const scriptPriority = (request: A1111Request): number | undefined =>
  parsed(z.object({ priority: priority.nullish() }), ownArguments(request)).priority ?? undefined;

const ownArguments = (request: A1111Request): Options => argumentsNamed(request, "deepcache")[0] ?? {};

/** The arguments of a script, whatever letters its name has. */
function argumentsNamed({ alwayson_scripts }: A1111Request, wanted: string): readonly Options[] {
  const found = Object.entries(alwayson_scripts ?? {}).find(([name]) => name.toLowerCase() === wanted);
  return found === undefined ? [] : argumentsOf(...found);
}

function argumentsOf(name: string, script: unknown): readonly Options[] {
  const { args = [] } = Object(script) as { readonly args?: unknown };
  const list: readonly unknown[] = Array.isArray(args) ? args : [args];
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
