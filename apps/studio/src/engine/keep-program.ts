/** Keeps the rest of the program that runs models for visits without a network, once a visitor has had some of it. */
export async function keepProgram(): Promise<void> {
  if (__SERVED__ || !("serviceWorker" in navigator) || navigator.serviceWorker.controller === null) return;
  try {
    const listed = (await (await fetch("./engine/files.json")).json()) as readonly string[];
    for (const path of listed) await fetch(`./${path}`, { priority: "low" });
  } catch {
    // Without a network, it is there or comes another time.
  }
}
