/** The page of hubble-ui: who talks to whom, and the flows as they come. It has no other source than `/api/flows`. */
export const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Hubble</title>
<style>
  :root { color-scheme: light dark; font: 14px/1.5 system-ui, sans-serif }
  body { margin: 0 auto; max-width: 1200px; padding: 1rem }
  header { display: flex; gap: 1rem; align-items: center; flex-wrap: wrap }
  h1 { font-size: 1.2rem; margin: 0 auto 0 0 }
  h2 { font-size: 1rem; margin: 1.5rem 0 .5rem }
  table { border-collapse: collapse; width: 100% }
  th, td { text-align: left; padding: .2rem .6rem; border-bottom: 1px solid #8884; vertical-align: top }
  td.number { text-align: right; font-variant-numeric: tabular-nums }
  .FORWARDED { color: #188038 } .DROPPED { color: #d93025; font-weight: 600 } .REDIRECTED { color: #b06000 }
  .live { overflow-x: auto; max-height: 60vh; overflow-y: auto }
</style>
<header>
  <h1>Hubble</h1>
  <label>Namespace <input id="namespace" placeholder="all" size="16"></label>
  <label>Verdict <select id="verdict"><option value="">any</option><option>FORWARDED</option><option>DROPPED</option><option>REDIRECTED</option></select></label>
  <span id="state" role="status">connecting</span>
</header>
<h2>Service map</h2>
<table aria-label="Service map"><thead><tr><th>From<th>To<th>Port<th>Verdict<th>Flows</thead><tbody id="map"></tbody></table>
<h2>Flows</h2>
<div class="live"><table aria-label="Flows"><thead><tr><th>Time<th>From<th>To<th>Event<th>Verdict</thead><tbody id="flows"></tbody></table></div>
<script>
  const at = (id) => document.getElementById(id)
  const query = new URLSearchParams(location.search)
  at('namespace').value = query.get('namespace') ?? ''
  at('verdict').value = query.get('verdict') ?? ''
  let source
  let links = new Map()
  const name = (end, ip) => end.workloads?.[0] ? end.namespace + '/' + end.workloads[0].name : end.pod_name ? end.namespace + '/' + end.pod_name : (end.labels ?? []).filter((l) => l.startsWith('reserved:')).map((l) => l.slice(9)).join(',') || ip
  const cell = (row, text, cls) => { const td = row.insertCell(); td.textContent = text; if (cls) td.className = cls; return td }
  const policies = (list) => (list ?? []).map((p) => (p.namespace ? p.namespace + '/' : '') + p.name).join(', ')
  const eventOf = (flow) => {
    const denied = policies([...(flow.ingress_denied_by ?? []), ...(flow.egress_denied_by ?? [])])
    const allowed = policies([...(flow.ingress_allowed_by ?? []), ...(flow.egress_allowed_by ?? [])])
    if (denied) return 'denied: nothing in ' + denied + ' allows it'
    return allowed ? 'allowed by ' + allowed : flow.Summary ?? ''
  }
  const show = (flow) => {
    const port = flow.l4?.TCP ?? flow.l4?.UDP ?? {}
    let [from, to, number] = [name(flow.source ?? {}, flow.IP?.source), name(flow.destination ?? {}, flow.IP?.destination), port.destination_port]
    const row = at('flows').insertRow(0)
    for (const text of [flow.time?.slice(11, 23), from, to + ':' + number, eventOf(flow)]) cell(row, text)
    cell(row, flow.verdict, flow.verdict)
    if (at('flows').rows.length > 300) at('flows').deleteRow(-1)
    // A verdict is about a connection that is shown when it arrives or is dropped.
    if (flow.is_reply || flow.event_type?.type === 5) return
    const key = [from, to, number, flow.verdict].join('\\n')
    let link = links.get(key)
    if (!link) {
      const line = at('map').insertRow()
      for (const text of [from, to, number]) cell(line, text)
      cell(line, flow.verdict, flow.verdict)
      link = { count: 0, cell: cell(line, '0', 'number') }
      links.set(key, link)
    }
    link.cell.textContent = ++link.count
  }
  const start = () => {
    source?.close()
    links = new Map()
    at('map').replaceChildren()
    at('flows').replaceChildren()
    source = new EventSource('/api/flows?' + new URLSearchParams({ namespace: at('namespace').value, verdict: at('verdict').value }))
    source.onopen = () => { at('state').textContent = 'live' }
    source.onerror = () => { at('state').textContent = 'waiting for hubble-relay' }
    source.onmessage = ({ data }) => { const { flow } = JSON.parse(data); if (flow) show(flow) }
  }
  at('namespace').onchange = start
  at('verdict').onchange = start
  start()
</script>
</html>
`
