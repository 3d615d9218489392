import { Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import type { Request, Response } from 'express'
import type { Archive } from '../archive/archive.ts'
import { digestedOf } from '../archive/retrieve.ts'
import type { IndexedInstance } from '../database/ports/instance.ts'
import type { DataSet } from '../dicom/data-set.ts'
import { metadataPieces, toDicomJson, type BulkPath, type JsonOptions } from '../dicom/dicom-json.ts'
import { nativeXml } from '../dicom/native-xml.ts'
import { readPixelMap } from '../dicom/pixel-map.ts'
import { lengthOf } from '../pieces.ts'
import { Problem } from '../problem.ts'
import { dataSetForm, JSON_TYPE, XML_TYPE } from './data-set-form.ts'
import { sendParts, type BodyPart } from './parts.ts'
import {
  abortedWith,
  begun,
  CHECKED,
  entityTag,
  isNotModified,
  sendBegun,
  takesGzip,
} from './representation.ts'
import { acceptOf, scopeOf } from './scope.ts'
import { retrieveUrl, type HttpSettings } from './settings.ts'

type Settings = Pick<HttpSettings, 'publicUrl'>

/** Rows read and held at a time, whatever the size of the series, and bytes that are made of them at a time. */
const PAGE = 128
const AT_ONCE = 256 * 1024

/** Metadata of a study, series or instance (PS3.18 §10.4.1.1.2), from the index alone, a page at a time. */
export async function answerMetadata(
  archive: Archive,
  settings: Settings,
  request: Request,
  response: Response,
): Promise<void> {
  const scope = scopeOf(request)
  const form = dataSetForm(acceptOf(request))
  if (form === null) {
    throw new Problem('not-acceptable', `Metadata is sent as ${JSON_TYPE}, or as parts of ${XML_TYPE}.`)
  }
  const signal = abortedWith(response)
  const { isXml, media } = form
  const isGzipped = !isXml && takesGzip(request)
  response.vary('Accept-Encoding')
  const { digest, pages } = await digestedOf(archive, scope, {
    tags: true,
    pixelMap: true,
    isLent: true,
    pageSize: PAGE,
    signal,
  })
  // What the answer is made of: every instance, the address that goes into its URIs, the form.
  const tag = entityTag(settings.publicUrl, media, isGzipped ? 'gzip' : '', digest)
  if (isNotModified(request, response, tag, CHECKED)) return
  if (isXml) {
    await sendParts(request, response, { media: XML_TYPE }, xmlParts(pages, settings))
    return
  }
  const body = request.method === 'HEAD' ? null : await begun(response, jsonArray(pages, settings))
  response.setHeader('Content-Type', media)
  if (isGzipped) response.setHeader('Content-Encoding', 'gzip')
  if (body === null) response.end()
  else await sendBegun(response, body, isGzipped)
}

async function* jsonArray(
  pages: AsyncIterable<readonly IndexedInstance[]>,
  settings: Settings,
): AsyncGenerator<Buffer> {
  let before = '['
  for await (const page of pages) {
    const held: Buffer[] = []
    let bytes = 0
    for (const instance of page) {
      const uri = bulkUri(settings, instance)
      const pieces = metadataPieces(tagsOf(instance), instance.isPlain === true, uri, pixelsIn(instance))
      held.push(Buffer.from(before), ...pieces)
      before = ','
      bytes += lengthOf(pieces)
      if (bytes < AT_ONCE) continue
      yield Buffer.concat(held.splice(0))
      bytes = 0
      // A page of large data sets takes a while: requests that came in meanwhile go first.
      await turn()
    }
    // The page is only lent.
    yield Buffer.concat(held)
  }
  yield Buffer.from(']')
}

async function* xmlParts(
  pages: AsyncIterable<readonly IndexedInstance[]>,
  settings: Settings,
): AsyncGenerator<BodyPart> {
  for await (const page of pages) {
    for (const instance of page) {
      const dataSet = JSON.parse(tagsOf(instance).toString('utf8')) as DataSet
      const text = nativeXml(toDicomJson(dataSet, bulkUri(settings, instance), pixelsIn(instance)))
      const bytes = Buffer.from(text)
      const open = () => Promise.resolve(Readable.from([bytes], { objectMode: false }))
      yield { media: XML_TYPE, length: bytes.length, open }
    }
  }
}

function tagsOf({ tags }: IndexedInstance): Buffer {
  return tags ?? Buffer.from('{}')
}

function pixelsIn({ pixelMap }: IndexedInstance): JsonOptions {
  return pixelMap ? { pixels: readPixelMap(pixelMap) } : {}
}

/** Absolute and without a query, because three clients would resolve a relative one in three ways (dicomweb-client, OHIF). */
function bulkUri(settings: Settings, { uids }: IndexedInstance): (path: BulkPath) => string {
  const base = `${retrieveUrl(settings, uids.study, uids.series, uids.instance)}/bulkdata/`
  return (path) => base + path.join('/')
}
