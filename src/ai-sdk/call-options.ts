import type { ImageCall, ImageFile, ImageWarning } from "./image-model.ts";
import type { MakerOptions } from "./maker.ts";

/** Options of the library that a call of the AI SDK comes to. */
export interface CallOptions {
  readonly options: MakerOptions;
  readonly warnings: readonly ImageWarning[];
}

/** Reads a call; what the library has nothing for is a warning, and what cannot be is refused. */
export function callOptions(call: ImageCall): CallOptions {
  const { prompt, n, size, aspectRatio, seed, files = [], mask, providerOptions } = call;
  const warnings: ImageWarning[] = [];
  if (aspectRatio !== undefined) {
    warnings.push({ type: "unsupported", feature: "aspectRatio", details: "Give a size such as 512x768 instead" });
  }
  if (files.length > 1) {
    warnings.push({ type: "unsupported", feature: "files", details: "Images start from the first file alone" });
  }
  const [width, height] = size?.split("x").map(Number) ?? [];
  const [first] = files;
  const asked = {
    ...providerOptions["deepcache"],
    ...given({ prompt, width, height, seed, count: n }),
    ...given({ image: first && bytesOf(first), mask: mask && bytesOf(mask) }),
  };
  return { options: asked, warnings };
}

const given = (options: MakerOptions): MakerOptions =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));

function bytesOf(file: ImageFile): Uint8Array {
  if (file.type === "url") {
    if (!file.url.startsWith("data:")) {
      throw new TypeError(
        `Cannot start from "${file.url.slice(0, 100)}": nothing is fetched, give the picture's bytes`,
      );
    }
    return fromBase64(file.url.slice(file.url.indexOf(",") + 1));
  }
  return typeof file.data === "string" ? fromBase64(file.data) : file.data;
}

const fromBase64 = (text: string): Uint8Array => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
