import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { InstanceUids } from '../../src/dicom/data-set.ts'
import { pixelStream } from '../../src/dicom/frames.ts'
import { readPixelMap } from '../../src/dicom/pixel-map.ts'
import { readPart10 } from '../../src/dicom/reader.ts'
import { type PydicomReading, readByOthers, type Reading } from './readers.ts'
import type { StudyFile } from './studies.ts'

/** What is found of one file and what was made of it. */
export interface FileProof {
  readonly faults: readonly string[]
  /** What dciodvfy warns of that it did not warn of before. */
  readonly newWarnings: readonly string[]
  /** Names of the checks that could be made. */
  readonly checks: readonly string[]
}

/** Who gives the bytes of an instance, as they are stored. */
export type FetchOriginal = (uids: InstanceUids) => Promise<Buffer>

/** Compares a file with what was made of it, by our own reader and by three others. */
export async function proveFile(
  file: StudyFile,
  made: InstanceUids,
  fetchOriginal: FetchOriginal,
  folder: string,
): Promise<FileProof> {
  const [original, corrected] = [await fetchOriginal(file.uids), await fetchOriginal(made)]
  const faults: string[] = []
  if (sha256(original) !== sha256(file.bytes)) faults.push('the original has other bytes than the file')
  const [before, after] = [await pixelsOf(file.bytes), await pixelsOf(corrected)]
  if (before !== after) faults.push('the pixel data has other bytes')
  if (!original.equals(file.bytes) || made.study !== file.uids.study) faults.push('the study is another one')
  const path = join(folder, 'corrected.dcm')
  await writeFile(path, corrected)
  const others = compareReadings(await readByOthers(file.path), await readByOthers(path))
  return {
    faults: [...faults, ...others.faults],
    newWarnings: others.newWarnings,
    checks: ['SHA-256', ...(before === null ? [] : ['pixel data']), ...others.checks],
  }
}

function compareReadings(before: Reading, after: Reading): FileProof {
  const faults: string[] = []
  const checks: string[] = []
  if (before.dcmdump && after.dcmdump) {
    checks.push('dcmdump')
    for (const line of fresh(before.dcmdump.complaints, after.dcmdump.complaints))
      faults.push(`dcmdump: ${line}`)
    if (!after.dcmdump.showsOriginal) faults.push('dcmdump shows no Original Attributes Sequence')
  }
  if (before.pydicom && after.pydicom) {
    checks.push('pydicom')
    faults.push(...pydicomFaults(before.pydicom, after.pydicom))
  }
  if (!before.dciodvfy || !after.dciodvfy) return { faults, newWarnings: [], checks }
  checks.push('dciodvfy')
  const lines = fresh(before.dciodvfy, after.dciodvfy)
  for (const line of lines.filter((one) => one.startsWith('Error'))) faults.push(`dciodvfy: ${line}`)
  return { faults, newWarnings: lines.filter((line) => line.startsWith('Warning')), checks }
}

function pydicomFaults(before: PydicomReading, after: PydicomReading): string[] {
  const faults = fresh(before.complaints, after.complaints).map((line) => `pydicom: ${line}`)
  if (before.pixels !== after.pixels) faults.push('pydicom reads other pixel data')
  const more = after.original.length - before.original.length
  const kept = after.original.at(-1)?.kept ?? []
  if (more !== 1 || !['SOPInstanceUID', 'PatientName', 'PatientID'].every((name) => kept.includes(name)))
    faults.push('pydicom reads no new item of Original Attributes Sequence with what was corrected')
  return faults
}

/** What was not said before. */
function fresh(before: readonly string[], after: readonly string[]): string[] {
  const known = new Set(before)
  return after.filter((line) => !known.has(line))
}

export function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** SHA-256 of the value of the pixel data, every fragment of it; null where there is none. */
async function pixelsOf(bytes: Buffer): Promise<string | null> {
  const { pixelMap } = readPart10(bytes)
  if (pixelMap === null) return null
  const open = ({ offset, length } = { offset: 0, length: bytes.length }) =>
    Promise.resolve(Readable.from([bytes.subarray(offset, offset + length)], { objectMode: false }))
  return sha256(await buffer(await pixelStream(open, readPixelMap(pixelMap))))
}
