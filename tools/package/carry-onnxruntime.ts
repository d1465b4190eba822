// Puts a copy of onnxruntime-node into the folder that is going to be packed, for the systems on which installing it runs
// a script that needs more than npm's registry; --remove takes it away again. docs/decisions/0017 says why.
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const SYSTEMS = ["linux-x64"];
/** The version whose LICENSE and ThirdPartyNotices.txt lie beside this file; they come from its Python wheel. */
const NOTICES_OF = "1.30.0";

const at = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const CARRIED = at("onnxruntime");
const INSTALLED = at("node_modules/onnxruntime-node");

rmSync(CARRIED, { recursive: true, force: true });
if (!process.argv.includes("--remove")) for (const system of SYSTEMS) carry(system);

function carry(system: string): void {
  const { name, version, description, author, license, repository, main } = JSON.parse(
    readFileSync(join(INSTALLED, "package.json"), "utf8"),
  );
  if (version !== NOTICES_OF) {
    throw new Error(
      `Cannot carry onnxruntime-node ${version}: tools/package/onnxruntime holds the notices of ${NOTICES_OF}, those of ${version} are required`,
    );
  }
  const folder = join(CARRIED, system);
  const kept = { name, version, description, author, license, repository, main };
  for (const file of readdirSync(join(INSTALLED, "dist")).filter((name) => name.endsWith(".js"))) {
    cpSync(join(INSTALLED, "dist", file), join(folder, "dist", file));
  }
  const binaries = join("bin/napi-v6", system.replace("-", "/"));
  cpSync(join(INSTALLED, binaries), join(folder, binaries), { recursive: true });
  cpSync(at("tools/package/onnxruntime"), folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(kept, undefined, 2)}\n`);
}
