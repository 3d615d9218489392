import { randomBytes } from 'node:crypto'
import express, { type Request, type Response, type Router } from 'express'
import type { Archive } from '../archive/archive.ts'
import { countMatches, search, type SearchAnswer, type SearchRequest } from '../archive/search.ts'
import type { SearchRow } from '../database/query.ts'
import { aggregateOf } from '../dicom/attributes.ts'
import type { Level } from '../dicom/data-set.ts'
import type { JsonDataSet } from '../dicom/dicom-json.ts'
import { keywordOf } from '../dicom/dictionary.ts'
import { nativeXml } from '../dicom/native-xml.ts'
import { Problem } from '../problem.ts'
import { parseAccept } from './accept.ts'
import { dataSetForm, JSON_TYPE, XML_TYPE } from './data-set-form.ts'
import { readSearchParams, type SearchParams } from './query-params.ts'
import { abortedWith, begun, sendBegun, takesGzip } from './representation.ts'
import { queryString, scopeOf } from './scope.ts'
import { DICOMWEB, type HttpSettings } from './settings.ts'

/** The resources that can be searched (PS3.18 Table 10.6.1-1), and patients, which the standard leaves out. */
const RESOURCES: readonly { readonly path: string; readonly level: Level }[] = [
  { path: '/patients', level: 'patient' },
  { path: '/studies', level: 'study' },
  { path: '/series', level: 'series' },
  { path: '/instances', level: 'instance' },
  { path: '/studies/:study/series', level: 'series' },
  { path: '/studies/:study/instances', level: 'instance' },
  { path: '/studies/:study/series/:series/instances', level: 'instance' },
]
const CUT =
  'The search was stopped when its time was up: the page may have fewer rows than match, the next one goes on from there.'
const UNCOUNTED = 'The results could not be counted in the time that a search has.'
const LEVELS: readonly Level[] = ['patient', 'study', 'series', 'instance']
const PLURAL = { patient: 'patients', study: 'studies', series: 'series', instance: 'instances' } as const
/** What the token of the next page replaces. */
const PAGING = /^(?:after|offset)$/iu

type Settings = Pick<
  HttpSettings,
  'publicUrl' | 'emptySearchIs204' | 'searchLimit' | 'searchLimitMax' | 'searchBudgetMs'
>

/** The search transaction, PS3.18 §10.6: to be mounted at the root of the DICOMweb services. */
export function qidoRoutes(archive: Archive, settings: Settings): Router {
  const router = express.Router({ caseSensitive: true })
  for (const { path, level } of RESOURCES) {
    router.get(path, (request, response) => answerSearch(archive, settings, level, request, response))
    router.get(`${path}/count`, (request, response) =>
      answerCount(archive, settings, level, request, response),
    )
  }
  return router
}

async function answerSearch(
  archive: Archive,
  settings: Settings,
  level: Level,
  request: Request,
  response: Response,
): Promise<void> {
  const within = scopeOf(request)
  const params = readSearchParams(queryString(request))
  const form = dataSetForm(parseAccept(request.headers.accept, params.accept))
  if (form === null) {
    throw new Problem('not-acceptable', `Searches are answered as ${JSON_TYPE}, or as parts of ${XML_TYPE}.`)
  }
  const signal = abortedWith(response)
  const answer = await search(
    archive,
    { level, within, ...params },
    { ...settings, service: settings.publicUrl + DICOMWEB },
    signal,
  )
  setHeaders(request, response, { ...settings, level }, params, answer)
  const { isXml, media } = form
  if (answer.isEmpty && (isXml || (settings.emptySearchIs204 && !answer.isCut))) {
    response.status(204).end()
    return
  }
  const boundary = randomBytes(16).toString('hex')
  // Never response.json(), which would name a charset: DICOM JSON is UTF-8 and has no parameter for it (PS3.18 §F.2).
  response.setHeader(
    'Content-Type',
    isXml ? `multipart/related; type="${XML_TYPE}"; boundary=${boundary}` : media,
  )
  const isGzipped = !isXml && takesGzip(request)
  if (isGzipped) response.setHeader('Content-Encoding', 'gzip')
  if (request.method === 'HEAD') {
    response.end()
    return
  }
  const body = isXml ? xmlBody(answer.pages, boundary) : jsonBody(answer.pages)
  await sendBegun(response, await begun(response, body), isGzipped)
}

