import { existsSync } from "node:fs";
import { pageChecks, serverChecks } from "./size-checks.mjs";

const [PAGE, SERVER] = ["dist", "../../dist/studio"];

// biome-ignore lint/style/noDefaultExport: size-limit looks for it
export default [...(existsSync(PAGE) ? pageChecks(PAGE) : []), ...(existsSync(SERVER) ? serverChecks(SERVER) : [])];
