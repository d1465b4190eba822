import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "yaml";

const read = (name: string): string => readFileSync(new URL(`../../examples/cluster/${name}`, import.meta.url), "utf8");
const { peerDependencies } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));

test("compose.yaml runs Redis, a server and two workers with the flags that there are", () => {
  const { services } = parse(read("compose.yaml")) as {
    services: Record<string, { command: string[]; deploy?: object }>;
  };
  expect(Object.keys(services)).toEqual(["redis", "server", "worker"]);
  const sources = ["serve", "worker"].map((name) =>
    readFileSync(new URL(`../../src/cli/commands/${name}.ts`, import.meta.url), "utf8"),
  );
  for (const [i, service] of ["server", "worker"].entries()) {
    const flags = services[service]?.command.filter((word) => word.startsWith("--")) ?? [];
    for (const flag of flags) expect(sources[i]).toContain(`"${flag} <`);
  }
  expect(services["worker"]?.deploy).toEqual({ replicas: 2 });
});

test("the Dockerfile installs every optional package of a server, and runs as nobody special", () => {
  const file = read("Dockerfile");
  // What calls OpenVINO is of no use without it, and the image has none.
  const optional = Object.keys(peerDependencies).filter((name) => !/^(onnxruntime-|koffi$)/.test(name));
  expect(optional.filter((name) => !file.includes(` ${name}`))).toEqual([]);
  const instructions = file
    .replaceAll(/\\\n/g, " ")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(" ")[0]);
  const known = ["FROM", "RUN", "WORKDIR", "USER", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD"];
  expect(instructions.filter((word) => !known.includes(word ?? ""))).toEqual([]);
  expect(file).toMatch(/^USER node$/m);
  expect(file.indexOf("USER node")).toBeLessThan(file.indexOf("npm install"));
});
