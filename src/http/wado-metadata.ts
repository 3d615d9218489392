import { Readable } from 'node:stream'
import type { Request, Response } from 'express'
import type { Archive } from '../archive/archive.ts'
import { instancesOf } from '../archive/retrieve.ts'
import type { IndexedInstance, Scope } from '../database/ports.ts'
import type { DataSet } from '../dicom/data-set.ts'
import { metadataJson, toDicomJson, type BulkPath, type JsonOptions } from '../dicom/dicom-json.ts'
import { nativeXml } from '../dicom/native-xml.ts'
import { readPixelMap } from '../dicom/pixel-map.ts'
import { Problem } from '../problem.ts'
import { selectMedia } from './accept.ts'
import {
  abortedWith,
  entityTag,
  isNotModified,
  sendParts,
  sendStream,
  type BodyPart,
} from './representation.ts'
import { retrieveUrl, type HttpSettings } from './settings.ts'
import { acceptOf, scopeOf } from './scope.ts'

type Settings = Pick<HttpSettings, 'publicUrl'>

const JSON_TYPE = 'application/dicom+json'
const XML_TYPE = 'application/dicom+xml'
const OFFERS = [
  { media: JSON_TYPE },
  { media: 'application/json' },
  { media: 'multipart/related', part: XML_TYPE },
] as const
/** Rows read, held and written at a time, whatever the size of the series. */
const PAGE = 100

/** Metadata of a study, series or instance (PS3.18 §10.4.1.1.2), from the index alone, a page at a time. */
export async function answerMetadata(
  archive: Archive,
  settings: Settings,
  request: Request,
  response: Response,
): Promise<void> {
  const scope = scopeOf(request)
  const media = selectMedia(acceptOf(request), OFFERS)?.offer.media
  if (media === undefined) {
    throw new Problem('not-acceptable', `Metadata is sent as ${JSON_TYPE}, or as parts of ${XML_TYPE}.`)
  }
  const tag = await validator(archive, scope, settings.publicUrl, media)
  if (isNotModified(request, response, tag, 'private, no-cache')) return
  const pages = instancesOf(archive, scope, {
    tags: true,
    pixelMap: true,
    pageSize: PAGE,
    signal: abortedWith(response),
  })
  if (media === 'multipart/related') {
    await sendParts(request, response, { media: XML_TYPE }, xmlParts(pages, settings))
    return
  }
  response.setHeader('Content-Type', media)
  if (request.method === 'HEAD') response.end()
  else await sendStream(response, Readable.from(jsonArray(pages, settings), { objectMode: false }))
}

/** What the answer is made of: every instance, the address that goes into its URIs, the form. */
async function validator(archive: Archive, scope: Scope, publicUrl: string, media: string): Promise<string> {
  const marks = [publicUrl, media]
  for await (const page of instancesOf(archive, scope)) {
    for (const { id, fileSha256, state } of page) marks.push(`${id} ${state} ${fileSha256}`)
  }
  return entityTag(...marks)
}

async function* jsonArray(
  pages: AsyncIterable<readonly IndexedInstance[]>,
  settings: Settings,
): AsyncGenerator<Buffer> {
  let before = '['
  for await (const page of pages) {
    const pieces = page.flatMap((instance) => {
      const text = metadataJson(
        tagsOf(instance),
        instance.hasBulk,
        bulkUri(settings, instance),
        pixelsIn(instance),
      )
      const comma = Buffer.from(before)
      before = ','
      return [comma, text]
    })
    yield Buffer.concat(pieces)
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
