/** Text as HTML and SVG show it. */
export const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

/** An element; `content` is markup already. */
export function element(
  name: string,
  attributes: Readonly<Record<string, string | number | undefined>>,
  content = "",
): string {
  const written = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${escaped(typeof value === "number" ? rounded(value) : String(value))}"`)
    .join("");
  return `<${name}${written}>${content}</${name}>`;
}

/** Coordinates need no more than hundredths. */
const rounded = (value: number): string => String(Math.round(value * 100) / 100);

/** A line of text in SVG. */
export const text = (
  x: number,
  y: number,
  content: string,
  attributes: Readonly<Record<string, string | number>> = {},
): string => element("text", { x, y, ...attributes }, escaped(content));
