package report

// style is the whole style sheet. Colours are variables, given once for light
// and once for dark surroundings.
const style = `
:root{color-scheme:light dark;--page:#f7f8fa;--card:#fff;--ink:#1a2230;--soft:#5b6675;--line:#e1e5ea;
--grid:#eceff3;--accent:#2463c4;--good:#1a7f46;--bad:#b3371f;
--s0:#2463c4;--s1:#d9722b;--s2:#1f9273;--s3:#8a4fc0;--s4:#b5890c;--s5:#c23d6b}
@media(prefers-color-scheme:dark){:root{--page:#11151b;--card:#191f28;--ink:#e6eaf0;--soft:#98a4b3;
--line:#2a323e;--grid:#232b36;--accent:#7fb0ff;--good:#5fcf8e;--bad:#ff8d74;
--s0:#6ea6ff;--s1:#f09a5c;--s2:#4cc9a4;--s3:#b98bea;--s4:#dcb84a;--s5:#ee7ba3}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);
font:15px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main{max-width:1080px;margin:0 auto;padding:36px 24px 64px}
header p{color:var(--soft);margin:4px 0 0;max-width:75ch}
h1{font-size:26px;line-height:1.25;margin:0;letter-spacing:-.01em}
h2{font-size:19px;margin:44px 0 4px;padding-top:20px;border-top:1px solid var(--line)}
h3{font-size:15px;margin:0 0 10px}
.sub{color:var(--soft);font-size:13.5px;margin:0 0 16px}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(210px,1fr));gap:12px;margin:24px 0 8px}
.tile{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:14px 16px}
.tile b{display:block;font-size:24px;font-weight:650;letter-spacing:-.01em;font-variant-numeric:tabular-nums;
white-space:nowrap}
.tile span{color:var(--soft);font-size:13px;display:block}
.grid2{columns:460px 2;column-gap:16px;margin-bottom:16px}
.grid2 .card{break-inside:avoid}
.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:18px 18px 14px;
margin:0 0 16px;min-width:0}
.card p{color:var(--soft);font-size:13.5px;margin:6px 0 0}
svg{display:block;width:100%;height:auto}
svg text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,Arial,sans-serif;fill:var(--soft)}
svg .name{font-size:12.5px;fill:var(--ink)}
svg .barname{font-size:13px;fill:var(--ink)}
svg .bartext{font-size:13px;fill:var(--ink)}
.grid{stroke:var(--grid);stroke-width:1}
.axis{stroke:var(--soft);stroke-width:1}
.mark{stroke:var(--soft);stroke-width:1;stroke-dasharray:3 3}
svg .marktext{fill:var(--ink)}
.line{fill:none;stroke-width:2.2;stroke-linejoin:round;stroke-linecap:round}
.dot{stroke:var(--card);stroke-width:1.2}
.s0{stroke:var(--s0)}.s1{stroke:var(--s1)}.s2{stroke:var(--s2)}
.s3{stroke:var(--s3)}.s4{stroke:var(--s4)}.s5{stroke:var(--s5)}
.f0{fill:var(--s0)}.f1{fill:var(--s1)}.f2{fill:var(--s2)}
.f3{fill:var(--s3)}.f4{fill:var(--s4)}.f5{fill:var(--s5)}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:4px 18px;padding:0;margin:8px 0 0;font-size:13px;
color:var(--soft)}
.legend li{display:flex;align-items:center;gap:7px}
.legend svg{width:24px;height:8px}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:13.5px}
th{text-align:left;font-weight:600;color:var(--soft);padding:6px 10px 6px 0;border-bottom:1px solid var(--line);
white-space:nowrap}
td{padding:6px 10px 6px 0;border-bottom:1px solid var(--grid);vertical-align:top;overflow-wrap:anywhere}
td.num,th.num{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
tr:last-child td,tbody tr:last-child th{border-bottom:0}
.met{color:var(--good);font-weight:600;white-space:nowrap}
.missed{color:var(--bad);font-weight:600;white-space:nowrap}
code{font:12.5px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;background:var(--grid);
padding:1px 5px;border-radius:4px;overflow-wrap:anywhere}
footer{color:var(--soft);font-size:13px;margin-top:36px}
`
