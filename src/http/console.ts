import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import express, { type Request, type Response, type Router } from 'express'
import { entries } from '../dicom/dictionary.ts'
import { keyVr } from '../dicom/key-vr.ts'
import { ownPrivateElements } from '../dicom/private-dictionary.ts'
import { Problem } from '../problem.ts'
import type { HttpSettings } from './settings.ts'

const FOLDER = new URL('../console/', import.meta.url)
const TYPES: Readonly<Record<string, string>> = {
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
  json: 'application/json',
}
/** The library of the page: bare names as its modules import them, and where each is served. */
const LIBRARIES: Readonly<Record<string, string>> = {
  preact: 'preact.js',
  'preact/hooks': 'preact-hooks.js',
}
/** Below it, packing costs more than it saves. */
const LEAST_TO_PACK = 1024

type Settings = Pick<HttpSettings, 'publicUrl' | 'tokens' | 'viewerUrl'>

interface File {
  readonly type: string
  readonly plain: Buffer
  readonly packed: Buffer | undefined
  readonly tag: string
}

/**
 * The page for people: `GET /`, and `GET /console/{file}` for what it is made of, all of it read once. The page loads
 * nothing from elsewhere, and a data set cannot have it run anything: scripts come from here alone, and the browser
 * refuses to make markup of text (Trusted Types).
 */
export function consoleRoutes(settings: Settings): Router {
  const files = consoleFiles()
  const importMap = JSON.stringify({ imports: relativeLibraries() })
  const page = fileOf(
    'index.html',
    'text/html; charset=utf-8',
    Buffer.from(pageText(settings, importMap, files)),
  )
  const policy = contentPolicy(importMap)
  const router = express.Router({ caseSensitive: true })
  router.get('/', (request, response) => {
    response.setHeader('Content-Security-Policy', policy)
    send(request, response, page)
  })
  router.get('/console/:file', (request, response) => {
    const file = files.get(request.params.file)
    if (file === undefined) throw new Problem('not-found', 'The console has no such file.')
    send(request, response, file)
  })
  return router
}

/** Answered from memory, packed where the client takes it; asked for again each time, and then mostly 304. */
function send(request: Request, response: Response, file: File): void {
  const isPacked = file.packed !== undefined && request.acceptsEncodings('gzip') !== false
  response.setHeader('Content-Type', file.type)
  response.setHeader('Cache-Control', 'no-cache')
  response.setHeader('ETag', isPacked ? `"${file.tag}-gzip"` : `"${file.tag}"`)
  response.vary('Accept-Encoding')
  if (request.fresh) {
    response.status(304).end()
    return
  }
  if (isPacked) response.setHeader('Content-Encoding', 'gzip')
  const body = isPacked ? file.packed : file.plain
  response.setHeader('Content-Length', body.length)
  response.end(request.method === 'HEAD' ? undefined : body)
}

function consoleFiles(): ReadonlyMap<string, File> {
  const own = readdirSync(FOLDER)
    .filter((name) => /\.(?:js|css|svg)$/.test(name))
    .map((name) => [name, readFileSync(new URL(name, FOLDER))] as const)
  const libraries = Object.entries(LIBRARIES).map(
    ([bare, name]) => [name, readFileSync(fileURLToPath(import.meta.resolve(bare)))] as const,
  )
  const made = [
    ['dictionary.json', Buffer.from(dictionaryText())] as const,
    ['private-names.json', Buffer.from(privateNamesText())] as const,
  ]
  const all = [...own, ...libraries, ...made]
  return new Map(
    all.map(([name, bytes]) => [name, fileOf(name, TYPES[name.split('.').pop() ?? ''] ?? '', bytes)]),
  )
}

function fileOf(name: string, type: string, plain: Buffer): File {
  const packed = plain.length < LEAST_TO_PACK ? undefined : gzipSync(plain, { level: 9 })
  const tag = createHash('sha256').update(name).update(plain).digest('base64url').slice(0, 22)
  return { type, plain, packed, tag }
}

/** What PS3.6 names, for completion and for the names of tags: `[tag, keyword, VR as a key has it, retired or not]`. */
function dictionaryText(): string {
  const rows = Array.from(entries(), ({ tag, keyword, retired }) => [
    tag,
    keyword,
    keyVr(tag),
    retired ? 1 : 0,
  ])
  return JSON.stringify(rows)
}

/** What the site calls private elements, by the name that a search has for them: `{"0019xx10;ACME 1.1": "Dose"}`. */
function privateNamesText(): string {
  const hex = (number: number, digits: number) => number.toString(16).toUpperCase().padStart(digits, '0')
  const names = ownPrivateElements().flatMap(({ creator, group, element, name }) =>
    name === undefined ? [] : [[`${hex(group, 4)}xx${hex(element, 2)};${creator}`, name] as const],
  )
  return JSON.stringify(Object.fromEntries(names))
}

function relativeLibraries(): Record<string, string> {
  return Object.fromEntries(Object.entries(LIBRARIES).map(([bare, name]) => [bare, `./console/${name}`]))
}

function contentPolicy(importMap: string): string {
  // The map of bare names is the one thing inline: it is allowed by its hash and by nothing else.
  const hash = createHash('sha256').update(importMap).digest('base64')
  return [
    "default-src 'none'",
    `script-src 'self' 'sha256-${hash}'`,
    "style-src 'self'",
    "img-src 'self' blob:",
    "connect-src 'self'",
    "base-uri 'self'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join(';')
}

/** Every address in it is relative to the path of the public one, so that proxies may put a prefix before it. */
function pageText(
  { publicUrl, tokens, viewerUrl }: Settings,
  importMap: string,
  files: ReadonlyMap<string, File>,
): string {
  const base = `${new URL(publicUrl).pathname.replace(/\/$/, '')}/`
  const modules = [...files.keys()].filter((name) => name.endsWith('.js') && name !== 'main.js')
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Concord</title>
<base href="${escaped(base)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="concord-tokens" content="${tokens.length > 0 ? 'needed' : 'none'}">
<meta name="concord-viewer" content="${escaped(viewerUrl ?? '')}">
<link rel="icon" type="image/svg+xml" href="console/icon.svg">
<link rel="stylesheet" href="console/style.css">
<script type="importmap">${importMap}</script>
${modules.map((name) => `<link rel="modulepreload" href="console/${name}">`).join('\n')}
<script type="module" src="console/main.js"></script>
</head>
<body>
<noscript>The console needs JavaScript. The services do not: <a href="openapi.json">openapi.json</a> says what there is.</noscript>
</body>
</html>
`
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`)
}
