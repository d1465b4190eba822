import type { JobResult } from "../queue/job.ts";
import { a1111NameOf } from "./samplers.ts";
import type { A1111Request } from "./schemas.ts";

/** The text of JSON that clients parse for seeds and settings, for the pictures of all batches. */
export function infoOf(
  request: A1111Request,
  results: readonly JobResult[],
  warnings: readonly string[],
  now: number,
): string {
  const [first] = results;
  const pictures = results.flatMap((result) => result.pictures);
  const negative = request.negative_prompt ?? "";
  const seeds = pictures.map(({ seed }) => seed);
  const prompts = pictures.map(({ prompt }) => prompt);
  return JSON.stringify({
    prompt: prompts[0] ?? request.prompt ?? "",
    all_prompts: prompts,
    negative_prompt: negative,
    all_negative_prompts: pictures.map(() => negative),
    seed: seeds[0] ?? -1,
    all_seeds: seeds,
    subseed: seeds[0] ?? -1,
    all_subseeds: seeds,
    subseed_strength: 0,
    width: pictures[0]?.width ?? 0,
    height: pictures[0]?.height ?? 0,
    sampler_name: a1111NameOf(first?.sampler ?? ""),
    cfg_scale: first?.guidanceScale ?? 0,
    steps: first?.steps ?? 0,
    batch_size: request.batch_size ?? 1,
    restore_faces: false,
    face_restoration_model: null,
    sd_model_name: first?.model ?? "",
    sd_model_hash: "",
    sd_vae_name: null,
    sd_vae_hash: null,
    seed_resize_from_w: -1,
    seed_resize_from_h: -1,
    denoising_strength: first?.strength ?? 0,
    extra_generation_params: {},
    index_of_first_image: 0,
    infotexts: pictures.map(({ parameters }) => parameters),
    styles: request.styles ?? [],
    job_timestamp: new Date(now).toISOString().replaceAll(/\D/g, "").slice(0, 14),
    clip_skip: 1,
    is_using_inpainting_conditioning: false,
    version: "deepcache",
    deepcache: {
      speedup: first?.speedup,
      evaluations: first?.evaluations,
      fullEvaluations: first?.fullEvaluations,
      seconds: first?.seconds,
      warnings: [...new Set([...warnings, ...results.flatMap((result) => result.warnings)])],
    },
  });
}
