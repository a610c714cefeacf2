// The look of the pages: one sheet, system fonts, light and dark by the reader's own setting.

export const pageStyle = `
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5b6675; --line: #dde2e8; --paper: #fff; --tint: #f5f7fa;
  --accent: #1f5fd0; --good: #15803d; --bad: #b42318; --warn: #a15c07; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaf0; --soft: #98a4b3; --line: #2c3542; --paper: #12171e;
  --tint: #1a212b; --accent: #7fb0ff; --good: #5dd28a; --bad: #ff8f85; --warn: #f0b35a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.25rem 5rem; max-width: 58rem; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, sans-serif; }
h1 { font-size: 1.7rem; margin: 0 0 .3rem; letter-spacing: -.01em; }
h2 { font-size: 1.15rem; margin: 2.4rem 0 .8rem; }
p { margin: .4rem 0 1rem; } a { color: var(--accent); }
nav { display: flex; flex-wrap: wrap; gap: .3rem 1.1rem; margin: .8rem 0 1.6rem; }
code, pre, .mono { font: .875em/1.5 ui-monospace, monospace; }
pre { margin: .5rem 0; padding: .7rem .9rem; overflow: auto; max-height: 30rem; white-space: pre-wrap; overflow-wrap: anywhere;
  background: var(--tint); border-radius: 6px; }
.soft { color: var(--soft); }
.card, details { border: 1px solid var(--line); border-radius: 8px; margin: .6rem 0; }
.card { padding: .8rem 1rem; }
summary { cursor: pointer; padding: .6rem .9rem; display: flex; flex-wrap: wrap; gap: .7rem; align-items: baseline; }
details > div { padding: .2rem .9rem .9rem; border-top: 1px solid var(--line); }
.method { font-weight: 700; min-width: 4rem; } .get { color: var(--good); } .post { color: var(--accent); }
.delete { color: var(--bad); }
table { border-collapse: collapse; width: 100%; margin: .4rem 0 1rem; }
td, th { text-align: left; vertical-align: top; padding: .35rem .7rem .35rem 0; border-bottom: 1px solid var(--line); }
th { font-weight: 600; color: var(--soft); font-size: .85em; }
label { display: block; margin: .8rem 0 .25rem; font-weight: 600; font-size: .9em; }
input, textarea { width: 100%; padding: .6rem .7rem; font: inherit; color: inherit; background: var(--tint);
  border: 1px solid var(--line); border-radius: 6px; }
button { margin: .8rem .6rem 0 0; padding: .55rem 1.2rem; font: inherit; font-weight: 600; border-radius: 6px;
  border: 1px solid var(--accent); background: var(--accent); color: var(--paper); cursor: pointer; }
button.quiet { background: none; color: var(--accent); }
button:disabled { opacity: .5; cursor: default; }
.answer { font-size: 1.1rem; white-space: pre-wrap; overflow-wrap: anywhere; }
.bad { color: var(--bad); } .good { color: var(--good); } .warn { color: var(--warn); }
[hidden] { display: none; }
`;
