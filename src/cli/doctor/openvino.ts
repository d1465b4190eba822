import { type FoundDevice, openVinoDevices, openVinoVersion } from "../../runtime/openvino/examine.ts";
import { openVinoPaths } from "../../runtime/openvino/load-openvino.ts";

/** What OpenVINO offers on this machine, or why it cannot be used. */
export type FoundOpenVino =
  | { readonly version: string; readonly library: string; readonly devices: readonly FoundDevice[] }
  | { readonly missing: string };

/** Looks for OpenVINO and asks it for its devices. */
export function examineOpenVino(): FoundOpenVino {
  try {
    const { library } = openVinoPaths();
    return { version: openVinoVersion(), library, devices: openVinoDevices() };
  } catch (error) {
    return { missing: error instanceof Error ? error.message : String(error) };
  }
}

/** The line of `doctor` about it. */
export function openVinoText(found: FoundOpenVino): string {
  if ("missing" in found) return found.missing;
  const devices = found.devices.map(({ device, precisions }) => `${device} in ${precisions.join(", ")}`);
  return `${found.version}, ${found.library}: ${devices.join("; ")}`;
}
