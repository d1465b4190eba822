import type { DownloadProgress } from "../../hub/hub-options.ts";
import { sizeText } from "../../hub/size-text.ts";
import { placeNamed } from "../../systems/from-hub/place.ts";
import type { Places } from "../../systems/from-hub/places.ts";
import type { Progress, Terminal } from "./console.ts";
import { rateText } from "./units.ts";

const MEBIBYTE = 1024 * 1024;

/** A bar for one download, with its rate; the time that is left stands beside it. */
export interface DownloadBar extends Disposable {
  show(progress: DownloadProgress): void;
}

/** A bar that appears with the first bytes. */
export function downloadBar(terminal: Terminal): DownloadBar {
  let bar: Progress | undefined;
  let before = 0;
  return {
    show({ name, file, loaded, total = loaded, rate }) {
      if (bar === undefined) {
        before = loaded;
        terminal.status(
          `downloading ${name}, ${sizeText(total)}${loaded > MEBIBYTE ? `, of which ${sizeText(loaded)} are there` : ""}`,
        );
        bar = terminal.progress(Math.ceil((total - before) / MEBIBYTE)); // what is there would spoil the estimate
      }
      bar.update(Math.max(0, Math.floor((loaded - before) / MEBIBYTE)), `MiB, ${rateText(rate)}, ${file}`);
    },
    [Symbol.dispose]() {
      bar?.stop();
      bar = undefined;
    },
  };
}

/** Finds what names stand for, with a bar for what is downloaded. */
export const terminalPlaces =
  (terminal: Terminal, signal: AbortSignal): Places =>
  async (text, options) => {
    using bar = downloadBar(terminal);
    return await placeNamed(text, { ...options, hub: { signal, onProgress: bar.show } });
  };
