import { createHash } from 'node:crypto'
import type { FhirLink, LinkKind, PushRecord } from '../database/ports/fhir-state.ts'
import type { IndexedInstance } from '../database/ports/instance.ts'
import type { Derivation } from '../database/ports/instance-index.ts'
import type { InstanceUids, Uid } from '../dicom/data-set.ts'
import { isProblem, Problem } from '../problem.ts'
import type { Archive } from './archive.ts'
import { manifestText, originsOf } from './origins.ts'
import { fileOf } from './retrieve.ts'
import { DEVICE_KEY } from '../fhir/mapping/device.ts'
import { ENDPOINT_KEY } from '../fhir/mapping/endpoint.ts'

/** In whatever state: what was replaced, rejected or deleted has a history all the same. */
const EVER = ['active', 'superseded', 'rejected', 'deleted'] as const
/** Pushes that are listed, newest first; those with a Provenance are listed all. */
const PUSHES = 50

/** A resource on the FHIR server that stands for something of the archive. */
export interface ResourceLineage {
  readonly reference: string
  readonly versionId: string | null
}

export interface PushLineage {
  readonly id: string
  readonly generation: number
  readonly startedAt: Date
  readonly endedAt: Date | null
  readonly outcome: string | null
  /** The Provenance that tells where the instances of this push came from. */
  readonly provenance?: ResourceLineage | null
}

/** What the FHIR server was told of a study. */
export interface StudyLineage {
  readonly StudyInstanceUID: Uid
  readonly imagingStudy: (ResourceLineage & { readonly generation: number | null }) | null
  readonly endpoint: ResourceLineage | null
  readonly device: ResourceLineage | null
  readonly pushes: readonly PushLineage[]
}

/** Another version of an instance: what it was made of, or what replaces it. */
export interface OtherVersion {
  readonly uids: InstanceUids
  readonly sha256: string
  /** The correction that made the newer one. */
  readonly correction: string
}

/** Where one instance came from, and what became of it. */
export interface InstanceLineage {
  readonly uids: InstanceUids
  readonly SOPClassUID: Uid
  readonly state: IndexedInstance['state']
  readonly sha256: string
  /** Of the data set alone: preamble and group 0002 left out. */
  readonly dataSetSha256: string
  readonly size: number
  readonly TransferSyntaxUID: Uid
  readonly sender: string | null
  readonly receivedAt: Date
  readonly madeOf: OtherVersion | null
  readonly replacedBy: readonly OtherVersion[]
  /** The push whose Provenance tells of it. */
  readonly push: string | null
}

/** The chain of a study: what the FHIR server was told, and its instances in pages; Problem `not-found` without any. */
export async function studyLineage(
  archive: Archive,
  study: Uid,
  signal?: AbortSignal,
): Promise<{ readonly told: StudyLineage; readonly instances: AsyncIterable<readonly InstanceLineage[]> }> {
  await mustBeThere(archive, { study })
  const { fhir, index } = archive.database
  const [told, cuts, derivations] = await Promise.all([
    toldOf(archive, study),
    fhir.cuts(study),
    index.derivations(study),
  ])
  async function* instances(): AsyncGenerator<readonly InstanceLineage[]> {
    const known = { cuts, derivations: byInstance(derivations) }
    for await (const page of index.instances({ study }, { states: EVER, ...(signal && { signal }) }))
      yield page.map((instance) => lineageOf(instance, known))
  }
  return { told, instances: instances() }
}

/** The chain of one instance, in whatever state; Problem `not-found`. */
export async function instanceLineage(
  archive: Archive,
  uids: InstanceUids,
): Promise<{
  readonly told: StudyLineage
  readonly instance: InstanceLineage
  readonly row: IndexedInstance
}> {
  const row = await mustBeThere(archive, uids)
  const { fhir, index } = archive.database
  const [told, cuts, derivations] = await Promise.all([
    toldOf(archive, uids.study),
    fhir.cuts(uids.study),
    index.derivations(uids.study),
  ])
  return { told, instance: lineageOf(row, { cuts, derivations: byInstance(derivations) }), row }
}

async function mustBeThere(
  archive: Archive,
  scope: { readonly study: Uid; readonly series?: Uid; readonly instance?: Uid },
): Promise<IndexedInstance> {
  const options = { states: EVER, pageSize: 1 }
  for await (const [one] of archive.database.index.instances(scope, options))
    if (one !== undefined) return one
  throw new Problem('not-found', 'There is no such study, series or instance here.')
}

