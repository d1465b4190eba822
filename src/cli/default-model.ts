import { fileURLToPath } from "node:url";

/** The model that comes with the package. */
export const defaultModelFolder = (): string =>
  fileURLToPath(new URL("../../models/fluent-scenes", import.meta.url)).replace(/\/$/, "");
