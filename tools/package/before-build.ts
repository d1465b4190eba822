// Clears dist of what the sources no longer have, and hands them the version of package.json, the only place to change it.
import { readFileSync, rmSync, writeFileSync } from "node:fs";

const at = (path: string): URL => new URL(`../../${path}`, import.meta.url);

rmSync(at("dist"), { recursive: true, force: true });

const { version } = JSON.parse(readFileSync(at("package.json"), "utf8"));
writeFileSync(
  at("src/pipelines/version.ts"),
  `/** The version of this package; the build writes it from package.json. */\nexport const VERSION = ${JSON.stringify(version)};\n`,
);
