import { render } from "preact";
import "./style/tokens.css";
import "./style/parts.css";
import "./style/layout.css";
import { App } from "./app.tsx";
import { chooseEngine } from "./engine/choose-engine.ts";
import { showExample } from "./state/example.ts";
import { readHistory } from "./state/history/history.ts";
import { takeEngine } from "./state/models/open-model.ts";
import { readOwnModels } from "./state/models/own-models.ts";
import { keepForm, status } from "./state/session.ts";
import { keepTheme } from "./state/theme.ts";
import { collectPoints } from "./state/trade-off.ts";

if (!__SERVED__ && "serviceWorker" in navigator && !import.meta.env.DEV) {
  // Without it, the page works all the same, with a network.
  void navigator.serviceWorker.register("./sw.js").catch(() => {});
}
keepTheme();
keepForm();
const place = document.querySelector("#studio");
if (place === null) throw new Error("Cannot show the studio: its page is another one");
render(<App />, place);

void showExample();
collectPoints();
void readHistory();
if (!__SERVED__) await readOwnModels();
try {
  await takeEngine(await chooseEngine());
} catch (error) {
  const { message, code } = error as Error & { readonly code?: string };
  status.value = { kind: "error", message, code };
}
