import { expect, test } from "vitest";
import type { Terminal } from "../../../src/cli/terminal/console.ts";
import { downloadBar } from "../../../src/cli/terminal/downloads.ts";

const MIB = 2 ** 20;

function recorded() {
  const lines: string[] = [];
  const terminal: Pick<Terminal, "status" | "progress"> = {
    status: (text) => void lines.push(text),
    progress(total) {
      lines.push(`bar of ${total}`);
      return { update: (done, label) => void lines.push(`${done} ${label}`), stop: () => void lines.push("stop") };
    },
  };
  return { lines, terminal: terminal as Terminal };
}

test("a download has a bar of what is missing, with the rate and the file, that ends with it", () => {
  const { lines, terminal } = recorded();
  const show = {
    name: "org/model",
    file: "unet/a.safetensors",
    fileLoaded: 0,
    fileTotal: undefined,
    remaining: undefined,
  };
  {
    using bar = downloadBar(terminal);
    bar.show({ ...show, loaded: 10 * MIB, total: 30 * MIB, rate: 0 });
    bar.show({ ...show, loaded: 20 * MIB, total: 30 * MIB, rate: 12_340_000 });
  }
  expect(lines).toEqual([
    "downloading org/model, 31.5 MB, of which 10.5 MB are there",
    "bar of 20",
    "0 MiB, 0.0 MB/s, unet/a.safetensors",
    "10 MiB, 12.3 MB/s, unet/a.safetensors",
    "stop",
  ]);
});

test("where nothing is downloaded, nothing is shown", () => {
  const { lines, terminal } = recorded();
  downloadBar(terminal)[Symbol.dispose]();
  expect(lines).toEqual([]);
});
