export const pageStyle = `:root{color-scheme:light dark;font:15px/1.5 system-ui,sans-serif}
body{margin:0}header{display:flex;gap:1rem;align-items:center;padding:.6rem 1rem;border-bottom:1px solid #8886}header button{margin-left:auto}
main{max-width:60rem;margin:1.5rem auto;padding:0 1rem}label{display:block;margin:.5rem 0}p label{display:inline-block;margin-right:1rem}
input,textarea,select,button{font:inherit;padding:.35rem .6rem}textarea{width:100%;font-family:ui-monospace,monospace;box-sizing:border-box}
ul{list-style:none;padding:0}li button,nav button{background:none;border:0;color:LinkText;cursor:pointer;text-align:left}
table{border-collapse:collapse;width:100%}th,td{border:1px solid #8886;padding:.35rem .6rem;text-align:left;overflow-wrap:anywhere}
tr.changed td{background:#fa03}tr.added td{background:#0a03}tr.removed td{background:#d003}#error{color:#c22;white-space:pre-wrap}
`
