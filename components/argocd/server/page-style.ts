const light = '--bg:#f6f7f9;--card:#fff;--text:#1c2430;--dim:#5d6b7e;--line:#dfe4ea;--ok:#18794e;--warn:#a35200;--bad:#c62a2f;--info:#0b68cb'
const dark = '--bg:#11151a;--card:#1a2027;--text:#e6eaf0;--dim:#93a0b1;--line:#2b343f;--ok:#4cc38a;--warn:#ffb224;--bad:#ff6369;--info:#52a9ff'

/** The style sheet of the page: every colour reaches 4.5:1 on its ground, and no state is told by colour alone. Narrow screens see a list instead of a table. */
export const pageStyle = `
:root{color-scheme:light dark;${light}}
@media(prefers-color-scheme:dark){:root{${dark}}}
:root[data-theme=light]{color-scheme:light;${light}}
:root[data-theme=dark]{color-scheme:dark;${dark}}
*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--text);font:15px/1.5 system-ui,sans-serif}
header{position:sticky;top:0;z-index:1;display:flex;flex-wrap:wrap;gap:.6rem;align-items:center;padding:.75rem 1.25rem;background:var(--card);border-bottom:1px solid var(--line)}
header h1{font-size:1.1rem;margin:0}header .dim{margin-right:auto}main{padding:1.25rem;max-width:1400px;margin:auto}
input,select,button{font:inherit;color:inherit;background:var(--bg);border:1px solid var(--line);border-radius:6px;padding:.35rem .65rem}
input::placeholder{color:var(--dim);opacity:1}button{cursor:pointer}button:hover{border-color:var(--info)}button:disabled{opacity:.55;cursor:default}:focus-visible{outline:2px solid var(--info);outline-offset:1px}
#filter{width:18rem}#live{white-space:nowrap}#live::before{content:'●';margin-right:.35rem}
table{width:100%;border-collapse:separate;border-spacing:0;background:var(--card);border:1px solid var(--line);border-radius:8px}
th,td{text-align:left;padding:.55rem .75rem;vertical-align:top;overflow-wrap:anywhere}thead th{color:var(--dim);font-weight:600}
tr.app>td{border-top:1px solid var(--line)}
.state{white-space:nowrap;overflow-wrap:normal}.dim{color:var(--dim);font-size:.85em}code,.revision{font-family:ui-monospace,monospace;font-size:.95em}
tr.wrong>td{border-top:0;padding-top:0}tr.wrong p{margin:0 0 .35rem;padding:.4rem .75rem;max-height:14rem;overflow:auto;white-space:pre-line;background:var(--bg);border-left:3px solid var(--bad);border-radius:0 6px 6px 0}
.Synced,.Healthy,.live{color:var(--ok)}.OutOfSync,.Progressing,.Missing,.Unknown,.waiting{color:var(--warn)}.Degraded,.error{color:var(--bad)}.Suspended{color:var(--info)}
.state::before{display:inline-block;width:1.3em}.state.Synced::before,.state.Healthy::before{content:'✓'}.state.OutOfSync::before{content:'≠'}.state.Progressing::before{content:'…'}
.state.Missing::before{content:'○'}.state.Unknown::before{content:'?'}.state.Degraded::before{content:'✗'}.state.Suspended::before{content:'‖'}
.actions{white-space:nowrap;text-align:right}.empty{padding:2.5rem;text-align:center;color:var(--dim)}
#notice{position:fixed;inset:auto 1.25rem 1.25rem;margin:auto;max-width:48rem;padding:.75rem 1rem;background:var(--card);border:1px solid var(--bad);border-radius:8px;overflow-wrap:anywhere;cursor:pointer}#notice:empty{display:none}
form.login{max-width:22rem;margin:12vh auto;padding:1.5rem;background:var(--card);border:1px solid var(--line);border-radius:10px;display:grid;gap:.9rem}
form.login h1{font-size:1.4rem;margin:0}form.login p{margin:0}form.login input{width:100%;margin-top:.25rem}form.login button{background:var(--info);border-color:var(--info);color:var(--card);font-weight:600}form.login code{white-space:nowrap}
@media(max-width:820px){main{padding:.75rem}header{position:static;padding:.6rem .75rem}#filter{width:100%}header label:has(#filter){flex:1 0 100%}thead{display:none}
table,tbody,tr,td{display:block;border:0}table{background:none}tr.app{display:flex;flex-wrap:wrap;gap:.15rem 1rem;background:var(--card);border:1px solid var(--line);border-radius:8px;padding:.6rem .75rem;margin-top:.6rem}
tbody tr>td,tr.app>td{padding:0;border:0}tr.app>td:first-child,tr.app>td.source{flex:1 0 100%}tr.app>td.actions{margin-left:auto}tr.wrong p{margin:.25rem 0 0}}
`
