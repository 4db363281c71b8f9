// The matrix as one HTML file: no script, nothing fetched, and a policy of its own that forbids both. Names and
// conditions come from the configuration and are escaped.

import { createHash } from 'node:crypto'
import { columns, createNotes, forOthersNote, isEmpty, nameOf } from './matrix-notes.ts'
import type { MatrixRow } from './ports.ts'

const style = `:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:80rem;padding:0 1rem}
.wide{overflow-x:auto}
table{border-collapse:collapse}
caption{text-align:left;font-weight:600;padding-bottom:.5rem}
th,td{border:1px solid #8886;padding:.3rem .6rem;text-align:left;white-space:nowrap}
thead th{position:sticky;top:0;background:Canvas}
.allow{background:#2a92}.conditional{background:#c902}.deny{background:#c222}.none{color:#888}
code{white-space:pre-wrap;overflow-wrap:anywhere}`

/** `title` says of which file the policy is. */
export function formatMatrixPage(rows: readonly MatrixRow[], title: string): string {
  const notes = createNotes()
  const shown = rows.filter((row) => !isEmpty(row))
  const body = shown.map((row) => {
    const cells = columns.map(([, operation]) => {
      const cell = row.cells[operation]
      return `<td class="${cell?.state ?? 'none'}">${escape(notes.mark(cell))}</td>`
    })
    return `<tr><th scope="row">${escape(nameOf(row))}</th><td>${escape(row.agent)}</td>${cells.join('')}</tr>`
  })
  const heads = columns.map(([head, name]) => `<th scope="col"><abbr title="${name}">${escape(head)}</abbr></th>`)
  const said = notes.list().map(([, text]) => `<li><code>${escape(text)}</code></li>`)
  const csp = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; base-uri 'none'; form-action 'none'`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${csp}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)}</title>
<style>${style}</style>
</head>
<body>
<h1>${escape(title)}</h1>
<div class="wide"><table>
<caption>yes: allowed; if: on the condition below; no: denied; -: no rule</caption>
<thead><tr><th scope="col">who</th><th scope="col">agent</th>${heads.join('')}</tr></thead>
<tbody>
${body.join('\n')}
</tbody>
</table></div>
<ol>
${said.join('\n')}
</ol>
<p>${escape(forOthersNote)}</p>
</body>
</html>
`
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Also what would turn text around: a name must look like itself. */
function escape(text: string): string {
  return text
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, '\ufffd')
    .replace(/[&<>"']/g, (character) => entities[character] ?? '')
}
