import type { Database } from '../database/ports/database.ts'
import type { Claim } from '../database/ports/outbox.ts'
import { uuidv5 } from '../dicom/uid.ts'
import type { StudyFacts } from '../fhir/mapping/facts.ts'
import { endpoint, ENDPOINT_KEY, endpointToken } from '../fhir/mapping/endpoint.ts'
import { studyToken } from '../fhir/mapping/identifiers.ts'
import { imagingStudy, withdrawnStudy } from '../fhir/mapping/imaging-study.ts'
import type { Resource } from '../fhir/ports.ts'
import type { PushContext } from './sync-context.ts'
import { gatherFacts, withdrawal } from './sync-gather.ts'
import { flagLink, writtenOf } from './sync-link.ts'
import { editDetail, noteDoubt, noteMixture, noteResult } from './sync-notes.ts'
import { findSubject } from './sync-patient.ts'
import { tellOrigins } from './sync-provenance.ts'
import { RESTORE, wishFor } from './sync-wish.ts'
import { findReferences } from './sync-references.ts'
import { LEFT_DELETED, TOO_LARGE, writeResource, type WriteResult } from './sync-write.ts'

/** What one push came to. */
export type PushOutcome = WriteResult['outcome'] | 'held' | 'nothing'

export interface Pushed {
  readonly outcome: PushOutcome
  /** Milliseconds after which the study is to be pushed once more; null: when it changes. */
  readonly againMs: number | null
}

/** What a push is for. */
export interface PushTask {
  /** Of the record that was written before it began. */
  readonly pushId: string
  readonly claim: Claim
  readonly now: Date
  /** Keeps the lease. */
  readonly renew: () => Promise<void>
}

/**
 * Brings the server to what the index says of one study: the whole owned state, computed now, so that it does not matter
 * which changes led to it or how often this runs. Then, where it is time, tells where the instances came from. Rejects
 * with FhirError, or LeaseLostError.
 */
export async function pushStudy(context: PushContext, database: Database, task: PushTask): Promise<Pushed> {
  const { pushId, claim, now, renew } = task
  const gathered = await gatherFacts(database.index, claim.study, context.settings.mapping, renew)
  if (gathered.facts.instances === 0) {
    return { outcome: await withdraw(context, database, claim), againMs: null }
  }
  const result = await pushFacts(context, claim, gathered.facts)
  if (result === 'held') return { outcome: 'held', againMs: null }
  const { id: studyId, outcome } = result
  const tells = outcome !== 'deleted-there' && context.supports('Provenance')
  const wasThere = outcome !== 'created'
  const telling = { pushId, studyId, wasThere, gathered, gen: claim.gen, now, renew }
  return { outcome, againMs: tells ? await tellOrigins(context, database, telling) : null }
}

async function pushFacts(
  context: PushContext,
  claim: Claim,
  facts: StudyFacts,
): Promise<WriteResult | 'held'> {
  const { study } = claim
  const { state } = context
  const link = await state.link('study', study)
  const wish = await state.fact(wishFor(study))
  const isMixed = await noteMixture(context.attention, facts)
  if (isMixed && context.settings.mixedPatients === 'hold' && link?.flags.includes('released') !== true)
    return 'held'
  const endpointId = await ensureEndpoint(context)
  const subject = await findSubject(context, facts)
  await noteDoubt(context.attention, facts.study, subject.doubt)
  const project = (seriesOnly: boolean): Resource =>
    imagingStudy(facts, { subject: subject.reference, endpointId, seriesOnly }, context.settings.mapping)
  const withReferences = await findReferences(context, project(false))
  const result = await writeResource(context, {
    ...studyTarget(context, claim),
    ...(wish !== null && { looksAround: true }),
    ...(wish === RESTORE && { policy: 'restore', remoteDelete: 'recreate' }),
    build: (flags) => withReferences(project(flags.includes(TOO_LARGE))),
  })
  await noteResult(context.attention, study, result)
  if (result.outcome === 'deleted-there' && link && !result.isKnown) await flagLink(state, link, LEFT_DELETED)
  if (wish === RESTORE) for (const reason of RESTORED) await context.attention.clear(reason, study)
  if (wish !== null) await state.saveFact(wishFor(study), null)
  return result
}

/** What a restored study has no more. */
const RESTORED = ['hand-edited', 'subject-moved', 'deleted-there'] as const

function studyTarget({ settings }: PushContext, { study, gen }: Claim) {
  return {
    kind: 'study',
    key: study,
    resourceType: 'ImagingStudy',
    token: studyToken(study),
    clientId: uuidv5(settings.mapping.archiveId, study),
    gen,
    policy: settings.handEdits,
    remoteDelete: settings.remoteDelete,
  } as const
}

/** The last active instance is gone: the resource says so and stays, for what refers to it. One that never was is not made. */
async function withdraw(context: PushContext, database: Database, claim: Claim): Promise<PushOutcome> {
  const { base, pending } = writtenOf(await context.state.link('study', claim.study), context.release)
  const last = base ?? pending
  if (!last) return 'nothing'
  const status = await withdrawal(database.index, claim.study)
  const projection: Resource = withdrawnStudy({ ...last, resourceType: 'ImagingStudy' }, status)
  const target = { ...studyTarget(context, claim), remoteDelete: 'respect' as const }
  const result = await writeResource(context, { ...target, build: () => projection })
  await noteResult(context.attention, claim.study, result)
  return result.outcome
}

/** The Endpoint of this deployment, looked at again with each push: ImagingStudy refers to it. */
async function ensureEndpoint(context: PushContext): Promise<string> {
  const { settings, attention } = context
  const result = await context.alone('endpoint', () =>
    writeResource(context, {
      kind: 'endpoint',
      key: ENDPOINT_KEY,
      resourceType: 'Endpoint',
      token: endpointToken(settings.mapping.archiveId),
      clientId: uuidv5(settings.mapping.archiveId, `endpoint ${ENDPOINT_KEY}`),
      gen: null,
      policy: settings.handEdits,
      remoteDelete: 'recreate',
      build: () => endpoint(settings.mapping),
    }),
  )
  const edits = result.merge?.edits ?? []
  if (edits.length > 0) {
    await attention.raise({ reason: 'endpoint-edited', detail: editDetail(result) })
  }
  return result.id
}
