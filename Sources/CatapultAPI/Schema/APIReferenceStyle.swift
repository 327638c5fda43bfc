/// The looks of the reference page: two columns on a desk, one on a telephone, dark where the reader's system is dark.
enum APIReferenceStyle {
    static let sheet = """

        :root { color-scheme: light dark; --ink: #1d2430; --soft: #5b6675; --line: #dfe4ea; --page: #fff; --panel: #f6f8fa; --link: #0b5cad;
          --read: #17693a; --write: #8a5300; --destructive: #b3261e; --code: #eef1f5; }
        @media (prefers-color-scheme: dark) { :root { --ink: #e3e8ef; --soft: #9aa7b8; --line: #2d3746; --page: #11161d; --panel: #171d26;
          --link: #7db7ff; --read: #6fd39a; --write: #f0b35b; --destructive: #ff8f86; --code: #1f2733; } }
        * { box-sizing: border-box; }
        html { scroll-behavior: smooth; scroll-padding-top: 1rem; }
        @media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
        body { margin: 0; display: grid; grid-template-columns: 20rem minmax(0, 1fr); color: var(--ink); background: var(--page);
          font: 1rem/1.55 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
        nav { position: sticky; top: 0; height: 100vh; overflow: auto; padding: 1.25rem 1rem 3rem; background: var(--panel);
          border-right: 1px solid var(--line); font-size: .875rem; }
        nav p { margin: 1.1rem 0 .3rem; font-weight: 600; }
        nav p a { color: var(--ink); }
        nav .name { margin-top: 0; font-size: 1.05rem; }
        nav ul { margin: 0; padding: 0; list-style: none; }
        nav li a { display: grid; grid-template-columns: 3.6rem 1fr; gap: .4rem; padding: .2rem .35rem; border-radius: .3rem; color: var(--ink); }
        nav li a:hover { background: var(--code); text-decoration: none; }
        main { padding: 2rem clamp(1rem, 4vw, 4rem) 6rem; max-width: 68rem; }
        a { color: var(--link); text-decoration: none; }
        a:hover { text-decoration: underline; }
        :focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: .2rem; }
        .skip { position: absolute; left: -99rem; }
        .skip:focus { left: 1rem; top: 1rem; padding: .5rem 1rem; background: var(--page); z-index: 1; }
        h1 { margin: 0 0 .5rem; font-size: 2rem; line-height: 1.2; }
        h2 { margin: 3.5rem 0 .5rem; padding-bottom: .3rem; border-bottom: 1px solid var(--line); font-size: 1.5rem; }
        h3 { margin: 0; font-size: 1.15rem; }
        h3 a { color: inherit; }
        .lead { font-size: 1.1rem; }
        dl { display: grid; grid-template-columns: max-content 1fr; gap: .4rem 1.25rem; }
        dt { font-weight: 600; }
        dd { margin: 0; }
        section { margin: 1.75rem 0; }
        section + section { padding-top: 1.75rem; border-top: 1px solid var(--line); }
        .route { margin: .35rem 0; overflow-wrap: anywhere; }
        .route code { padding: 0; background: none; font-size: 1rem; }
        .facts { margin: .2rem 0 .8rem; color: var(--soft); font-size: .9rem; }
        .facts b { color: var(--ink); }
        .facts span { margin: 0 .5rem; }
        .method { display: inline-block; min-width: 3.4rem; font: 600 .72rem/1.6 ui-monospace, "DejaVu Sans Mono", monospace; text-align: center;
          color: var(--read); border: 1px solid currentColor; border-radius: .3rem; align-self: start; }
        .post, .put, .write { color: var(--write); }
        .delete, .destructive, .required { color: var(--destructive); }
        .read { color: var(--read); }
        code { padding: .1em .3em; border-radius: .25rem; background: var(--code); font: .88em/1.5 ui-monospace, "DejaVu Sans Mono", monospace; }
        th code { padding: 0; background: none; }
        pre { margin: .8rem 0 0; padding: .8rem 1rem; overflow-x: auto; border-radius: .4rem; background: var(--code); }
        pre code { padding: 0; background: none; }
        small { color: var(--soft); font-weight: 400; }
        .scroll { overflow-x: auto; }
        table { width: 100%; margin: .5rem 0 1rem; border-collapse: collapse; font-size: .9rem; }
        caption { padding: .2rem 0; text-align: left; font-weight: 600; }
        th, td { padding: .4rem .8rem .4rem 0; text-align: left; vertical-align: top; border-top: 1px solid var(--line); }
        thead th { border-top: 0; color: var(--soft); font-size: .8rem; font-weight: 500; }
        tbody th { width: 30%; font-weight: 500; }
        td:nth-child(2) { width: 24%; }
        summary { cursor: pointer; color: var(--link); font-size: .9rem; }
        @media (max-width: 60rem) {
          body { display: block; }
          nav { position: static; height: auto; max-height: 50vh; border-right: 0; border-bottom: 1px solid var(--line); }
          dl { display: block; }
          dd { margin-bottom: .6rem; }
        }
        @media print { nav, .skip { display: none; } body { display: block; } }

        """
}
