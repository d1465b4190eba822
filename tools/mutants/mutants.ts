/** A fault that tests must see: `before`, which the file has once, becomes `after`. */
export interface Mutant {
  readonly name: string;
  readonly file: string;
  readonly before: string;
  readonly after: string;
  /** Those of which at least one fails. */
  readonly tests: string;
}

type Row = readonly [name: string, file: string, before: string, after: string, tests: string];

const DRAWN = "    noise([draws, ...shape.slice(1)]); //";
const OTHERS_END =
  "  await Promise.all(sessions.map((session) => session[Symbol.asyncDispose]()));\n  throw failed.reason;";
const ADDED = "return { start: sampler.addNoise(clean, noise(shape), begin) };";
const HOISTED = "(node) => everyEvaluation.has(node) && !beforeFeature.has(node));\n  return";

const DEEPCACHE: readonly Row[] = [
  ["skip-order", "models/unet/unet.ts", "concat([h, skip], 1)", "concat([skip, h], 1)", "models/unet.test.ts"],
  [
    "plan-off-by-one",
    "deepcache/policies/uniform.ts",
    "=> i * interval",
    "=> i * interval + (i > 0 ? 1 : 0)",
    "deepcache/plan.test.ts",
  ],
  [
    "plan-pndm-length",
    "deepcache/policies/uniform.ts",
    "interval === 1 ? evaluations : length",
    "evaluations",
    "deepcache",
  ],
  ["no-hoisting", "deepcache/cut.ts", HOISTED, HOISTED.replace(");", " && false);"), "deepcache models/macs.test.ts"],
  [
    "hoist-border",
    "layers/resnet-block.ts",
    "own = Math.floor(width / perGroup)",
    "own = Math.max(0, Math.floor(width / perGroup) - 1)",
    "layers deepcache",
  ],
  ["cache-kept-on-renew", "denoisers/cached.ts", "          free(cache);\n", "", "denoisers"],
  [
    "cache-kept-on-dispose",
    "denoisers/cached.ts",
    "[Symbol.dispose]: release,",
    "[Symbol.dispose]: () => {},",
    "denoisers",
  ],
  ["first-not-full", "denoisers/cached.ts", "cache === undefined || isFull(index)", "isFull(index)", "denoisers"],
  [
    "evaluations-miscounted",
    "denoisers/cached.ts",
    "index++;",
    "index += full ? 1 : 1 + Number(index > 40);",
    "denoisers deepcache/trajectory.test.ts",
  ],
  [
    "guided-rows",
    "denoisers/guided.ts",
    "both.data.subarray((rows + row) * size, (rows + row + 1) * size)",
    "both.data.subarray(row * size, (row + 1) * size)",
    "denoisers/guided.test.ts",
  ],
];

const RUNS: readonly Row[] = [
  [
    "negative-ignored",
    "pipelines/text-to-image/prompt-encoder.ts",
    "encode([...negatives, ...prompts], clipSkip)",
    'encode([...negatives.map(() => ""), ...prompts], clipSkip)',
    "pipelines/text-to-image.test.ts",
  ],
  [
    "negative-clip-skip",
    "pipelines/text-to-image/prompt-encoder.ts",
    "encode(negatives, 0)",
    "encode(negatives, clipSkip)",
    "pipelines/text-to-image.test.ts pipelines/sdxl.test.ts pipelines/cases.test.ts",
  ],
  [
    "inpaint-noise-order",
    "pipelines/text-to-image/run-start.ts",
    DRAWN,
    "    //",
    "pipelines/image-to-image.test.ts pipelines/cases.test.ts",
  ],
  [
    "batch-noise",
    "pipelines/text-to-image/run-start.ts",
    ADDED,
    ADDED.replace("begin", "0"),
    "pipelines/image-to-image.test.ts",
  ],
  [
    "seeds-order",
    "pipelines/run/seeded-noise.ts",
    "seed.map((own)",
    "[...seed].reverse().map((own)",
    "pipelines/seeds.test.ts",
  ],
  [
    "slot-not-released",
    "pipelines/run/session-slot.ts",
    "      await release();\n",
    "",
    "pipelines/session-slot.test.ts",
  ],
  ["ddim-eta", "diffusion/samplers/ddim.ts", "1 - nextAlphaBar - deviation ** 2", "1 - nextAlphaBar", "diffusion"],
  [
    "deis-rounding",
    "diffusion/samplers/dpm-solver/deis.ts",
    "const log = numpyLog(rho);",
    "const log = Math.log(rho);",
    "diffusion/deis-weights.test.ts",
  ],
];

