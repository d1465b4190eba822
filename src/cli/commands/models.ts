import type { Command } from "commander";
import { sizeText } from "../../hub/size-text.ts";
import { type CachedModel, cachedModels, removeModel } from "../../hub/stores/node/cached-models.ts";
import { openHub } from "../../hub/stores/node/open-hub.ts";
import type { Terminal } from "../terminal/console.ts";
import { table } from "../terminal/units.ts";

interface Flags {
  readonly remove?: readonly string[];
  readonly json?: boolean;
}

const texts = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];

/** `deepcache models`: what the cache holds. */
export function addModels(program: Command, terminal: Terminal): void {
  program
    .command("models")
    .summary("what has been downloaded, how large it is, and removing it")
    .description(
      "Lists the models in the cache that Python's huggingface_hub shares, also those that other programs downloaded, with " +
        "what they take on disk. --remove deletes a model, or one revision and what no other needs.",
    )
    .option("--remove <id>", "delete org/name or org/name@revision; may be repeated", texts)
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  deepcache models --remove stable-diffusion-v1-5/stable-diffusion-v1-5")
    .action(async ({ remove = [], json = false }: Flags) => {
      const { settings } = await openHub();
      const { cacheFolder } = settings;
      const removed: { readonly id: string; readonly freed: number }[] = [];
      for (const text of remove) removed.push({ id: text, ...(await removeNamed(text, cacheFolder)) });
      if (remove.length > 0) {
        if (json) terminal.printJson({ cacheFolder, removed });
        else terminal.print(removed.map(({ id, freed }) => `removed ${id}: ${sizeText(freed)}`).join("\n"));
        return;
      }
      const models = await cachedModels(cacheFolder);
      if (json) terminal.printJson({ cacheFolder, models });
      else terminal.print(listText(models, cacheFolder));
    });
}

async function removeNamed(text: string, cacheFolder: string) {
  const [, id = text, revision] = /^([^@]+)@(.+)$/.exec(text) ?? [];
  return await removeModel(cacheFolder, id, revision);
}

function listText(models: readonly CachedModel[], cacheFolder: string): string {
  if (models.length === 0) return `${cacheFolder}: nothing has been downloaded`;
  const rows = models.map(({ id, size, incomplete, revisions }) => [
    id,
    sizeText(size),
    revisions.map(({ commit, refs }) => (refs.length === 0 ? commit.slice(0, 8) : refs.join(", "))).join("; "),
    incomplete === 0 ? "" : `${sizeText(incomplete)} begun`,
  ]);
  const total = models.reduce((sum, { size }) => sum + size, 0);
  return [table([["model", "size", "revisions", ""], ...rows]), "", `${cacheFolder}: ${sizeText(total)}`].join("\n");
}
