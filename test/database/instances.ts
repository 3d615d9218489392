/** Instances for the tests of the index: made by hand, so that every attribute is in the test's hands. */
import { createHash } from 'node:crypto'
import type { DataElement, DataSet, ParsedInstance } from '../../src/dicom/data-set.ts'
import { readPart10 } from '../../src/dicom/reader.ts'
import type { NewInstance } from '../../src/database/ports/instance.ts'
import { bytesOf, makeArchive } from '../oracle/made-archive.ts'
import { chance } from '../oracle/random.ts'

export interface Made {
  readonly study?: string
  readonly series?: string
  readonly instance: string
  readonly dataSet?: DataSet
  readonly meta?: DataSet
  readonly pixelMap?: Buffer | null
  readonly sender?: string | null
  readonly sopClass?: string
  readonly size?: number
  readonly damaged?: boolean
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
let keys = 0

export const CT = '1.2.840.10008.5.1.4.1.1.2'
export const EXPLICIT = '1.2.840.10008.1.2.1'

/** An instance with UIDs and attributes as given; the blob is named, not written. */
export function made(options: Made): NewInstance {
  const study = options.study ?? '1.2.3'
  const series = options.series ?? '1.2.3.4'
  const { instance, dataSet = {}, meta = {}, pixelMap = null, size = 1000, damaged = false } = options
  const SOPClassUID = options.sopClass ?? CT
  const whole = sorted({
    '00080016': { vr: 'UI', Value: [SOPClassUID] },
    '00080018': { vr: 'UI', Value: [instance] },
    '0020000D': { vr: 'UI', Value: [study] },
    '0020000E': { vr: 'UI', Value: [series] },
    ...dataSet,
  })
  const parsed: ParsedInstance = {
    uids: { study, series, instance },
    SOPClassUID,
    TransferSyntaxUID: EXPLICIT,
    meta: { '00020010': { vr: 'UI', Value: [EXPLICIT] }, ...meta },
    dataSet: whole,
    pixelMap,
    size,
    dataSetOffset: 324,
    damaged,
    oddities: [],
  }
  return {
    parsed,
    blob: { store: 'folder', key: `blob-${++keys}`, size, sha256: sha256(`file ${instance}`) },
    datasetSha256: sha256(JSON.stringify(whole)),
    sender: options.sender === undefined ? 'MODALITY' : options.sender,
    receivedAt: new Date(1_700_000_000_000 + keys),
  }
}

/** Files of an archive by chance (`test/oracle/made-archive.ts`), the first of each SOP Instance UID. */
export function madeByChance(seed: number, studies: number): NewInstance[] {
  const found = new Map<string, NewInstance>()
  for (const step of makeArchive(chance(seed), studies)) {
    for (const recipe of 'store' in step ? step.store : []) {
      const bytes = bytesOf(recipe)
      const parsed = readPart10(bytes)
      if (found.has(parsed.uids.instance)) continue
      const digest = createHash('sha256').update(bytes).digest('hex')
      found.set(parsed.uids.instance, {
        parsed,
        blob: { store: 'folder', key: `blob-${++keys}`, size: bytes.length, sha256: digest },
        datasetSha256: digest,
        sender: 'MODALITY',
        receivedAt: new Date(1_700_000_000_000 + keys),
      })
    }
  }
  return [...found.values()]
}

export function sorted(dataSet: DataSet): DataSet {
  return Object.fromEntries(Object.entries(dataSet).sort(([a], [b]) => (a < b ? -1 : 1)))
}

export const text = (vr: DataElement['vr'], ...values: string[]): DataElement => ({ vr, Value: values })
export const number = (vr: DataElement['vr'], ...values: number[]): DataElement => ({ vr, Value: values })
export const name = (Alphabetic: string): DataElement => ({ vr: 'PN', Value: [{ Alphabetic }] })
