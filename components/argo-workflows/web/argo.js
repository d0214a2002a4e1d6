// The browser's part of the Argo server stand-in: lists, one workflow with its nodes and logs. It uses the REST API only.

/** An element with attributes, listeners (functions) and children. */
function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') made.addEventListener(name, value)
    else if (value !== undefined && value !== false) made.setAttribute(name, value === true ? '' : value)
  }
  made.append(...children.filter((child) => child !== undefined))
  return made
}

async function api(path, init = {}) {
  const token = sessionStorage.getItem('token')
  const response = await fetch(`/api/v1/${path}`, { ...init, headers: { ...(token ? { authorization: token } : {}), ...(init.body ? { 'content-type': 'application/json' } : {}) } })
  if (response.status === 401 && location.pathname !== '/login') location.assign('/login')
  const text = await response.text()
  if (!response.ok) throw new Error(JSON.parse(text || '{}').message ?? `${response.status}`)
  return text
}

const json = async (path, init) => JSON.parse(await api(path, init))
const phase = (text) => el('span', { class: `phase ${text || 'Pending'}` }, text || 'Pending')
const age = (from, to) => (from ? `${Math.max(0, Math.round(((to ? Date.parse(to) : Date.now()) - Date.parse(from)) / 1000))}s` : '-')
const table = (heads, rows) => el('table', {}, el('thead', {}, el('tr', {}, ...heads.map((head) => el('th', {}, head)))), el('tbody', {}, ...(rows.length ? rows : [el('tr', {}, el('td', { colspan: String(heads.length) }, 'none'))])))
const row = (...cells) => el('tr', {}, ...cells.map((cell) => el('td', {}, cell ?? '')))

async function workflows() {
  const items = (await json('workflows/')).items ?? []
  items.sort((a, b) => (a.metadata.creationTimestamp < b.metadata.creationTimestamp ? 1 : -1))
  return table(['Status', 'Name', 'Namespace', 'Started', 'Duration', 'Progress', 'Message'], items.map(({ metadata, status = {} }) => row(phase(status.phase), el('a', { href: `/workflows/${metadata.namespace}/${metadata.name}` }, metadata.name), metadata.namespace, status.startedAt, age(status.startedAt, status.finishedAt), status.progress, status.message)))
}

/** Nodes in the order of the tree, each with its depth; one that hangs at several places is shown once. */
function tree(nodes, root) {
  const seen = new Set()
  const rows = []
  const visit = (id, depth) => {
    const node = nodes[id]
    if (!node || seen.has(id)) return
    seen.add(id)
    rows.push([node, depth])
    for (const child of node.children ?? []) visit(child, nodes[child]?.boundaryID === node.id ? depth + 1 : depth)
  }
  visit(root, 0)
  for (const id of Object.keys(nodes)) visit(id, 0)
  return rows
}

/** As the controller names pods: workflow, template, FNV-1a of the node's name. */
function podName(name, node) {
  if (node.name === name) return name
  let hash = 0x811c9dc5
  for (const byte of new TextEncoder().encode(node.name)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
  return `${name}-${node.templateName}-${hash}`
}

async function workflow(namespace, name) {
  const one = await json(`workflows/${namespace}/${name}`)
  const { status = {} } = one
  const over = Boolean(status.finishedAt)
  const act = (action, label) => el('button', { click: async () => { try { const made = await json(`workflows/${namespace}/${name}/${action}`, { method: 'PUT', body: '{}' }); location.assign(`/workflows/${namespace}/${made.metadata.name}`) } catch (error) { alert(error.message) } } }, label)
  const logs = el('div')
  const show = async (pod) => {
    const text = await api(`workflows/${namespace}/${name}/log?podName=${pod}&logOptions.container=main`)
    logs.replaceChildren(el('h3', {}, pod), el('pre', {}, text.split('\n').filter(Boolean).map((line) => JSON.parse(line).result.content).join('\n') || '(no output)'))
  }
  return el('div', {}, el('h2', {}, `${namespace}/${name} `, phase(status.phase)), el('p', {}, status.message ?? ''),
    ...(over ? [act('resubmit', 'Resubmit'), ...(status.phase === 'Succeeded' ? [] : [act('retry', 'Retry')])] : [act('suspend', 'Suspend'), act('resume', 'Resume'), act('stop', 'Stop'), act('terminate', 'Terminate')]),
    table(['Node', 'Type', 'Phase', 'Duration', 'Message', 'Outputs', ''], tree(status.nodes ?? {}, name).map(([node, depth]) => el('tr', {}, el('td', { class: `in${Math.min(depth, 4)}` }, node.displayName), el('td', {}, node.type), el('td', {}, phase(node.phase)), el('td', {}, age(node.startedAt, node.finishedAt)), el('td', {}, node.message ?? ''), el('td', {}, (node.outputs?.parameters ?? []).map((p) => `${p.name}=${p.value}`).join(' ')), el('td', {}, node.type === 'Pod' ? el('button', { click: () => show(podName(name, node)) }, 'Logs') : '')))), logs)
}

const stored = (path, heads, cells) => async () => table(heads, ((await json(path)).items ?? []).map((one) => row(...cells(one))))

const pages = {
  '/workflows': ['Workflows', workflows],
  '/workflow-templates': ['Workflow templates', stored('workflow-templates/', ['Name', 'Namespace', 'Created'], ({ metadata }) => [metadata.name, metadata.namespace, metadata.creationTimestamp])],
  '/cluster-workflow-templates': ['Cluster templates', stored('cluster-workflow-templates', ['Name', 'Created'], ({ metadata }) => [metadata.name, metadata.creationTimestamp])],
  '/cron-workflows': ['Cron workflows', stored('cron-workflows/', ['Name', 'Namespace', 'Schedule', 'Suspended', 'Last run'], ({ metadata, spec, status }) => [metadata.name, metadata.namespace, (spec.schedules ?? [spec.schedule]).join(', '), String(spec.suspend ?? false), status?.lastScheduledTime])],
}

function login() {
  const token = el('input', { placeholder: 'Bearer …', 'aria-label': 'token' })
  return el('form', { submit: (event) => { event.preventDefault(); sessionStorage.setItem('token', token.value.startsWith('Bearer ') ? token.value : `Bearer ${token.value}`); location.assign('/workflows') } }, el('h2', {}, 'Login'), el('p', {}, 'A token of a ServiceAccount: kubectl create token <name>'), token, el('button', {}, 'Login'))
}

async function main() {
  const path = location.pathname === '/' ? '/workflows' : location.pathname
  const out = el('main', {}, 'loading…')
  document.body.append(el('header', {}, el('b', {}, 'Argo Workflows'), ...Object.entries(pages).map(([href, [name]]) => el('a', { href, class: href === path ? 'here' : undefined }, name)), el('small', {}, "idp's stand-in")), out)
  const [, , namespace, name] = path.split('/')
  try {
    out.replaceChildren(path === '/login' ? login() : name && path.startsWith('/workflows/') ? await workflow(namespace, name) : await (pages[path] ?? pages['/workflows'])[1]())
  } catch (error) {
    out.replaceChildren(el('p', { class: 'error' }, error.message))
  }
}

main()
