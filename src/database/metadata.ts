/** METADATA: the instances of a scope as DICOM JSON, which is made where they are read: one text a page crosses to whoever asks. */
import type { InstanceUids } from '../dicom/data-set.ts'
import { arePlainLines, headOf, isPlainText, metadataParts, type JsonOptions } from '../dicom/dicom-json.ts'
import { PIXEL_ELEMENT_BYTES, readPixelElement } from '../dicom/pixel-map.ts'
import { bulkUriOf } from '../dicom/retrieve-path.ts'
import { linesOfJson, partSplicer } from './encoding.ts'
import { basesOf, PAGE_BYTES, patchIn } from './instances.ts'
import { digestOf, instancesDigest, type DigestPage } from './instances-digest.ts'
import { cursorOf, walkInstances, type InstancesCursor, type InstancesWalk } from './instances-walk.ts'
import type { Dialect, Row, Step } from './operation.ts'

export interface MetadataQuery extends InstancesWalk {
  /** Address of the DICOMweb services, for bulk data. */
  readonly service: string
}

/** A part of one array of JSON: the first page opens it, the last one closes it. */
export interface MetadataPage {
  readonly json: Buffer
  /** Where the next page begins; null at the end. */
  readonly next: InstancesCursor | null
}

/** A digest and a first page, read at once: whoever asks for one mostly wants the other. */
export interface DigestedMetadata {
  readonly digest: DigestPage
  /** Null where there is more to hash before it. */
  readonly json: Buffer | null
  readonly next: InstancesCursor | null
}

const COLUMNS = `i.id, i.sop_uid, e.series_uid, s.study_uid, i.state, i.file_sha256, i.has_bulk, i.base_id, i.patch,
  i.packed, substr(m.map, 1, ${PIXEL_ELEMENT_BYTES}) AS pixels`
const JOINS = `JOIN series e ON e.id = i.series_id JOIN study s ON s.id = e.study_id
  LEFT JOIN pixel_map m ON m.instance_id = i.id`

/** What is neither laid out as it stands nor short takes so much longer to make. */
const PARSED = 8

export function* digestedMetadata(
  dialect: Dialect,
  query: MetadataQuery,
): Generator<Step, DigestedMetadata, Row[]> {
  const { found, next } = yield* walkInstances(query, COLUMNS, JOINS)
  const isAll = next === null && query.after === null
  const digest = isAll
    ? { instances: found.length, digest: digestOf(found), next }
    : yield* instancesDigest(dialect, query)
  return digest.next === null
    ? { digest, ...(yield* pageOf(query, found, next)) }
    : { digest, json: null, next: query.after }
}

export function* metadataPage(_dialect: Dialect, query: MetadataQuery): Generator<Step, MetadataPage, Row[]> {
  const { found, next } = yield* walkInstances(query, COLUMNS, JOINS)
  return yield* pageOf(query, found, next)
}

function* pageOf(
  { after, service }: MetadataQuery,
  rows: readonly Row[],
  end: InstancesCursor | null,
): Generator<Step, MetadataPage, Row[]> {
  const baseOf = yield* basesOf(rows, (json) => ({
    splice: partSplicer(linesOfJson(json)),
    arePlain: arePlainLines(json),
  }))
  const parts: (string | Buffer)[] = []
  let before = after === null ? '[' : ','
  let [effort, made] = [0, 0]
  for (const row of rows) {
    if (effort > PAGE_BYTES) break
    const { splice, arePlain } = baseOf(row)
    const patch = patchIn(row)
    const attributes = splice(linesOfJson(patch))
    const hasBulk = Number(row['has_bulk']) !== 0
    const isPlain = isPlainText(headOf(attributes), hasBulk, arePlain && arePlainLines(patch))
    const own = metadataParts(attributes, isPlain, bulkUriOf(service, uidsIn(row)), pixelsIn(row))
    parts.push(before, ...own)
    for (const { length } of own) effort += isPlain ? length : PARSED * length
    before = ','
    made++
  }
  const last = made < rows.length ? rows[made - 1] : undefined
  const next = last === undefined ? end : cursorOf(last)
  if (next === null) parts.push(rows.length === 0 && after === null ? '[]' : ']')
  return { json: joined(parts), next }
}

function pixelsIn({ pixels }: Row): JsonOptions {
  return Buffer.isBuffer(pixels) ? { pixels: readPixelElement(pixels) } : {}
}

function uidsIn(row: Row): InstanceUids {
  return {
    study: String(row['study_uid']),
    series: String(row['series_uid']),
    instance: String(row['sop_uid']),
  }
}

/** The parts laid end to end; what is text between bytes is written in one go. */
function joined(parts: readonly (string | Buffer)[]): Buffer {
  const pieces: (string | Buffer)[] = []
  let text = ''
  for (const part of parts) {
    if (typeof part === 'string') text += part
    else {
      if (text !== '') pieces.push(text)
      pieces.push(part)
      text = ''
    }
  }
  if (text !== '') pieces.push(text)
  let total = 0
  for (const piece of pieces) total += typeof piece === 'string' ? Buffer.byteLength(piece) : piece.length
  const bytes = Buffer.allocUnsafeSlow(total)
  let at = 0
  for (const piece of pieces) {
    if (typeof piece === 'string') at += bytes.write(piece, at)
    else {
      bytes.set(piece, at)
      at += piece.length
    }
  }
  return bytes
}
