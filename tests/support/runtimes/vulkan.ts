import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { CHROMIUM } from "../browser/chromium.ts";

/** Where Debian's chromium keeps SwiftShader, a Vulkan driver that needs no GPU, and beside it the Vulkan loader. */
const SWIFTSHADER = "/usr/lib/chromium/vk_swiftshader_icd.json";

/** The Vulkan driver that WebGPU is tested on: the one that VK_DRIVER_FILES names, or chromium's. */
export const VULKAN_DRIVER: string | undefined =
  process.env["VK_DRIVER_FILES"] ?? (existsSync(SWIFTSHADER) ? SWIFTSHADER : undefined);

/** Before any test starts: libraries are looked up where LD_LIBRARY_PATH pointed at the start of a process. */
export default function setup(): void {
  if (CHROMIUM === undefined) {
    process.stderr.write("Browsers are not tested: no Chromium; CHROMIUM or Debian's package chromium gives one\n");
  }
  if (VULKAN_DRIVER === undefined) {
    process.stderr.write(
      "WebGPU is not tested: no Vulkan driver; VK_DRIVER_FILES or Debian's package chromium gives one\n",
    );
    return;
  }
  const known = process.env["LD_LIBRARY_PATH"];
  process.env["VK_DRIVER_FILES"] = VULKAN_DRIVER;
  process.env["LD_LIBRARY_PATH"] = known ? `${known}:${dirname(VULKAN_DRIVER)}` : dirname(VULKAN_DRIVER);
}
