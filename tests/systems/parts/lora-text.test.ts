import { describe, expect, test } from "vitest";
import { formatLora, parseLora } from "../../../src/systems/parts/lora-text.ts";

describe("parseLora()", () => {
  test.each([
    ["style.safetensors", { path: "style.safetensors" }],
    ["style.safetensors:0.8", { path: "style.safetensors", strength: 0.8 }],
    ["a:b/style.pt:-.5:text=0", { path: "a:b/style.pt", strength: -0.5, text: 0 }],
    ["C:\\loras\\style.safetensors", { path: "C:\\loras\\style.safetensors" }],
    ["folder:2:unet=1", { path: "folder", strength: 2, unet: 1 }],
  ])("reads %s", (text, choice) => {
    expect(parseLora(text)).toEqual(choice);
  });

  test.each(["strong", "nan", "", "0.5x"])("refuses the strength %j", (strength) => {
    expect(() => parseLora(`style.safetensors:${strength}`)).toThrow(
      `Cannot read the LoRA "style.safetensors:${strength}": "${strength}" is no strength, FILE[:STRENGTH][:unet=X][:text=X] is required`,
    );
  });

  test("refuses two strengths of one part", () => {
    expect(() => parseLora("style.safetensors:unet=0:unet=2")).toThrow(
      'Cannot read the LoRA "style.safetensors:unet=0:unet=2": a strength is given twice',
    );
  });

  test.each(["style.safetensors:0.8", "style.safetensors:unet=1:text=0"])("reads what is written: %s", (text) => {
    expect(formatLora(parseLora(text))).toBe(text);
  });
});
