import { Command } from "commander";
import { memoryFiles } from "../../../src/checkpoint/files/memory.ts";
import { readTokenizerFiles } from "../../../src/checkpoint/folder/tokenizer-files.ts";
import { sharedEvaluation } from "../../../src/cli/evaluate/spread/protocol.ts";
import { addEvaluationFlags } from "../../../src/cli/flags/evaluation-flags.ts";
import { takeFlags } from "../../../src/cli/flags/settings-file.ts";
import { checkBatchKept, likedIn, likedPrompts } from "../../../src/cli/generate/like.ts";
import { modelsIn } from "../../../src/cli/serve/models-file.ts";
import { journalIn } from "../../../src/cli/tune/journal.ts";
import type { Hub } from "../../../src/hub/hub.ts";
import { fileUrl, type Listing, listRepo, listTree } from "../../../src/hub/repo/listing.ts";
import { gainsIn } from "../../../src/runtime/node/choose-precision.ts";
import { checkLimits, REQUEST_LIMITS } from "../../../src/server/guard/limits.ts";
import { isJobRequest } from "../../../src/server/queue/job-request.ts";
import { wire } from "../../../src/server/queue/queues/redis/wire.ts";
import { parseLora } from "../../../src/systems/parts/lora-text.ts";
import { loadClipTokenizer } from "../../../src/tokenizer/clip-tokenizer.ts";
import { promptChunks } from "../../../src/tokenizer/prompt-weights.ts";
import { trialsOf } from "../../../src/tuning/trials.ts";
import { memoryStore } from "../evaluation-reader.ts";
import { modelFiles } from "../makers/networks.ts";
import { CASE, Lie, type Reader } from "../reader.ts";

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

const REPO = { kind: "repo", id: "org/CASE", revision: "main", path: undefined } as const;
const COMMIT = "0123456789abcdef0123456789abcdef01234567";

/** A hub whose answers are the bytes of a case. */
const hubOf = (bytes: Uint8Array): Hub => ({
  settings: {
    ...{ cacheFolder: "nowhere", endpoint: "https://hub.test", token: undefined, civitaiToken: undefined },
    ...{ offline: false, timeout: 1000 },
  },
  store: { advice: { token: "give a token", room: "", offline: "" } } as Hub["store"],
  effects: {
    fetch: async () => new Response(new Uint8Array(bytes)),
    now: () => 0,
    sleep: async () => {},
  },
});

function checkListing({ commit, files }: Listing, hub: Hub): void {
  if (!/^[0-9a-f]{40}$/.test(commit)) throw new Lie(`the commit ${commit}`);
  for (const { path, size, checksum } of files.values()) {
    const { href, pathname } = fileUrl(REPO, commit, path, hub);
    if (!pathname.startsWith(`/${REPO.id}/resolve/${commit}/`)) throw new Lie(`a file at ${href}`);
    if (size !== undefined && !(Number.isSafeInteger(size) && size >= 0)) throw new Lie(`a file of ${size} bytes`);
    if (checksum !== undefined && !/^[0-9a-f]+$/.test(checksum.value)) throw new Lie(`the digest ${checksum.value}`);
  }
}

const tokenizer = loadClipTokenizer(
  await readTokenizerFiles(memoryFiles(modelFiles("sd15"), "fixture").at("tokenizer")),
);

const RUN = { sampler: "ddim", steps: 4, cache: { kind: "off" } } as const;
const OPTIONS = {
  ...{ budgets: [4], samplers: [], branch: 0, trials: 1, timestepTrials: 0, look: 2 },
  reference: { sampler: "ddim", steps: 4 },
} as const;

/** Everything that reads what programs keep of their own, and what servers answer. */
export const STATE_READERS = {
  async "hub-listing"(bytes) {
    const hub = hubOf(bytes);
    checkListing(await listRepo(REPO, hub), hub);
  },
  async "hub-tree"(bytes) {
    const hub = hubOf(bytes);
    checkListing(await listTree(REPO, COMMIT, hub), hub);
  },
  async "prompt-weights"(bytes) {
    for (const { ids, weights, length } of promptChunks(tokenizer, text(bytes))) {
      if (ids.length !== tokenizer.maxLength || weights.length !== ids.length) throw new Lie(`${ids.length} ids`);
      if (length > ids.length || weights.some(Number.isNaN)) throw new Lie(`the weights ${weights}`);
    }
  },
  async like(bytes) {
    const liked = likedIn(bytes, CASE);
    checkBatchKept(liked, { device: "cpu", keepLoaded: true }, []);
    likedPrompts(liked);
    for (const lora of liked.settings.lora ?? []) parseLora(lora);
  },
  async trials(bytes) {
    const { recall } = journalIn(memoryStore({ "trials.jsonl": bytes }), CASE, "digest");
    const subject = {
      run: async () => ({
        ...{ latents: [new Float32Array(4), new Float32Array(4)], images: [], evaluations: 4, fse: 4, ratio: 0.2 },
        gram: { evaluations: 1, products: [[1]] },
      }),
      timesteps: async () => [],
    };
    const trials = trialsOf(subject, OPTIONS, { recall }, () => {});
    for (const { score, fse } of [await trials.score(RUN), await trials.look(RUN), await trials.features(RUN)])
      if (!Number.isFinite(fse) || typeof score !== "number") throw new Lie(`a score of ${score}`);
  },
  async measurement(bytes) {
    const gains = gainsIn(bytes, ["int8"]);
    if (gains !== undefined && Object.keys(gains).join() !== "int8") throw new Lie(`gains of ${Object.keys(gains)}`);
  },
  async "job-data"(bytes) {
    const request = await wire(undefined).unpack<unknown>(text(bytes));
    if (isJobRequest(request)) checkLimits(request, REQUEST_LIMITS);
  },
  async "shard-order"(bytes) {
    sharedEvaluation(text(bytes));
  },
  async "flags-file"(bytes) {
    const command = addEvaluationFlags(new Command(CASE).exitOverride());
    takeFlags(command, bytes, CASE);
  },
  async "models-file"(bytes) {
    for (const { path } of modelsIn(bytes, CASE).values()) if (typeof path !== "string") throw new Lie("no path");
  },
} as const satisfies Readonly<Record<string, Reader>>;
