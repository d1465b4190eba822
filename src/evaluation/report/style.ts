/** The looks of drawings. */
export const DRAWING_CSS = `svg text { font: 11px system-ui, sans-serif; }
svg .title { font-size: 14px; font-weight: 600; } svg .label { font-size: 12px; } svg .note { font-size: 10px; fill: #666; }
svg .point { font-size: 11px; }
svg .grid { stroke: #e4e4e4; }
`;

/** The report's looks. */
export const CSS = `
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: #222; background: #fff; margin: 2rem auto; max-width: 1120px; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin: 0 0 .3rem; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .6rem; border-bottom: 1px solid #ddd; }
.wide { overflow: auto; max-height: 90vh; }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .6rem; text-align: right; white-space: nowrap; vertical-align: top; }
th:first-child, td:first-child { text-align: left; }
tbody tr + tr td { border-top: 1px solid #eee; }
th, .wide td:first-child { background: #fff; }
thead th { box-shadow: inset 0 -2px #222; vertical-align: bottom; position: sticky; top: 0; z-index: 1; }
.wide th:first-child, .wide td:first-child { position: sticky; left: 0; z-index: 1; } .wide thead th:first-child { z-index: 2; }
table.words th, table.words td { text-align: left; }
dl { display: grid; grid-template-columns: max-content auto; gap: .2rem 1rem; font-size: 13px; }
dt { font-weight: 600; } dd { margin: 0; }
.legend span { display: inline-flex; align-items: center; gap: .4rem; margin-right: 1.4rem; font-size: 13px; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(440px, 1fr)); gap: 1rem; }
.figures.crowded { grid-template-columns: 1fr; }
${DRAWING_CSS}table.grid th, table.grid td { text-align: center; white-space: normal; vertical-align: middle; min-width: 128px; }
table.grid th[scope=row] { text-align: left; font-weight: 400; max-width: 160px; }
img { display: block; margin: 0 auto; } img.small { image-rendering: pixelated; }
pre { font-size: 12px; background: #f6f6f6; padding: .8rem; overflow-x: auto; }
`;
