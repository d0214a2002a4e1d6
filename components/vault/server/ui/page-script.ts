/** The page's module. Values only ever become text nodes; the token stays in memory and is gone with the tab. */
export const pageScript = `const $ = (id) => document.getElementById(id)
let token = ''
let at = { mount: '', folder: '' }
let open
let revealed = false

async function call(method, path, body, query = '') {
  const response = await fetch('/v1/' + path.split('/').map(encodeURIComponent).join('/') + query, { method, headers: { 'X-Vault-Token': token, ...(body ? { 'content-type': 'application/json' } : {}) }, body: body && JSON.stringify(body) })
  const answer = response.status === 204 ? {} : await response.json()
  if (response.status >= 400 && !answer.data) throw Object.assign(new Error(answer.errors?.join('\\n') || (response.status === 404 ? 'Nothing here' : 'HTTP ' + response.status)), { status: response.status })
  return answer
}
const list = async (path) => { try { return (await call('GET', path, undefined, '?list=true')).data.keys } catch (error) { if (error.status === 404) return []; throw error } }
const guard = (run) => async (event) => { event?.preventDefault(); $('error').textContent = ''; try { await run(event) } catch (error) { $('error').textContent = error.message } }
const button = (text, run) => { const item = document.createElement('button'); item.type = 'button'; item.textContent = text; item.onclick = guard(run); return item }

async function browse(mount, folder) {
  at = { mount, folder }
  $('secret').hidden = true
  $('browser').hidden = false
  $('new').hidden = mount === ''
  const parts = folder.split('/').filter(Boolean)
  $('crumbs').replaceChildren(button('secrets engines', () => browse('', '')), ...(mount ? [' / ', button(mount, () => browse(mount, ''))] : []), ...parts.flatMap((part, i) => [' / ', button(part, () => browse(mount, parts.slice(0, i + 1).join('/') + '/'))]))
  const mounts = mount ? [] : Object.entries((await call('GET', 'sys/internal/ui/mounts')).data.secret).filter(([, info]) => info.type === 'kv' && info.options?.version === '2').map(([path]) => path)
  const keys = mount ? await list(mount + 'metadata/' + folder) : mounts
  $('entries').replaceChildren(...keys.map((key) => { const item = document.createElement('li'); item.append(button(key, () => (mount === '' ? browse(key, '') : key.endsWith('/') ? browse(mount, folder + key) : show(mount, folder + key)))); return item }))
  if (keys.length === 0) $('entries').textContent = mount ? 'Empty' : 'You may see no KV version 2 engine'
}

async function show(mount, path, version) {
  const metadata = (await call('GET', mount + 'metadata/' + path)).data
  const numbers = Object.keys(metadata.versions).map(Number).sort((a, b) => b - a)
  open = { mount, path, current: metadata.current_version, version: version ?? metadata.current_version }
  $('browser').hidden = true
  $('secret').hidden = false
  $('name').textContent = mount + path
  const label = (number) => { const info = metadata.versions[number]; return number + (info.destroyed ? ' (destroyed)' : info.deletion_time && new Date(info.deletion_time) <= new Date() ? ' (deleted)' : '') + ' – ' + info.created_time.slice(0, 19).replace('T', ' ') }
  $('version').replaceChildren(...numbers.map((number) => new Option(label(number), number, false, number === open.version)))
  $('other').replaceChildren(new Option('–', ''), ...numbers.filter((number) => number !== open.version).map((number) => new Option(label(number), number)))
  await compare()
}

const read = async (version) => (await call('GET', open.mount + 'data/' + open.path, undefined, '?version=' + version)).data?.data ?? {}
const text = (value) => (value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value))
async function compare() {
  const other = $('other').value
  const [mine, theirs] = [await read(open.version), other ? await read(other) : undefined]
  open.mine = mine
  $('other-head').hidden = !theirs
  const rows = [...new Set([...Object.keys(mine), ...Object.keys(theirs ?? {})])].sort().map((key) => {
    const row = document.createElement('tr')
    const [a, b] = [text(mine[key]), text(theirs?.[key])]
    if (theirs) row.className = !(key in theirs) ? 'added' : !(key in mine) ? 'removed' : a === b ? '' : 'changed'
    for (const value of [key, ...(theirs ? [a, b] : [a]).map((item) => (revealed || item === '' ? item : '••••••••'))]) row.insertCell().textContent = value
    return row
  })
  $('values').tBodies[0].replaceChildren(...rows)
  const count = (kind) => rows.filter((row) => row.className === kind).length
  $('summary').textContent = !theirs ? '' : count('added') + count('removed') + count('changed') === 0 ? 'The versions are equal' : 'Against version ' + other + ': ' + count('added') + ' added, ' + count('removed') + ' removed, ' + count('changed') + ' changed'
  $('restore').disabled = open.version === open.current || Object.keys(mine).length === 0
  $('json').value = revealed ? JSON.stringify(mine, null, 2) : ''
  $('json').placeholder = revealed ? '{}' : 'Show the values to edit them'
  $('json').disabled = !revealed
}

async function enter(given) {
  token = given
  const { data } = await call('GET', 'auth/token/lookup-self')
  $('state').textContent = data.display_name
  $('login').hidden = true
  $('logout').hidden = false
  $('token').value = ''
  await browse('', '')
}
$('login').onsubmit = guard(() => enter($('token').value.trim()))
$('logout').onclick = () => location.reload()
$('version').onchange = guard(() => show(open.mount, open.path, Number($('version').value)))
$('other').onchange = guard(compare)
$('reveal').onclick = guard(async () => { revealed = !revealed; $('reveal').textContent = revealed ? 'Hide values' : 'Show values'; $('reveal').setAttribute('aria-pressed', String(revealed)); await compare() })
$('delete').onclick = guard(async () => { await call('POST', open.mount + 'delete/' + open.path, { versions: [open.version] }); await show(open.mount, open.path, open.version) })
$('undelete').onclick = guard(async () => { await call('POST', open.mount + 'undelete/' + open.path, { versions: [open.version] }); await show(open.mount, open.path, open.version) })
$('restore').onclick = guard(async () => { await call('POST', open.mount + 'data/' + open.path, { data: open.mine, options: { cas: open.current } }); await show(open.mount, open.path) })
$('edit').onsubmit = guard(async () => {
  if (!revealed) throw new Error('Show the values first')
  const data = JSON.parse($('json').value)
  await call('POST', open.mount + 'data/' + open.path, { data, options: { cas: open.current } })
  await show(open.mount, open.path)
})
$('new').onsubmit = guard(async () => { const path = at.folder + $('new-path').value; await call('POST', at.mount + 'data/' + path, { data: {}, options: { cas: 0 } }); $('new-path').value = ''; await show(at.mount, path) })
const status = await (await fetch('/v1/sys/seal-status')).json()
$('state').textContent = !status.initialized ? 'not initialised' : status.sealed ? 'sealed' : ''
`