async function toldOf({ database: { fhir } }: Archive, study: Uid): Promise<StudyLineage> {
  const linked = async (kind: LinkKind, key: string): Promise<FhirLink | null> => {
    const link = await fhir.link(kind, key)
    return link === null || link.id === '' ? null : link
  }
  const imagingStudy = await linked('study', study)
  const [endpoint, device] = [await linked('endpoint', ENDPOINT_KEY), await linked('device', DEVICE_KEY)]
  const recent = await fhir.pushes(study, PUSHES)
  const all = new Map([...recent, ...(await fhir.cuts(study))].map((push) => [push.id, push]))
  const pushes: PushLineage[] = []
  for (const push of all.values()) {
    const { id, gen, startedAt, endedAt, outcome } = push
    const provenance = push.range === null ? {} : { provenance: resourceOf(await linked('provenance', id)) }
    pushes.push({ id, generation: gen, startedAt, endedAt, outcome, ...provenance })
  }
  return {
    StudyInstanceUID: study,
    imagingStudy: imagingStudy && { ...resourceOf(imagingStudy), generation: imagingStudy.gen },
    endpoint: resourceOf(endpoint),
    device: resourceOf(device),
    pushes: pushes.sort((a, b) => b.startedAt.getTime() - a.startedAt.getTime()),
  }
}

function resourceOf<T extends FhirLink | null>(
  link: T,
): T extends FhirLink ? ResourceLineage : ResourceLineage | null
function resourceOf(link: FhirLink | null): ResourceLineage | null {
  return link && { reference: `${link.resourceType}/${link.id}`, versionId: link.versionId }
}

interface Derivations {
  readonly made: ReadonlyMap<number, Derivation>
  readonly replacing: ReadonlyMap<number, readonly Derivation[]>
}

function byInstance(derivations: readonly Derivation[]): Derivations {
  const replacing = Map.groupBy(derivations, ({ source }) => source.id)
  return { made: new Map(derivations.map((one) => [one.made.id, one])), replacing }
}

function lineageOf(
  instance: IndexedInstance,
  { cuts, derivations }: { readonly cuts: readonly PushRecord[]; readonly derivations: Derivations },
): InstanceLineage {
  const { id, uids, SOPClassUID, state, fileSha256, datasetSha256, size, TransferSyntaxUID } = instance
  const made = derivations.made.get(id)
  const push = cuts.find(({ range }) => range !== null && range.after < id && id <= range.upTo)
  return {
    ...{
      uids,
      SOPClassUID,
      state,
      sha256: fileSha256,
      dataSetSha256: datasetSha256,
      size,
      TransferSyntaxUID,
    },
    sender: instance.sender,
    receivedAt: instance.receivedAt,
    madeOf: made ? version(made, made.source) : null,
    replacedBy: (derivations.replacing.get(id) ?? []).map((one) => version(one, one.made)),
    push: push?.id ?? null,
  }
}

function version({ correction }: Derivation, { uids, fileSha256 }: Derivation['made']): OtherVersion {
  return { uids, sha256: fileSha256, correction }
}

/** What the stored bytes are now, against what was noted when they came. */
export interface BytesCheck {
  readonly sha256: string | null
  readonly size: number | null
  readonly matches: boolean
  /** Why they cannot be read. */
  readonly problem?: string
}

/** Reads the whole file of an instance and compares it with its digest; rejects with the signal's reason. */
export async function checkBytes(
  archive: Archive,
  instance: IndexedInstance,
  signal?: AbortSignal,
): Promise<BytesCheck> {
  const hash = createHash('sha256')
  let size = 0
  try {
    const file = await fileOf(archive, instance)()
    for await (const chunk of file as AsyncIterable<Buffer>) {
      signal?.throwIfAborted()
      hash.update(chunk)
      size += chunk.length
    }
  } catch (error) {
    if (!isProblem(error) || signal?.aborted === true) throw error
    return { sha256: null, size: null, matches: false, problem: error.message }
  }
  const sha256 = hash.digest('hex')
  return { sha256, size, matches: sha256 === instance.fileSha256 && size === instance.size }
}

/** The list of originals that a push tells of, as JSON text: its SHA-256 is in the Provenance. Problem `not-found`. */
export async function pushManifest(archive: Archive, study: Uid, id: string): Promise<Iterable<string>> {
  const { fhir, index } = archive.database
  const push = (await fhir.cuts(study)).find((one) => one.id === id)
  if (!push?.range)
    throw new Problem('not-found', 'No push of this study tells of instances under this number.')
  const origins = await originsOf(index, study, push.range, () => Promise.resolve())
  return manifestText(study, id, origins)
}
