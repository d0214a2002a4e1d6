const style = `:root{color-scheme:light dark;--line:#8884}body{font:14px/1.5 system-ui;margin:0}header{display:flex;gap:1.2rem;align-items:center;padding:.7rem 1.5rem;border-bottom:1px solid var(--line)}
header b{color:#e6522c}header a{color:inherit;text-decoration:none}header a.here{border-bottom:2px solid #e6522c}main{padding:1rem 1.5rem}input,button{font:inherit;padding:.4rem .6rem}#q{width:100%;box-sizing:border-box;font-family:ui-monospace,monospace}
table{border-collapse:collapse;width:100%;margin-top:1rem}td,th{text-align:left;padding:.25rem .6rem;border-bottom:1px solid var(--line);vertical-align:top}td:last-child{white-space:pre-wrap}code{font-family:ui-monospace,monospace;font-size:12px}.up,.ok,.inactive{color:#2a8}.down,.err,.firing{color:#d33;font-weight:600}.pending{color:#c80}svg{width:100%;height:18rem;margin-top:1rem;border:1px solid var(--line)}.row{display:flex;gap:.5rem;margin-top:.6rem}`

const script = `const el=(t,a={},...c)=>{const e=document.createElement(t);for(const[k,v]of Object.entries(a))k==='class'?e.className=v:e.setAttribute(k,v);e.append(...c);return e};
const api=async(p)=>{const r=await fetch('/api/v1/'+p);const j=await r.json();if(j.status!=='success')throw new Error(j.error);return j.data};
const name=(m)=>{const{__name__:n='',...r}=m;const l=Object.entries(r).map(([k,v])=>k+'='+JSON.stringify(v)).join(', ');return n+(l?'{'+l+'}':n?'':'{}')};
const table=(heads,rows)=>{const t=el('table');t.append(el('tr',{},...heads.map(h=>el('th',{},h))));for(const r of rows)t.append(el('tr',{},...r.map(c=>c instanceof Node?el('td',{},c):el('td',{},String(c)))));return t};
const out=document.getElementById('out');const show=(...n)=>{out.replaceChildren(...n)};
const colours=['#e6522c','#3b82f6','#22a06b','#a855f7','#d97706','#0891b2','#db2777','#65a30d'];
function graph(series){const ns='http://www.w3.org/2000/svg';const s=document.createElementNS(ns,'svg');s.setAttribute('viewBox','0 0 1000 300');s.setAttribute('preserveAspectRatio','none');
const pts=series.flatMap(x=>x.values.map(([t,v])=>[t,Number(v)])).filter(([,v])=>Number.isFinite(v));if(!pts.length)return el('p',{},'no data');
const xs=pts.map(p=>p[0]),ys=pts.map(p=>p[1]);const x0=Math.min(...xs),x1=Math.max(...xs),y0=Math.min(0,...ys),y1=Math.max(...ys)||1;
series.forEach((x,i)=>{const l=document.createElementNS(ns,'polyline');l.setAttribute('fill','none');l.setAttribute('vector-effect','non-scaling-stroke');l.setAttribute('stroke',colours[i%colours.length]);
l.setAttribute('points',x.values.filter(([,v])=>Number.isFinite(Number(v))).map(([t,v])=>((t-x0)/(x1-x0||1)*1000).toFixed(1)+','+(295-(Number(v)-y0)/(y1-y0||1)*290).toFixed(1)).join(' '));s.append(l)});return s}
const pages={
'/query':async()=>{const q=document.getElementById('q');const p=new URLSearchParams(location.search);const expr=p.get('g0.expr')||'up';q.value=expr;
const end=Date.now()/1000,start=end-3600;const d=await api('query?query='+encodeURIComponent(expr));
const rows=d.resultType==='vector'?d.result.map(r=>[el('code',{},name(r.metric)),r.value[1]]):d.resultType==='matrix'?d.result.map(r=>[el('code',{},name(r.metric)),r.values.map(v=>v[1]+' @'+v[0]).join('\\n')]):[[d.resultType,d.result[1]]];
const nodes=[table(['Series ('+rows.length+')','Value'],rows)];if(d.resultType==='vector'||d.resultType==='scalar'){const r=await api('query_range?query='+encodeURIComponent(expr)+'&start='+start+'&end='+end+'&step=15');nodes.unshift(graph(r.result.slice(0,40)))}show(...nodes)},
'/targets':async()=>{const d=await api('targets?state=active');show(table(['Job','Endpoint','State','Labels','Last scrape','Error'],d.activeTargets.sort((a,b)=>a.scrapePool<b.scrapePool?-1:1).map(t=>[t.scrapePool,t.scrapeUrl,el('span',{class:t.health},t.health),el('code',{},name(t.labels)),t.lastScrape+' ('+(t.lastScrapeDuration*1000).toFixed(0)+' ms)',t.lastError])))},
'/rules':async()=>{const d=await api('rules');show(...d.groups.flatMap(g=>[el('h3',{},g.name+' · every '+g.interval+' s'),table(['Rule','Expression','State','Error'],g.rules.map(r=>[r.name,el('code',{},r.query),el('span',{class:r.state||r.health},r.state||r.health),r.lastError||'']))]))},
'/alerts':async()=>{const d=await api('alerts');show(table(['Alert','State','Since','Summary'],d.alerts.map(a=>[el('code',{},name(a.labels)),el('span',{class:a.state},a.state),a.activeAt,a.annotations.summary||a.annotations.description||''])))}};
pages[location.pathname]().catch(e=>show(el('p',{class:'err'},e.message)));`

const nav: readonly (readonly [path: string, name: string])[] = [['/query', 'Query'], ['/alerts', 'Alerts'], ['/targets', 'Targets'], ['/rules', 'Rules']]

/** A page for a browser; undefined when there is none at this path. It reads the HTTP API like any other client. */
export function prometheusPage(path: string): Response | undefined {
  const asked = path === '/graph' ? '/query' : path
  if (!nav.some(([one]) => one === asked)) return undefined
  if (path === '/graph') return new Response(null, { status: 302, headers: { location: '/query' } })
  const links = nav.map(([one, name]) => `<a href="${one}"${one === asked ? ' class="here"' : ''}>${name}</a>`).join('')
  const form = asked === '/query' ? '<form action="/query"><input id="q" name="g0.expr" aria-label="Expression" autofocus><div class="row"><button>Execute</button></div></form>' : ''
  const html = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Prometheus</title><style>${style}</style><header><b>Prometheus</b>${links}<small>idp's stand-in</small></header><main>${form}<div id="out">loading…</div></main><script>${script}</script></html>`
  return new Response(html, { headers: { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; form-action 'self'" } })
}
