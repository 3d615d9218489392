import { createHash } from 'node:crypto'
import type { PushRecord } from '../database/ports/fhir-state.ts'
import type { InstanceIndex } from '../database/ports/instance-index.ts'
import type { Uid } from '../dicom/data-set.ts'
import type { Origin } from '../fhir/mapping/provenance.ts'

/** In whatever state an instance is now, it came when it came. */
const EVER = ['active', 'superseded', 'rejected', 'deleted'] as const

/**
 * The originals that one push tells of, in order of receipt: the instances in its range of the study, and those that
 * they replace. Rows are never removed and their bytes never change, so this is the same whenever it is asked.
 */
export async function originsOf(
  index: InstanceIndex,
  study: Uid,
  { after, upTo }: NonNullable<PushRecord['range']>,
  onPage: () => Promise<void>,
): Promise<Origin[]> {
  const isInRange = (id: number): boolean => id > after && id <= upTo
  const made = (await index.derivations(study)).filter((one) => isInRange(one.made.id))
  const replaced = new Map(made.map(({ source }) => [source.id, { ...source, role: 'revision' as const }]))
  const origins: Origin[] = [...replaced.values()]
  for await (const page of index.instances({ study }, { states: EVER })) {
    for (const instance of page) {
      if (isInRange(instance.id) && !replaced.has(instance.id)) origins.push({ ...instance, role: 'source' })
    }
    await onPage()
  }
  return origins.sort((a, b) => a.id - b.id)
}

/**
 * The list of origins as JSON text, made piece by piece. Paths are below the DICOMweb service: the text has no address
 * in it, and stays the same when the service moves, so that the SHA-256 in a Provenance stays true.
 */
export function* manifestText(study: Uid, push: string, origins: readonly Origin[]): Generator<string> {
  yield `{"StudyInstanceUID":${JSON.stringify(study)},"push":${JSON.stringify(push)},"origins":[`
  for (const [at, origin] of origins.entries()) yield (at === 0 ? '' : ',') + JSON.stringify(entryOf(origin))
  yield ']}'
}

function entryOf({ uids, role, fileSha256, size, TransferSyntaxUID, sender, receivedAt }: Origin) {
  return {
    SOPInstanceUID: uids.instance,
    role,
    path: `studies/${uids.study}/series/${uids.series}/instances/${uids.instance}/original`,
    sha256: fileSha256,
    size,
    TransferSyntaxUID,
    sender,
    receivedAt: receivedAt.toISOString(),
  }
}

/** Digest and length of the list of origins. */
export function manifestOf(
  study: Uid,
  push: string,
  origins: readonly Origin[],
): { readonly sha256: string; readonly size: number } {
  const hash = createHash('sha256')
  let size = 0
  for (const piece of manifestText(study, push, origins)) {
    hash.update(piece)
    size += Buffer.byteLength(piece)
  }
  return { sha256: hash.digest('hex'), size }
}
