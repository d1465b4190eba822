import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { axisOver, positionOn } from "../../src/plot/axis.ts";
import { paretoFront, scatter } from "../../src/plot/scatter.ts";
import { timeline } from "../../src/plot/timeline.ts";

describe("axisOver()", () => {
  test("marks round numbers around all values", () => {
    expect(axisOver([31.2, 38.9])).toEqual({ low: 30, high: 40, ticks: [30, 32, 34, 36, 38, 40], digits: 0 });
    expect(axisOver([0.97, 0.993]).digits).toBe(3);
    expect(axisOver([1.2], { fromZero: true })).toMatchObject({ low: 0, high: 1.5, digits: 1 });
  });

  test("holds every value, and 0 where asked to", () => {
    const values = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1 });
    fc.assert(
      fc.property(values, fc.boolean(), (each, fromZero) => {
        const { low, high, ticks } = axisOver(each, { fromZero });
        const slack = 1e-6 * (high - low);
        for (const value of each) expect(value >= low - slack && value <= high + slack).toBe(true);
        if (fromZero) expect(low <= 0 && high >= 0).toBe(true);
        expect(ticks.length).toBeGreaterThan(1);
        expect(ticks.length).toBeLessThan(12);
      }),
    );
  });

  test("maps its ends to the ends of the drawing", () => {
    const axis = axisOver([0, 10]);
    expect([positionOn(axis, 0, 100, 300), positionOn(axis, 5, 100, 300), positionOn(axis, 10, 300, 100)]).toEqual([
      100, 200, 100,
    ]);
  });
});

describe("paretoFront()", () => {
  const points = [
    { x: 3, y: 5 },
    { x: 1, y: 1 },
    { x: 2, y: 4 },
    { x: 4, y: 4.5 },
    { x: 2, y: 3 },
    { x: Number.NaN, y: 9 },
  ];

  test("keeps what nothing beats in both, by cost", () => {
    expect(paretoFront(points, "higher").map(({ x, y }) => [x, y])).toEqual([
      [1, 1],
      [2, 4],
      [3, 5],
    ]);
    expect(paretoFront(points, "lower").map(({ x, y }) => [x, y])).toEqual([[1, 1]]);
  });
});

test("scatter() says where its vertical axis does not begin at 0, and begins at 0 across", () => {
  const style = { color: "#000", shape: "circle" } as const;
  const options = { title: "a < b", xLabel: "cost", yLabel: "PSNR", better: "higher" } as const;
  const svg = scatter([{ label: "p", x: 20, y: 33, low: 32, high: 34, style }], options);
  expect(svg).toContain("the vertical axis begins at 32");
  expect(svg).toContain(">0</text>");
  expect(svg).toContain("a &lt; b");
  expect(svg).toContain("PSNR (higher is better)");
  expect(scatter([{ label: "p", x: 20, y: 0, style }], options)).not.toContain("the vertical axis begins");
});

describe("a plot of many points", () => {
  const style = { color: "#000", shape: "circle" } as const;
  const options = { title: "t", xLabel: "cost", yLabel: "PSNR", better: "higher" } as const;
  const points = Array.from({ length: 30 }, (_, i) => ({
    ...{ label: `p${i}.`, x: 30 - i, y: i === 20 ? 9 : 1, style },
    series: i < 15 ? "first" : "second",
  }));
  const labels = (svg: string): string[] =>
    [...svg.matchAll(/class="point">([^<]*)</g)].map(([, label]) => label ?? "");

  test("labels the front and the cheapest of every series, and joins the series", () => {
    const svg = scatter(points, options);
    expect(labels(svg).sort()).toEqual(["p14.", "p20.", "p29."]);
    expect(svg.match(/<polyline/g)).toHaveLength(3);
    expect(svg.match(/<title>/g)).toHaveLength(30);
  });

  test("labels what is asked for", () => {
    expect(labels(scatter(points, { ...options, labelled: ["p3."] }))).toEqual(["p3."]);
    expect(labels(scatter(points.slice(0, 5), options))).toHaveLength(5);
  });
});

describe("timeline()", () => {
  const run = { name: "uniform:2:0", full: [0, 2] };
  const time = { name: "uniform:2:0", evaluationSeconds: [0.3, 0.1, 0.2] };
  const blocks = (svg: string) => [...svg.matchAll(/<rect x="([\d.]+)"[^>]*width="([\d.]+)"[^>]*fill="([^"]+)"/g)];

  test("draws a block for each evaluation, as wide as it took", () => {
    const svg = timeline([run], [time]);
    const widths = blocks(svg).map(([, , width]) => Number(width) + 0.6);
    expect(widths).toHaveLength(3);
    expect((widths[0] ?? 0) / (widths[1] ?? 1)).toBeCloseTo(3, 1);
    expect(svg).toContain("evaluation 1, cached, 100.0 ms per image");
  });

  test("fits into the width and takes the fills that it is given", () => {
    const svg = timeline([run], [time], { width: 300, nameWidth: 80, colors: { full: "navy", cached: "url(#dots)" } });
    expect(svg).toContain('viewBox="0 0 300 ');
    expect(blocks(svg).map(([, , , fill]) => fill)).toEqual(["navy", "url(#dots)", "navy"]);
    for (const [, x, width] of blocks(svg)) expect(Number(x) + Number(width)).toBeLessThan(300);
  });
});

describe("scatter()", () => {
  const style = { color: "navy", shape: "circle" } as const;
  const options = { title: "t", xLabel: "x", yLabel: "y", better: "higher" } as const;
  const front = (svg: string) => /<polyline points="([^"]*)"/.exec(svg)?.[1]?.split(" ").length;

  test("draws what is in the background without a label, and off the front", () => {
    const points = [
      { label: "own", x: 2, y: 2, style },
      { label: "published", x: 1, y: 3, style, background: true },
    ];
    const svg = scatter(points, options);
    expect(front(svg)).toBe(1);
    expect([...svg.matchAll(/class="point">([^<]*)/g)].map(([, label]) => label)).toEqual(["own"]);
    expect(svg).toContain("<title>published</title>");
  });

  test("names points for the page that shows it, and has the size that it is given", () => {
    const frame = { width: 300, height: 200, left: 50, right: 290, top: 20, bottom: 160 };
    const svg = scatter([{ label: "own", x: 2, y: 2, style, id: "a1" }], { ...options, frame });
    expect(svg).toContain('<g data-point="a1">');
    expect(svg).toContain('viewBox="0 0 300 200"');
  });
});
