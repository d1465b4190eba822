import { execFile } from "node:child_process";

/** How a program ended. */
export interface Ended {
  readonly code: number;
  readonly output: string;
}

/** What npm may inherit from the npm that started the tests: where packages come from, but not this repository's settings. */
const INHERITED = /^npm_config_(registry|cafile|cache|userconfig|globalconfig|proxy|https_proxy|noproxy)$/i;

/** Runs a program in `folder` as a user would. */
export function run(
  program: string,
  parameters: readonly string[],
  folder: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(npm_|vitest|node_options$|node_env$)/i.test(name) || INHERITED.test(name),
  );
  const options = {
    cwd: folder,
    env: { ...Object.fromEntries(kept), ...env },
    shell: isWindows && /^npm$|\.cmd$/.test(program),
  };
  return new Promise((resolve) => {
    execFile(program, parameters, options, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), output: `${stdout}${stderr}` });
    });
  });
}

const isWindows = process.platform === "win32";

/** Like `run`, for what has to succeed. */
export async function succeed(...[program, parameters, folder, env]: Parameters<typeof run>): Promise<string> {
  const { code, output } = await run(program, parameters, folder, env);
  if (code !== 0) throw new Error(`Cannot run ${program} ${parameters.join(" ")}: exit code ${code}\n${output}`);
  return output;
}
