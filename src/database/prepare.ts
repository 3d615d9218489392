import { createHash } from 'node:crypto'
import type { DataElement, DataSet } from '../dicom/data-set.ts'
import { hasBulk as isBulk } from '../dicom/dicom-json.ts'
import { attributeJson } from '../dicom/element-json.ts'
import { Problem } from '../problem.ts'
import type { BlobExtent, NewInstance } from './ports/instance.ts'
import { columnText, indexText, isCut } from './terms.ts'

/**
 * An instance as it crosses to the writer: plain values and one text, so that cloning it costs little; digests in
 * hexadecimal, for a Buffer of 32 bytes out of Node's pool would be cloned with the whole pool, 64 KiB. Made on the
 * calling thread.
 */
export interface PreparedInstance {
  readonly studyUid: string
  readonly seriesUid: string
  readonly sopUid: string
  readonly sopClass: string
  readonly transferSyntax: string
  /** The data set with group 0002, JSON text of one attribute a line: `"00080005":{…}`, ascending, `\n` between. */
  readonly text: string
  readonly hasBulk: boolean
  readonly issuer: string
  readonly patientId: string
  readonly modality: string
  readonly number: number | null
  readonly rows: number | null
  readonly columns: number | null
  readonly frames: number | null
  /** Memory of its own, for the same reason. */
  readonly pixelMap: Buffer | null
  readonly store: string
  readonly key: string
  readonly versionId: string | null
  readonly blobSize: number
  readonly blobSha256: string
  /** The file, where it is not that blob. */
  readonly extents: readonly BlobExtent[] | null
  readonly size: number
  readonly dataSetOffset: number
  readonly fileSha256: string
  readonly datasetSha256: string
  readonly sender: string | null
  readonly receivedAt: number
  readonly damaged: boolean
  readonly oddities: string | null
}

/** Identifiers are 64 characters long at most (PS3.5 §9.1); what is far beyond cannot be indexed. */
const UID_LIMIT = 200

/** Throws Problem `unprocessable` for an instance that cannot be identified. */
export function prepare(instance: NewInstance): PreparedInstance {
  const { parsed, blob, composed } = instance
  const { uids, dataSet } = parsed
  for (const uid of [uids.study, uids.series, uids.instance, parsed.SOPClassUID, parsed.TransferSyntaxUID])
    if (uid === '' || uid.length > UID_LIMIT || !/^[\x20-\x7e]*$/.test(uid))
      throw new Problem('unprocessable', 'A UID of the instance is empty or not a UID.')
  const { text, hasBulk } = attributeLines(parsed.meta, dataSet)
  return {
    studyUid: uids.study,
    seriesUid: uids.series,
    sopUid: uids.instance,
    sopClass: parsed.SOPClassUID,
    transferSyntax: parsed.TransferSyntaxUID,
    text,
    hasBulk,
    issuer: identity(dataSet['00100021']),
    patientId: identity(dataSet['00100020']),
    modality: columnText(dataSet['00080060']).text,
    number: whole(dataSet['00200013']),
    rows: whole(dataSet['00280010']),
    columns: whole(dataSet['00280011']),
    frames: whole(dataSet['00280008']),
    pixelMap: parsed.pixelMap === null ? null : ownMemory(parsed.pixelMap),
    store: blob.store,
    key: blob.key,
    versionId: blob.versionId ?? null,
    blobSize: blob.size,
    blobSha256: blob.sha256,
    extents: composed?.extents ?? null,
    size: composed?.size ?? blob.size,
    dataSetOffset: parsed.dataSetOffset,
    fileSha256: composed?.sha256 ?? blob.sha256,
    datasetSha256: instance.datasetSha256,
    sender: instance.sender === null ? null : indexText(instance.sender),
    receivedAt: instance.receivedAt.getTime(),
    damaged: parsed.damaged,
    oddities: parsed.oddities.length === 0 ? null : JSON.stringify(parsed.oddities),
  }
}

function attributeLines(...dataSets: readonly DataSet[]): Pick<PreparedInstance, 'text' | 'hasBulk'> {
  const lines: string[] = []
  let hasBulk = false
  for (const dataSet of dataSets)
    for (const tag of Object.keys(dataSet).sort()) {
      const element = dataSet[tag]
      if (element === undefined) continue
      lines.push(attributeJson(tag, element))
      hasBulk ||= isBulk(element)
    }
  return { text: lines.join('\n'), hasBulk }
}

/** An identifier in full: one that the index must cut keeps a digest of the rest, or two patients might become one. */
function identity(element: DataElement | undefined): string {
  const { text } = columnText(element)
  if (!isCut(text)) return text
  return text + createHash('sha256').update(JSON.stringify(element?.Value)).digest('hex')
}

/** The one value that is a whole number within the range of IS, or null. */
function whole(element: DataElement | undefined): number | null {
  const [value, ...more] = element?.Value ?? []
  if (more.length > 0) return null
  if (typeof value !== 'number' && typeof value !== 'string') return null
  const number = typeof value === 'number' ? value : Number(value.trim() === '' ? Number.NaN : value)
  return Number.isInteger(number) && Math.abs(number) < 2 ** 31 ? number : null
}

function ownMemory(bytes: Buffer): Buffer {
  return Buffer.from(new Uint8Array(bytes).buffer)
}
