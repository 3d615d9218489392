import express, { type Router } from 'express'
import { DICOMWEB } from './settings.ts'

const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Concord</title>
<h1>Concord</h1>
<p>An instance-level DICOM index service. What is here:</p>
<ul>
<li><code>${DICOMWEB}</code>: the DICOMweb services; point viewers and PACS to this address</li>
<li><a href="openapi.json"><code>openapi.json</code></a>: every address, with the role that it needs</li>
<li><a href="health/ready"><code>health/ready</code></a>: whether the service can store and search now</li>
<li><a href="metrics"><code>metrics</code></a>: for Prometheus</li>
<li><a href="admin/attention"><code>admin/attention</code></a>: what a person should look at</li>
</ul>
</html>
`

/** `GET /`: a page that says what is here, for whoever opens the address in a browser. */
export function frontRoutes(): Router {
  const router = express.Router()
  router.get('/', (_request, response) => {
    response.setHeader('Content-Type', 'text/html; charset=utf-8')
    response.end(PAGE)
  })
  return router
}
