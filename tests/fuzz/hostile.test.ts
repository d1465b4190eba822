import { expect, test } from "vitest";
import { READERS } from "../../tools/fuzz/readers.ts";
import { HOSTILE } from "./hostile-files.ts";

/** Of one processor; the machine may have other work. */
const MOST_SECONDS = 2;
const MOST_BYTES = 300 * 2 ** 20;

test.each(Object.entries(HOSTILE))(
  "A file with %s takes no more than its size is worth",
  async (_, [reader, make, said]) => {
    const bytes = new Uint8Array(make());
    const [before, resident] = [process.cpuUsage(), process.memoryUsage.rss()];
    const outcome = await READERS[reader](bytes).then(
      () => "read",
      (error: unknown) => String(error),
    );
    const { user, system } = process.cpuUsage(before);
    expect(outcome).toMatch(said === "read" ? /^read$/ : said);
    expect((user + system) / 1e6).toBeLessThan(MOST_SECONDS);
    expect(process.memoryUsage.rss() - resident).toBeLessThan(MOST_BYTES);
  },
);
