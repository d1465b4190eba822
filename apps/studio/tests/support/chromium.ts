import { existsSync } from "node:fs";

const PLACES = [process.env["CHROMIUM"], "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** The system's Chromium: the one that CHROMIUM names, or Debian's. */
export const CHROMIUM: string | undefined = PLACES.find((path) => path !== undefined && existsSync(path));

if (CHROMIUM === undefined) {
  process.stderr.write("The studio is not tested in a browser: no Chromium; CHROMIUM or Debian's package gives one\n");
}
