import { DoctorDialog } from "./parts/doctor-dialog.tsx";
import { DropZone } from "./parts/drop-zone.tsx";
import { KeyboardHelp } from "./parts/keyboard-help.tsx";
import { useKeys } from "./parts/keys.ts";
import { LazyHub } from "./parts/lazy-hub.tsx";
import { Live } from "./parts/live.tsx";
import { EvaluationStrip } from "./regions/evaluation-strip.tsx";
import { HistoryStrip } from "./regions/history-strip.tsx";
import { ModelBar } from "./regions/model-bar.tsx";
import { PairView } from "./regions/pair-view.tsx";
import { PromptForm } from "./regions/prompt-form.tsx";
import { TradeOff } from "./regions/trade-off.tsx";

/** The page: five regions, and what may lie over them. */
export function App() {
  useKeys();
  return (
    <>
      <a class="skip" href="#pair">
        Skip to the pictures
      </a>
      <ModelBar />
      <main class="studio">
        <PromptForm />
        <PairView />
        <EvaluationStrip />
        <TradeOff />
        <HistoryStrip />
      </main>
      <DropZone />
      <DoctorDialog />
      <LazyHub />
      <KeyboardHelp />
      <Live />
    </>
  );
}
