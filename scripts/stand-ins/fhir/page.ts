import type { Store } from './store.ts'

/** The page at `/`: says what this is, and what is in it. */
export function page(store: Store, baseUrl: string): string {
  const rows = ['Patient', 'ImagingStudy', 'Endpoint', 'Provenance']
    .map(
      (type) =>
        `<tr><td><a href="${baseUrl}/${type}">${type}</a></td><td>${store.all(type).length}</td></tr>`,
    )
    .join('')
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Stand-in FHIR server</title>
<style>body { font: 16px/1.5 system-ui; max-width: 40em; margin: 3em auto; padding: 0 1em } td { padding-right: 2em }</style>
<h1>Stand-in FHIR server</h1>
<p><strong>This is no FHIR server for patients.</strong> It stands in for the one that a hospital runs, for Concord's demo
and tests: it keeps everything in memory, forgets it when it stops, and fails on demand.</p>
<p>FHIR base URL: <code>${baseUrl}</code> (<a href="${baseUrl}/metadata">metadata</a>)</p>
<table>${rows}</table>
</html>
`
}
