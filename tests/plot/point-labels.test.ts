import fc from "fast-check";
import { expect, test } from "vitest";
import { frameOf } from "../../src/plot/frame.ts";
import { pointLabels } from "../../src/plot/point-labels.ts";

const FRAME = { ...frameOf(10), width: 400, height: 300, left: 50, right: 390, top: 30, bottom: 250 };
const STYLE = { color: "#000", shape: "circle" } as const;
const at = (label: string, px: number, py: number) => ({ label, px, py, style: STYLE });

/** What labels cover, as wide as they are taken for. */
const boxesOf = (labels: readonly string[]) =>
  labels.map((label) => {
    const [, x, y, rest, shown = ""] = /<text x="([\d.]+)" y="([\d.]+)"([^>]*)>([^<]*)/.exec(label) ?? [];
    const width = 6.5 * shown.length;
    const left = Number(x) - (rest?.includes("end") === true ? width : 0);
    return { left, right: left + width, top: Number(y) - 10, bottom: Number(y) + 2 };
  });

test("No label covers another one, or a point, however many there are", () => {
  const place = fc.record({ px: fc.integer({ min: 50, max: 390 }), py: fc.integer({ min: 30, max: 250 }) });
  fc.assert(
    fc.property(fc.array(place, { maxLength: 40 }), (places) => {
      const points = places.map(({ px, py }, i) => at(`N=${i} b0`, px, py));
      const boxes = boxesOf(pointLabels(points, FRAME));
      const marks = points.map(({ px, py }) => ({ left: px - 5, right: px + 5, top: py - 5, bottom: py + 5 }));
      for (const [i, a] of boxes.entries()) {
        for (const b of [...boxes.slice(i + 1), ...marks]) {
          const apart = a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top;
          expect(apart).toBe(true);
        }
      }
    }),
  );
});

test("A label keeps off a line that leaves its point to the right", () => {
  const points = [at("a", 200, 100), at("bcdef", 300, 110)];
  const lines = [[points[0]!, points[1]!]] as const;
  const [beside] = boxesOf(pointLabels(points, FRAME, { labelled: ["a"] }));
  const [off] = boxesOf(pointLabels(points, FRAME, { labelled: ["a"], lines }));
  expect(beside?.left).toBeGreaterThan(200);
  expect(off?.right).toBeLessThan(200);
});