const FILES: readonly Row[] = [
  [
    "safetensors-overlap",
    "checkpoint/safetensors/safetensors.ts",
    "if (begin(weight) < covered)",
    "if (begin(weight) < covered && covered < 0)",
    "checkpoint/safetensors.test.ts",
  ],
  [
    "safetensors-overflow",
    "checkpoint/safetensors/safetensors.ts",
    "if (count > Number.MAX_SAFE_INTEGER / 8)",
    "if (count > Number.MAX_VALUE)",
    "checkpoint/safetensors.test.ts",
  ],
  [
    "torch-bound",
    "checkpoint/torch/torch-objects.ts",
    "offset + extent <= storage.elements",
    "offset + extent <= storage.elements + 1",
    "checkpoint",
  ],
  [
    "zip-limit",
    "checkpoint/torch/zip.ts",
    "start + entry.packed > entry.limit",
    "start + entry.packed > source.size",
    "checkpoint",
  ],
  [
    "inflate-more",
    "checkpoint/torch/inflate.ts",
    "if (size > packed.size)",
    "if (size > packed.size + 2 ** 40)",
    "checkpoint",
  ],
  [
    "dictionary-unspent",
    "checkpoint/torch/torch-objects.ts",
    "spend(DICTIONARY_STEPS + items.length)",
    "spend(DICTIONARY_STEPS)",
    "checkpoint fuzz/hostile.test.ts",
  ],
  [
    "convert-size",
    "checkpoint/torch/convert-torch-file.ts",
    "  if (total <= most) return;\n  throw",
    "  if (total <= most || most > 0) return;\n  throw",
    "checkpoint",
  ],
  [
    "shard-elsewhere",
    "checkpoint/files/paths.ts",
    'name !== "" && name !== "." && name !== ".."',
    'name !== ""',
    "checkpoint",
  ],
  ["part-left-over", "checkpoint/files/write.ts", "      rmSync(temporary, { force: true });\n", "", "checkpoint"],
  [
    "misfit-without-file",
    "layers/scope.ts",
    "placeOf(weights ?? new Map())",
    '"the checkpoint"',
    "layers/scope.test.ts",
  ],
  ["png-pixels", "image/png.ts", "width * height > mostPixels", "width * height > 2 ** 62", "image/png.test.ts"],
  ["png-checksum", "image/png.ts", "checkCrc: true", "checkCrc: false", "image/png.test.ts"],
  [
    "base64-blanks",
    "server/pictures/decode.ts",
    "={0,2}$/.test(text.trimEnd())",
    "={0,2}\\s*$/.test(text)",
    "fuzz/hostile.test.ts",
  ],
];

const RECORDS: readonly Row[] = [
  [
    "features-uncut",
    "evaluation/resume.ts",
    "(made.get(name) ?? 0) * width * FLOAT_BYTES);",
    "1e15);",
    "evaluation cli/evaluation.test.ts",
  ],
  [
    "timings-uncut",
    "evaluation/resume.ts",
    "  cutDown(store, TIMINGS, timingBytes);\n",
    "",
    "evaluation cli/evaluation.test.ts",
  ],
  [
    "lock-ignored",
    "cli/evaluate/folder-lock.ts",
    "if (other !== undefined)",
    'if (other === "")',
    "cli/folder-lock.test.ts",
  ],
  [
    "settings-ignored",
    "cli/evaluate/evaluation-settings.ts",
    "if (differences.length > 0)",
    "if (differences.length > 99)",
    "cli/evaluation.test.ts",
  ],
  ["escape-quotes", "plot/markup.ts", `.replaceAll('"', "&quot;")`, "", "plot/markup.test.ts"],
  ["escape-less-than", "plot/markup.ts", '.replaceAll("<", "&lt;")', "", "plot/markup.test.ts"],
  [
    "trials-unchecked",
    "cli/tune/journal.ts",
    "if (!isValue(entries.get(key)))",
    "if (!entries.has(key))",
    "tuning/trials.test.ts",
  ],
];

const SESSIONS: readonly Row[] = [
  [
    "chain-given-early",
    "runtime/node/chained-session.ts",
    "pieces.slice(index + 1)",
    "pieces.slice(index + 2)",
    "runtime/pieces.test.ts runtime/node-runtime.test.ts",
  ],
  [
    "pieces-leak",
    "runtime/node/node.ts",
    OTHERS_END,
    "  throw failed.reason;",
    "runtime/pieces.test.ts runtime/node-runtime.test.ts",
  ],
  [
    "low-memory-ignored",
    "runtime/node/node.ts",
    "onCpu && (lowMemory || rarely)",
    "onCpu && rarely",
    "runtime cli/memory.test.ts",
  ],
  ["spinning", "runtime/node/open-graph.ts", 'force_spinning_stop: "1"', 'force_spinning_stop: "0"', "runtime"],
];

/** Faults as people make them, of which none may survive but `SURVIVORS`. */
export const MUTANTS: readonly Mutant[] = [...DEEPCACHE, ...RUNS, ...FILES, ...RECORDS, ...SESSIONS].map(
  ([name, file, before, after, tests]) => ({
    ...{ name, before, after },
    file: `src/${file}`,
    tests: tests
      .split(" ")
      .map((test) => `tests/${test}`)
      .join(" "),
  }),
);

/** What changes the use of the processor between runs alone, which no quick test can tell. */
export const SURVIVORS: readonly string[] = ["spinning"];
