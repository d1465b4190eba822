import { findOpenVino } from "../../../src/runtime/openvino/find-openvino.ts";

/** OpenVINO's C library, which Python's package `openvino` brings, too; OPENVINO_DIR names where it lies. */
export const OPENVINO: string | undefined = (() => {
  try {
    return findOpenVino();
  } catch {
    return undefined;
  }
})();

/** Before any test starts. */
export default function setup(): void {
  if (OPENVINO === undefined) {
    process.stderr.write("OpenVINO is not tested: it is not here; pip install openvino and OPENVINO_DIR give it\n");
  }
}
