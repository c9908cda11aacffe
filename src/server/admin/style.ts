export const style = `
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --ink: #1b1f24; --quiet: #57606a; --line: #d5dae0;
  --good: #116329; --good-tint: #dcf4e2; --bad: #a40e26; --bad-tint: #ffe3e5; --link: #0757ba;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0e1116; --card: #161b22; --ink: #e8ecf1; --quiet: #9aa6b2; --line: #2d343d;
    --good: #6fdd8b; --good-tint: #12331d; --bad: #ff9aa2; --bad-tint: #45151c; --link: #79b8ff;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1.25rem 1rem 3rem; max-width: 64rem; background: var(--page);
  color: var(--ink); font: 16px/1.45 system-ui, "Segoe UI", "DejaVu Sans", sans-serif;
}
header { display: flex; flex-wrap: wrap; gap: .25rem 1rem; align-items: baseline; }
h1 { font-size: 1.35rem; margin: 0; }
h2 { font-size: 1.05rem; margin: 0; font-weight: 600; }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; border-radius: 4px; }
code { font: .92em/1.4 ui-monospace, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
.quiet { color: var(--quiet); font-weight: 400; }
.state { display: flex; flex-wrap: wrap; gap: .2rem 1.25rem; margin: .5rem 0 1rem; padding: 0; list-style: none; color: var(--quiet); font-size: .9rem; }
.state .no { color: var(--bad); font-weight: 600; }
.bar { display: flex; flex-wrap: wrap; gap: .6rem 1rem; align-items: center; margin: 0 0 1rem; }
.bar nav { display: flex; border: 1px solid var(--line); border-radius: 8px; overflow: hidden; background: var(--card); }
.bar nav a { padding: .35rem .8rem; color: var(--ink); text-decoration: none; }
.bar nav a + a { border-left: 1px solid var(--line); }
.bar nav a:hover { text-decoration: underline; }
.bar nav a:focus-visible { outline-offset: -3px; }
.bar nav a[aria-current] { background: var(--ink); color: var(--page); }
.bar form { display: flex; gap: .4rem; align-items: center; }
select, button { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .3rem .6rem; max-width: 16rem; }
#live { margin-left: auto; font-size: .9rem; color: var(--quiet); }
#live::before { content: ""; display: inline-block; width: .6rem; height: .6rem; border-radius: 50%; margin-right: .4rem; background: var(--quiet); }
#live[data-state=live]::before { background: var(--good); }
#live[data-state=lost]::before { background: var(--bad); }
article { background: var(--card); border: 1px solid var(--line); border-left: 6px solid var(--bad); border-radius: 8px; padding: .6rem .9rem; margin: 0 0 .7rem; }
article.allowed { border-left-color: var(--good); }
article.new { animation: arrive 2.5s ease-out; }
@keyframes arrive { from { box-shadow: 0 0 0 3px var(--link); } }
@media (prefers-reduced-motion: reduce) { article.new { animation: none; } }
.head { display: flex; flex-wrap: wrap; gap: .15rem .75rem; align-items: baseline; }
.head h2 { overflow-wrap: anywhere; }
.word { font-weight: 700; font-size: .9rem; padding: .05rem .5rem; border-radius: 5px; background: var(--bad-tint); color: var(--bad); }
.allowed .word { background: var(--good-tint); color: var(--good); }
.head time { margin-left: auto; color: var(--quiet); font-variant-numeric: tabular-nums; font-size: .9rem; }
.what { margin: .3rem 0 0; overflow-wrap: anywhere; }
.stop { margin: .3rem 0 0; color: var(--bad); font-weight: 600; overflow-wrap: anywhere; }
.stop .quiet { padding-left: .4rem; }
.checks { display: flex; flex-wrap: wrap; gap: .1rem .85rem; margin: .4rem 0 .25rem; padding: 0; list-style: none; font-size: .85rem; }
.checks li { white-space: nowrap; }
.checks .passed { color: var(--good); }
.checks .failed { background: var(--bad); color: var(--card); font-weight: 700; padding: 0 .45rem; border-radius: 4px; }
.checks .unreached { color: var(--quiet); }
summary { cursor: pointer; color: var(--link); font-size: .9rem; width: max-content; }
table { border-collapse: collapse; width: 100%; margin: .4rem 0 .2rem; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .2rem .8rem .2rem 0; border-top: 1px solid var(--line); overflow-wrap: anywhere; }
th { font-weight: 600; width: 11rem; }
td.mark { white-space: nowrap; width: 8rem; }
td.passed { color: var(--good); }
td.failed { color: var(--bad); font-weight: 700; }
td.unreached { color: var(--quiet); }
#none { padding: 2.5rem 1rem; text-align: center; color: var(--quiet); }
.away { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
@media (max-width: 40rem) { th { width: 7rem; } td.mark { width: 6.5rem; } .head time, #live { margin-left: 0; } }
`;
