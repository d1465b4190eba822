import type { Pages } from "./pages.ts";
import type { App } from "./route.ts";

/** What a page may load and whom it may ask: nothing and nobody but this server. */
const POLICY =
  "default-src 'self'; img-src 'self' blob: data:; style-src 'self'; worker-src 'self' blob:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'";

/** Adds files for browsers, which no other interface has. */
export function addPages(app: App, pages: Pages): void {
  for (const [path, { bytes, type }] of Object.entries(pages)) {
    app.get(path, (c) =>
      c.body(bytes, 200, {
        "content-type": type,
        // Names of assets change with what is in them.
        "cache-control": path.startsWith("/assets/") ? "public, max-age=31536000, immutable" : "no-cache",
        "content-security-policy": POLICY,
        "referrer-policy": "no-referrer",
      }),
    );
  }
}