async function answerCount(
  archive: Archive,
  settings: Settings,
  level: Level,
  request: Request,
  response: Response,
): Promise<void> {
  const params = readSearchParams(queryString(request))
  const asked: SearchRequest = { level, within: scopeOf(request), ...params }
  const count = await countMatches(archive, asked, abortedWith(response), settings)
  setWarnings(response, settings, params.warnings)
  response.setHeader('Cache-Control', 'no-cache')
  response.setHeader('Content-Type', 'application/json')
  response.end(JSON.stringify({ count }))
}

function setHeaders(
  request: Request,
  response: Response,
  { level, ...settings }: Settings & { readonly level: Level },
  params: SearchParams,
  answer: SearchAnswer,
): void {
  const warnings = [...params.warnings, ...notShown(level, params)]
  if (answer.isClipped) warnings.push('There are additional results that can be requested.')
  if (answer.isCut) warnings.push(CUT)
  if (params.total && answer.total === undefined) warnings.push(UNCOUNTED)
  response.setHeader('Cache-Control', 'no-cache')
  response.vary('Accept, Accept-Encoding')
  setWarnings(response, settings, warnings)
  if (answer.next !== undefined) {
    const kept = queryString(request)
      .split('&')
      .filter((piece) => piece !== '' && !PAGING.test(decodeURIComponent(piece.split('=', 1)[0] ?? '')))
    const query = [...kept, `after=${encodeURIComponent(answer.next)}`].join('&')
    response.setHeader('Link', `<${settings.publicUrl}${DICOMWEB}${request.path}?${query}>; rel="next"`)
  }
  if (answer.total !== undefined) response.setHeader('X-Total-Count', String(answer.total))
}

/** RFC 7234 §5.5: code, agent, quoted text; one line each (PS3.18 §8.3.4.4.1 asks for 299). */
function setWarnings(response: Response, { publicUrl }: Settings, warnings: readonly string[]): void {
  if (warnings.length === 0) return
  response.setHeader(
    'Warning',
    warnings.map((text) => `299 ${publicUrl}${DICOMWEB} ${quoted(text)}`),
  )
}

/** What is counted over lower levels and named all the same: a row has several of them, and shows none. */
function notShown(level: Level, { aggregates, include }: SearchParams): string[] {
  const named = [...aggregates.map(({ path }) => path), ...(include === 'all' ? [] : include)]
  const tags = new Set(named.flatMap((path) => (path.length === 1 ? path : [])))
  return [...tags].flatMap((tag) => {
    const of = aggregateOf(tag)?.level
    if (of === undefined || LEVELS.indexOf(of) <= LEVELS.indexOf(level)) return []
    return `${keywordOf(tag) ?? tag} is of ${PLURAL[of]}, and is not shown here.`
  })
}

async function* jsonBody(pages: AsyncIterable<readonly SearchRow[]>): AsyncGenerator<string> {
  let before = '['
  for await (const rows of pages) {
    for (const piece of slices(rows)) {
      yield before + piece.map(({ json }) => json).join(',')
      before = ','
    }
  }
  yield before === '[' ? '[]' : ']'
}

async function* xmlBody(
  pages: AsyncIterable<readonly SearchRow[]>,
  boundary: string,
): AsyncGenerator<string> {
  let before = ''
  for await (const rows of pages) {
    for (const { json } of rows) {
      yield `${before}--${boundary}\r\nContent-Type: ${XML_TYPE}\r\n\r\n${nativeXml(JSON.parse(json) as JsonDataSet)}`
      before = '\r\n'
    }
  }
  yield `\r\n--${boundary}--\r\n`
}

/** Rows a few at a time, so that writing an answer never keeps others waiting. */
function* slices(rows: readonly SearchRow[]): Generator<readonly SearchRow[]> {
  for (let from = 0; from < rows.length; from += 100) yield rows.slice(from, from + 100)
}

/** A quoted string of RFC 9110 §5.6.4 that a header can hold. */
function quoted(text: string): string {
  return `"${text.replaceAll(/[^\x20-\x7e]/gu, '?').replaceAll(/["\\]/gu, '\\$&')}"`
}
