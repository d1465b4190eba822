import { LIMITS } from "../../src/errors/limits.ts";

const TITLES: Readonly<Record<keyof typeof LIMITS, string>> = {
  safetensors: "safetensors",
  json: "JSON: configs, indices, vocabularies, settings, results",
  yaml: "YAML of the original repositories",
  torch: ".ckpt, .pt, .pth, .bin",
  zip: "zip archives: torch files and .npz",
  npz: ".npz",
  png: "pictures",
  config: "networks in configs",
  scheduler: "scheduler_config.json",
  tokenizer: "tokenizers",
  evaluation: "folders of evaluations",
  server: "requests to a server",
};

/** The most that is read of every format. */
export function limitsTables(): string {
  return (Object.keys(TITLES) as (keyof typeof TITLES)[])
    .map((format) => {
      const rows = Object.values(LIMITS[format]).map(
        ({ most, of, enough }) => `| ${most.toLocaleString("en")} | ${of} | ${enough} |`,
      );
      return [`### ${TITLES[format]}`, "", "| at most | of | enough because |", "| --: | --- | --- |", ...rows].join(
        "\n",
      );
    })
    .join("\n\n");
}
