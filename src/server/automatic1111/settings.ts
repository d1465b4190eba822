/** Settings of AUTOMATIC1111's that mean something here. */
export interface SettingsView {
  /** By name; the first where left out. */
  readonly model: string | undefined;
  /** Counted from 1, the last layer. */
  readonly clipSkip: number;
  readonly previewEvery: number | undefined;
  /** The library's choice where left out. */
  readonly previewKind: string | undefined;
}

/** What `GET /sdapi/v1/options` shows and `POST` changes, for as long as the server runs. */
export interface Settings {
  /** All of them by their names there. */
  show(model: string): Readonly<Record<string, unknown>>;
  change(changes: Readonly<Record<string, unknown>>): void;
  /** The settings, with those of one request over them. */
  with(changes: Readonly<Record<string, unknown>>): SettingsView;
}

/** Where nobody has changed anything. */
const DEFAULTS = {
  sd_model_checkpoint: "",
  sd_vae: "Automatic",
  CLIP_stop_at_last_layers: 1,
  samples_format: "png",
  live_previews_enable: false,
  show_progress_every_n_steps: 10,
  show_progress_type: "Automatic",
  img2img_color_correction: false,
} as const satisfies Readonly<Record<string, unknown>>;

/** What the web UI calls the library's kinds of previews. */
const PREVIEWS: ReadonlyMap<unknown, string> = new Map([
  ["Full", "full"],
  ["TAESD", "tiny"],
  ["Approx NN", "linear"],
  ["Approx cheap", "linear"],
]);

/** The settings of one server. */
export function settings(): Settings {
  let current: Readonly<Record<string, unknown>> = DEFAULTS;
  /** Clients send what they know; what means nothing here is not kept, so that it takes no memory. */
  const known = (changes: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> =>
    Object.fromEntries(Object.keys(DEFAULTS).flatMap((name) => (changes[name] == null ? [] : [[name, changes[name]]])));
  return {
    show: (model) => ({ ...current, sd_model_checkpoint: current["sd_model_checkpoint"] || model }),
    change(changes) {
      current = { ...current, ...known(changes) };
    },
    with(changes) {
      const all = { ...current, ...known(changes) };
      const model = all["sd_model_checkpoint"];
      const every = Number(all["show_progress_every_n_steps"]);
      const previews = all["live_previews_enable"] === true && Number.isInteger(every) && every > 0;
      const clipSkip = Number(all["CLIP_stop_at_last_layers"]);
      return {
        model: typeof model === "string" && model !== "" ? model : undefined,
        clipSkip: Number.isInteger(clipSkip) ? clipSkip : 1,
        previewEvery: previews ? every : undefined,
        previewKind: previews ? PREVIEWS.get(all["show_progress_type"]) : undefined,
      };
    },
  };
}
