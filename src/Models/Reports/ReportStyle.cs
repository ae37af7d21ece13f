namespace Marrow.Reports;

/// <summary>How a report looks.</summary>
internal static class ReportStyle
{
    // Series colors stay apart for color-blind readers too (Okabe and Ito, darkened or lightened for the paper).
    public const string Text = """
        :root {
          --paper: #fff; --ink: #1d2126; --quiet: #626a75; --line: #e3e6ea; --panel: #f6f7f9;
          --right: #0a7a55; --wrong: #b3401a;
          --s0: #0072b2; --s1: #d55e00; --s2: #009e73; --s3: #b8548f; --s4: #c98a00;
          --s5: #3a9bd6; --s6: #444b55; --s7: #994455; --s8: #5f8f00; --s9: #7755cc;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --paper: #14171b; --ink: #e6e8eb; --quiet: #98a1ad; --line: #2b3038; --panel: #1b1f25;
            --right: #4cc79b; --wrong: #f08a5d;
            --s0: #58b0ea; --s1: #ff8f4a; --s2: #35c99b; --s3: #e08fc0; --s4: #e6b04a;
            --s5: #8fd0f7; --s6: #b4bcc7; --s7: #d9808f; --s8: #a5c94f; --s9: #ab94f0;
          }
        }
        * { box-sizing: border-box; }
        body {
          margin: 0; background: var(--paper); color: var(--ink);
          font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", sans-serif;
          -webkit-text-size-adjust: 100%;
        }
        main { max-width: 60rem; margin: 0 auto; padding: clamp(1.25rem, 4vw, 4rem) clamp(1rem, 4vw, 2rem); }
        h1 { font-size: clamp(1.6rem, 4.5vw, 2.3rem); line-height: 1.15; letter-spacing: -.015em; margin: 0; }
        .title p { color: var(--quiet); font-size: 1.1rem; max-width: 42rem; margin: .75rem 0 0; }
        section { margin-top: clamp(2rem, 5vw, 3.25rem); }
        h2 {
          font-size: 1.15rem; margin: 0 0 1rem; padding-bottom: .4rem; border-bottom: 1px solid var(--line);
        }
        h3 {
          font-size: .75rem; font-weight: 600; color: var(--quiet); margin: .9rem 0 .25rem;
        }
        dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 25rem), 1fr)); gap: 0 2.5rem;
          margin: 0; }
        dl div { display: flex; gap: 1rem; padding: .3rem 0; border-bottom: 1px solid var(--line); }
        dt { flex: 0 0 9.5rem; color: var(--quiet); }
        dd { margin: 0; overflow-wrap: anywhere; min-width: 0; }
        .scroll { overflow-x: auto; }
        table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
        th, td { text-align: left; padding: .42rem .8rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
        th { color: var(--quiet); font-weight: 500; font-size: .875rem; vertical-align: bottom; }
        th:first-child, td:first-child { padding-left: 0; }
        th:last-child, td:last-child { padding-right: 0; }
        .number { text-align: right; }
        .note, figcaption { color: var(--quiet); font-size: .9rem; margin: .75rem 0 0; max-width: 46rem; }
        figure { margin: 0; }
        svg { display: block; width: 100%; height: auto; font-size: 13px; }
        .narrow { display: none; }
        @media (max-width: 640px) {
          .wide { display: none; }
          .narrow { display: block; }
          dt { flex-basis: 7.5rem; }
        }
        polyline { fill: none; stroke: currentColor; stroke-linejoin: round; }
        text { fill: currentColor; dominant-baseline: central; font-variant-numeric: tabular-nums; }
        rect { fill: currentColor; shape-rendering: crispEdges; }
        .ink { color: var(--ink); } .quiet { color: var(--quiet); } .grid { color: var(--line); }
        .s0 { color: var(--s0); } .s1 { color: var(--s1); } .s2 { color: var(--s2); } .s3 { color: var(--s3); }
        .s4 { color: var(--s4); } .s5 { color: var(--s5); } .s6 { color: var(--s6); } .s7 { color: var(--s7); }
        .s8 { color: var(--s8); } .s9 { color: var(--s9); }
        article {
          border-left: 3px solid var(--wrong); background: var(--panel); border-radius: 0 6px 6px 0;
          padding: .8rem 1.1rem 1rem; margin-top: .9rem; break-inside: avoid;
        }
        article.right { border-color: var(--right); }
        article header { display: flex; justify-content: space-between; gap: 1rem; font-size: .9rem; }
        article strong { color: var(--wrong); font-weight: 600; }
        article.right strong { color: var(--right); }
        .pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 18rem), 1fr)); gap: 0 1.5rem; }
        pre {
          margin: 0; white-space: pre-wrap; overflow-wrap: anywhere;
          font: .85rem/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
        }
        .code { background: var(--panel); border-radius: 6px; padding: .9rem 1.1rem; }
        footer { margin-top: 3.5rem; color: var(--quiet); font-size: .85rem; }
        @media print { main { max-width: none; padding: 0; } section { break-inside: avoid-page; } }
        """;
}
