import { existsSync } from "node:fs";

const DEBIAN = "/usr/bin/chromium";

/** The browser that pages are tested in: the one that CHROMIUM names, or Debian's. */
export const CHROMIUM: string | undefined = process.env["CHROMIUM"] ?? (existsSync(DEBIAN) ? DEBIAN : undefined);

/** WebGPU on a processor, by SwiftShader; without it, Chromium has no WebGPU on a machine without a GPU. */
export const SWIFTSHADER: readonly string[] = [
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
  "--enable-features=Vulkan",
];
