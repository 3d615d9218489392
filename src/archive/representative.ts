import type { IndexedInstance } from '../database/ports/instance.ts'
import type { Scope } from '../database/ports/instance-index.ts'
import type { Archive } from './archive.ts'
import { absence } from './retrieve.ts'

/** Modalities of which nothing is to be seen (PS3.3 C.7.3.1.1.1), or nothing that stands for a study. */
const NO_PICTURES: readonly string[] = [
  ...[
    'SR',
    'KO',
    'PR',
    'AU',
    'DOC',
    'PLAN',
    'REG',
    'FID',
    'RTPLAN',
    'RTSTRUCT',
    'RTRECORD',
    'RWV',
    'STAIN',
    'ANN',
  ],
  ...['ECG', 'EPS', 'HD', 'EEG', 'RESP', 'TEXTUREMAP', 'M3D', 'SEG', 'SMR', 'VA', 'ASMT', 'CFM'],
]

/**
 * The instance that stands for a study or a series, with its tags and pixel map: the middle one of the series, of the first
 * series that is likely to have pictures. Problem `not-found` or `gone` where there is none at all.
 */
export async function representativeOf(
  archive: Archive,
  scope: Scope,
  signal?: AbortSignal,
): Promise<IndexedInstance> {
  const found = await archive.database.index.representative(scope, NO_PICTURES, signal)
  if (found === null) throw await absence(archive, scope)
  return found
}
