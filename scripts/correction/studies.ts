import { readFile } from 'node:fs/promises'
import type { InstanceUids } from '../../src/dicom/data-set.ts'
import { readPart10 } from '../../src/dicom/reader.ts'
import { filesUnder } from '../import/files.ts'

/** Files of one study, as a site has them. */
export interface StudyFiles {
  readonly study: string
  readonly modalities: ReadonlySet<string>
  readonly files: readonly StudyFile[]
  readonly bytes: number
}

export interface StudyFile {
  readonly path: string
  readonly bytes: Buffer
  readonly uids: InstanceUids
}

/** The studies among files and folders, the smallest first; what is no instance, or is there twice, is left out. */
export async function studiesIn(paths: readonly string[]): Promise<StudyFiles[]> {
  const studies = new Map<string, { modalities: Set<string>; files: Map<string, StudyFile>; bytes: number }>()
  for await (const path of filesUnder(paths)) {
    const bytes = await readFile(path)
    const found = instanceIn(bytes)
    if (found === null) continue
    const { uids, modality } = found
    const study = studies.get(uids.study) ?? { modalities: new Set(), files: new Map(), bytes: 0 }
    studies.set(uids.study, study)
    if (study.files.has(uids.instance)) continue
    study.files.set(uids.instance, { path, bytes, uids })
    study.modalities.add(modality)
    study.bytes += bytes.length
  }
  return [...studies]
    .map(([study, { files, ...rest }]) => ({ study, files: [...files.values()], ...rest }))
    .sort((a, b) => a.bytes - b.bytes)
}

/** Of studies, one for each modality that any of them has. */
export function oneOfEach(studies: readonly StudyFiles[]): StudyFiles[] {
  const seen = new Set<string>()
  const chosen: StudyFiles[] = []
  for (const study of studies) {
    const fresh = [...study.modalities].filter((modality) => !seen.has(modality))
    if (fresh.length === 0) continue
    for (const modality of fresh) seen.add(modality)
    chosen.push(study)
  }
  return chosen
}

function instanceIn(bytes: Buffer): { uids: InstanceUids; modality: string } | null {
  try {
    const { uids, dataSet } = readPart10(bytes)
    const modality = dataSet['00080060']?.Value?.[0]
    return { uids, modality: typeof modality === 'string' ? modality.trim() : '' }
  } catch {
    // No DICOM, or one that no archive takes.
    return null
  }
}
