import { expect, test } from "vitest";
import { hubReference, referenceName } from "../../src/hub/reference.ts";

const repo = (id: string, revision = "main", path?: string) => ({ kind: "repo", id, revision, path });
const COMMIT = "451f4fe16113bff5a5d2269ed5ad43b0592e9a14";

test.each([
  ["org/name", repo("org/name")],
  [`org/name@${COMMIT}`, repo("org/name", COMMIT)],
  ["org/name@refs/pr/1", repo("org/name", "refs/pr/1")],
  ["org/name/lora/style.safetensors@v2", repo("org/name", "v2", "lora/style.safetensors")],
  ["hf:org/name/unet", repo("org/name", "main", "unet")],
  ["https://huggingface.co/org/name", repo("org/name")],
  [
    "https://huggingface.co/org/name/resolve/refs%2Fpr%2F1/a.safetensors?download=true",
    repo("org/name", "refs/pr/1", "a.safetensors"),
  ],
])("%s names what lies in a repository", (text, reference) => {
  expect(hubReference(text)).toEqual(reference);
});

test.each([
  "name",
  "./org/name",
  "/org/name",
  "org/name/",
  "org/..",
  "org/na--me",
  "org/name@../main",
  "models/a.safetensors",
  "a/b/c",
  "a\\b",
])("%s is a path", (text) => {
  expect(hubReference(text)).toBeUndefined();
});

test("an address elsewhere is a file of its own, and a token in it stays out of messages", () => {
  const reference = hubReference("https://civitai.com/api/download/models/1?token=secret");
  expect(reference).toMatchObject({ kind: "url" });
  expect(reference && referenceName(reference)).toBe("https://civitai.com/api/download/models/1");
});
