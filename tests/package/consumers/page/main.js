import { psnr } from "deepcache/metrics";
import { architecture, describeUNet, drawPlan, fullEvaluations } from "deepcache/plan";

const { unet } = architecture("ddpm-cifar10");
const full = fullEvaluations({ kind: "uniform", interval: 5, branch: 0 }, 10);
const black = { width: 1, height: 1, data: new Uint8Array(3) };
document.querySelector("#plan").textContent = JSON.stringify({
  plan: drawPlan(full, 10),
  macs: describeUNet(unet).macs.full,
  psnr: psnr(black, { ...black, data: new Uint8Array([255, 255, 255]) }),
});
