import { Readable } from 'node:stream'
import type { Request, Response } from 'express'
import type { Archive } from '../archive/archive.ts'
import { digestedOf, metadataOf } from '../archive/retrieve.ts'
import type { IndexedInstance } from '../database/ports/instance.ts'
import type { DataSet } from '../dicom/data-set.ts'
import { toDicomJson, type JsonOptions } from '../dicom/dicom-json.ts'
import { nativeXml } from '../dicom/native-xml.ts'
import { readPixelMap } from '../dicom/pixel-map.ts'
import { bulkUriOf } from '../dicom/retrieve-path.ts'
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
import { DICOMWEB, type HttpSettings } from './settings.ts'

type Settings = Pick<HttpSettings, 'publicUrl'>

/** Instances read and held at a time, whatever the size of the series. */
const PAGE = 128

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
  const service = settings.publicUrl + DICOMWEB
  const isGzipped = !isXml && takesGzip(request)
  response.vary('Accept-Encoding')
  // What the answer is made of: every instance, the address that goes into its URIs, the form.
  const isKnown = (digest: string): boolean => {
    const tag = entityTag(settings.publicUrl, media, isGzipped ? 'gzip' : '', digest)
    return isNotModified(request, response, tag, CHECKED)
  }
  if (isXml) {
    const options = { tags: true, pixelMap: true, isLent: true, pageSize: PAGE, signal }
    const { digest, pages } = await digestedOf(archive, scope, options)
    if (!isKnown(digest)) await sendParts(request, response, { media: XML_TYPE }, xmlParts(pages, service))
    return
  }
  const { digest, pages } = await metadataOf(archive, scope, { service, pageSize: PAGE, signal })
  if (isKnown(digest)) return
  const body = request.method === 'HEAD' ? null : await begun(response, pages)
  response.setHeader('Content-Type', media)
  if (isGzipped) response.setHeader('Content-Encoding', 'gzip')
  if (body === null) response.end()
  else await sendBegun(response, body, isGzipped)
}

async function* xmlParts(
  pages: AsyncIterable<readonly IndexedInstance[]>,
  service: string,
): AsyncGenerator<BodyPart> {
  for await (const page of pages) {
    for (const instance of page) {
      const dataSet = JSON.parse(tagsOf(instance).toString('utf8')) as DataSet
      const text = nativeXml(toDicomJson(dataSet, bulkUriOf(service, instance.uids), pixelsIn(instance)))
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
