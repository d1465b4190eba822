import { join } from "node:path";
import type { OpenCheckpointOptions } from "../../checkpoint/open-checkpoint.ts";
import { cacheFolder } from "./cache-folder.ts";
import type { Progress, Terminal } from "./console.ts";

/** Where and how torch files are copied whose tensors cannot be used in place, with a bar that shows it. */
export function conversion(terminal: Terminal, signal: AbortSignal): OpenCheckpointOptions {
  let bar: Progress | undefined;
  return {
    cacheFolder: join(cacheFolder(), "converted"),
    signal,
    onProgress({ written, total }) {
      bar ??= terminal.progress(Math.ceil(total / MEBIBYTE));
      bar.update(Math.floor(written / MEBIBYTE), "MiB converted, once for this checkpoint");
      if (written < total) return;
      bar.stop();
      bar = undefined;
    },
  };
}

const MEBIBYTE = 1024 * 1024;
