import { expect, test } from "vitest";
import { element, escaped } from "../../src/plot/markup.ts";

test("Text is shown as it is, whatever it means in markup", () => {
  expect(escaped(`<a href="x">&amp;</a>`)).toBe("&lt;a href=&quot;x&quot;&gt;&amp;amp;&lt;/a&gt;");
});

test("No value ends its attribute", () => {
  expect(element("text", { title: '"><script>', x: 1 })).toContain('title="&quot;&gt;&lt;script&gt;"');
});
