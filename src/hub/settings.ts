import type { HubOptions } from "./hub-options.ts";

/** What is known of the machine before anything is looked up. */
export interface Environment {
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly homeFolder: string;
  /** The text of a file; undefined where there is none. */
  readText(path: string): Promise<string | undefined>;
}

/** Where downloads come from and are kept. */
export interface HubSettings {
  readonly cacheFolder: string;
  /** An origin, perhaps with a path, without a slash at its end. */
  readonly endpoint: string;
  readonly token: string | undefined;
  readonly civitaiToken: string | undefined;
  readonly offline: boolean;
  /** Milliseconds in which something must come. */
  readonly timeout: number;
}

const ENDPOINT = "https://huggingface.co";
const TIMEOUT_SECONDS = 10;
const TOKENS = ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"];

/** What options and the environment come to; options go before variables, as Python's huggingface_hub reads those. */
export async function hubSettings(options: HubOptions, environment: Environment): Promise<HubSettings> {
  const { variables } = environment;
  const read = (...names: readonly string[]): string | undefined =>
    names.map((name) => variables[name]?.trim()).find((value) => value !== undefined && value !== "");
  const path = (...names: readonly string[]): string | undefined => {
    const text = read(...names);
    return text === undefined ? undefined : expanded(text, environment);
  };
  const home = path("HF_HOME") ?? `${path("XDG_CACHE_HOME") ?? `${environment.homeFolder}/.cache`}/huggingface`;
  const endpoint = options.endpoint ?? read("HF_ENDPOINT") ?? ENDPOINT;
  if (!URL.canParse(endpoint) || !/^https?:/.test(endpoint)) {
    throw new TypeError(`Cannot use "${endpoint}" as the hub's endpoint: an address such as ${ENDPOINT} is required`);
  }
  const tokenPath = path("HF_TOKEN_PATH") ?? `${home}/token`;
  const seconds = Number(read("HF_HUB_DOWNLOAD_TIMEOUT") ?? TIMEOUT_SECONDS);
  return {
    cacheFolder: options.cacheFolder ?? path("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE") ?? `${home}/hub`,
    endpoint: endpoint.replace(/\/+$/, ""),
    token: asToken(options.token ?? read(...TOKENS) ?? (await environment.readText(tokenPath))),
    civitaiToken: read("CIVITAI_API_TOKEN"),
    offline: options.offline ?? ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"].some((name) => isSet(read(name))),
    timeout: 1000 * (Number.isFinite(seconds) && seconds > 0 ? seconds : TIMEOUT_SECONDS),
  };
}

/** Files of tokens may end with a line break; an empty text is none. */
function asToken(text: string | undefined): string | undefined {
  const token = text?.replaceAll(/\s/g, "");
  return token === "" ? undefined : token;
}

const isSet = (value: string | undefined): boolean => /^(1|on|yes|true)$/i.test(value ?? "");

/** `~` and `$NAME` as shells read them; names that stand for nothing stay. */
function expanded(path: string, { variables, homeFolder }: Environment): string {
  const known = path.replaceAll(
    /\$(?:\{(\w+)\}|(\w+))/g,
    (whole, braced?: string, bare?: string) => variables[braced ?? bare ?? ""] ?? whole,
  );
  return known.replace(/^~(?=$|[/\\])/, homeFolder);
}
