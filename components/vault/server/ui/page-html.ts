export const pageHtml = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>Vault</title>
<link rel="stylesheet" href="app.css">
<script type="module" src="app.js"></script>
</head>
<body>
<header><strong>Vault</strong> <span id="state" role="status"></span><button id="logout" hidden>Sign out</button></header>
<main>
<form id="login"><h1>Sign in to Vault</h1>
<label>Token <input id="token" type="password" autocomplete="off" required></label>
<button>Sign in</button></form>
<section id="browser" hidden>
<nav aria-label="Path" id="crumbs"></nav>
<ul id="entries"></ul>
<form id="new"><label>New secret <input id="new-path" placeholder="app/config" required></label><button>Create</button></form>
</section>
<section id="secret" hidden>
<h2 id="name"></h2>
<p><label>Version <select id="version"></select></label> <label>Compare with <select id="other"></select></label>
<button type="button" id="reveal" aria-pressed="false">Show values</button> <button type="button" id="delete">Delete this version</button> <button type="button" id="undelete">Undelete</button> <button type="button" id="restore">Restore this version</button></p>
<p id="summary"></p>
<table id="values"><thead><tr><th scope="col">Key</th><th scope="col">Value</th><th scope="col" id="other-head">Other version</th></tr></thead><tbody></tbody></table>
<form id="edit"><label>Edit as JSON <textarea id="json" rows="10" spellcheck="false"></textarea></label><button>Save as a new version</button></form>
</section>
<p id="error" role="alert"></p>
</main>
</body>
</html>
`
