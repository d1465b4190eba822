/**
 * Holds our cache to Python's: `npx tsx tests/hub/interchange.ts PYTHON`, where PYTHON has huggingface_hub. What we pulled is
 * read by snapshot_download(local_files_only=True) and scan_cache_dir(), what Python pulled is opened here without a request.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { cachedModels } from "../../src/hub/stores/node/cached-models.ts";
import { openHub } from "../../src/hub/stores/node/open-hub.ts";
import { openFromHub } from "../../src/systems/from-hub/open-from-hub.ts";
import { openModel } from "../../src/systems/open-model.ts";
import { defaultTokenizerFolder } from "../../src/systems/shipped.ts";
import { fixturePath } from "../support/fixtures.ts";
import { folderRepo } from "./folder-repo.ts";
import { testHub } from "./test-hub.ts";

const [, , python = "python3"] = process.argv;
const ID = "org/tiny";
const REFERENCE = { kind: "repo", id: ID, revision: "main", path: undefined } as const;
const script = new URL("interchange.py", import.meta.url).pathname;
const root = mkdtempSync(join(tmpdir(), "deepcache-interchange-"));
const files = {
  ...folderRepo(fixturePath("pipelines/sd15/model")),
  "README.md": "a model",
  "unet/flax_model.msgpack": "x",
};
await using server = await testHub({ [ID]: { files } });
const commit = server.commitOf(ID);

/** Python in a process of its own, with `cache` as its cache. */
async function inPython(action: "read" | "write", cache: string) {
  const variables = { HF_ENDPOINT: server.endpoint, HF_HUB_CACHE: cache, HF_HOME: join(root, "home") };
  const { stdout } = await promisify(execFile)(python, [script, action, ID], { env: { ...process.env, ...variables } });
  return JSON.parse(stdout) as {
    version: string;
    folder: string;
    files: Record<string, number>;
    warnings: string[];
    repos: Record<string, { size: number; refs: string[]; revisions: string[] }>;
  };
}

const pull = async (cacheFolder: string, offline: boolean) => {
  const hub = await openHub({ cacheFolder, endpoint: server.endpoint, offline, token: "" });
  return await openFromHub(REFERENCE, { purpose: "model" }, hub);
};

try {
  const ours = join(root, "ours");
  await pull(ours, false);
  const requests = server.seen.length;
  const read = await inPython("read", ours);
  assert.equal(server.seen.length, requests, "Python asks for nothing that we pulled");
  assert.equal(read.folder, join(ours, "models--org--tiny", "snapshots", commit));
  assert.equal(Object.keys(read.files).length, 12);
  assert.deepEqual(read.warnings, []);
  const [cached] = await cachedModels(ours);
  assert.deepEqual(read.repos, { [ID]: { size: cached?.size, refs: ["main"], revisions: [commit] } });

  const stored = () =>
    server.seen.filter(({ host, method }) => host.startsWith("localhost") && method === "GET").length;
  const before = stored();
  const again = await inPython("write", ours);
  assert.equal(stored(), before, "Python downloads no large file again that we pulled");
  assert.deepEqual(again.warnings, []);

  const theirs = join(root, "theirs");
  const written = await inPython("write", theirs);
  const seen = server.seen.length;
  const place = await pull(theirs, true);
  assert.ok("title" in place);
  const opened = await openModel({ path: place, tokenizer: defaultTokenizerFolder() });
  assert.equal(opened.kind, "text-to-image");
  assert.equal(server.seen.length, seen, "we ask for nothing that Python pulled");
  const [listed] = await cachedModels(theirs);
  assert.deepEqual([listed?.id, listed?.size], [ID, written.repos[ID]?.size]);
  process.stdout.write(
    `huggingface_hub ${read.version} reads what we pulled, and we read what it pulled: ${readdirSync(theirs).join(", ")}\n`,
  );
} finally {
  rmSync(root, { recursive: true, force: true });
}
