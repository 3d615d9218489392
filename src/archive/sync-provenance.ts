import type { Database } from '../database/ports/database.ts'
import type { PushRecord } from '../database/ports/fhir-state.ts'
import { uuidv5 } from '../dicom/uid.ts'
import { DEVICE_KEY, deviceToken, softwareDevice } from '../fhir/mapping/device.ts'
import { CITED, provenance, provenanceToken } from '../fhir/mapping/provenance.ts'
import { manifestOf, originsOf } from './origins.ts'
import type { PushContext } from './sync-context.ts'
import type { Gathered } from './sync-gather.ts'
import { takeOverTold } from './sync-told.ts'
import { TOO_LARGE, writeResource } from './sync-write.ts'

/** What a push has to do with the Provenance of its study. */
export interface Telling {
  readonly pushId: string
  /** Of the ImagingStudy, which is on the server by now. */
  readonly studyId: string
  /** This push found it there: others may have told of it before. */
  readonly wasThere: boolean
  /** What the ImagingStudy was computed from. */
  readonly gathered: Gathered
  readonly gen: number
  readonly now: Date
  readonly renew: () => Promise<void>
}

/**
 * Tells where the study's instances came from: one Provenance for all that arrived since the last one, cut once the study
 * has been quiet, so that a slow upload does not become many. Its range is written down before it is sent, and one that
 * was begun is finished first: its id is made of the push, so sending it again changes nothing.
 *
 * Answers with the milliseconds after which the study must be looked at again because it is not quiet yet; null: never.
 */
export async function tellOrigins(
  context: PushContext,
  database: Database,
  telling: Telling,
): Promise<number | null> {
  const { state, settings } = context
  const { pushId, gathered, now } = telling
  const { study } = gathered.facts
  const cuts = await cutsOf(context, database, telling)
  const told = cuts.at(-1)?.range?.upTo ?? 0
  const quietInMs = gathered.lastAt.getTime() + settings.quietMs - now.getTime()
  const isOpen = gathered.lastId > told
  const isCut = isOpen && quietInMs <= 0
  if (isCut) await state.cutPush(pushId, study, gathered.lastId)
  for (const push of isCut ? await state.cuts(study) : cuts) {
    const link = await state.link('provenance', push.id)
    if (link?.gen === undefined || link.gen === null) await tell(context, database, telling, push)
  }
  // A clock that is ahead must not put it off for ever.
  return isOpen && !isCut ? Math.min(quietInMs, settings.quietMs) : null
}

/** What was told of a study; where this index tells of it for the first time, also by one that is lost. */
async function cutsOf(
  { state, settings, server, release }: PushContext,
  database: Database,
  { studyId, wasThere, gathered, gen, renew }: Telling,
): Promise<readonly PushRecord[]> {
  const { study } = gathered.facts
  const cuts = await state.cuts(study)
  if (cuts.length > 0 || !wasThere) return cuts
  const { archiveId } = settings.mapping
  const told = { study, studyId, gen, archiveId, release, upTo: gathered.lastId }
  await takeOverTold(server, database, told, renew)
  return state.cuts(study)
}

async function tell(
  context: PushContext,
  { index }: Database,
  { studyId, renew }: Telling,
  push: PushRecord,
): Promise<void> {
  const { archiveId } = context.settings.mapping
  const { study, range } = push
  if (range === null) return
  const origins = await originsOf(index, study, range, renew)
  const list = manifestOf(study, push.id, origins)
  const facts = { study, push: push.id, recordedAt: push.startedAt, isFirst: range.after === 0, origins }
  const deviceId = await ensureDevice(context)
  await writeResource(context, {
    kind: 'provenance',
    key: push.id,
    resourceType: 'Provenance',
    by: '_tag',
    token: provenanceToken(archiveId, push.id),
    clientId: uuidv5(archiveId, `provenance ${push.id}`),
    gen: push.gen,
    policy: context.settings.handEdits,
    remoteDelete: 'recreate',
    isConstant: true,
    build: (flags) => {
      const isShort = origins.length > CITED || flags.includes(TOO_LARGE)
      return provenance(
        { ...facts, manifest: isShort ? list : null },
        { studyId, deviceId },
        context.settings.mapping,
      )
    },
  })
}

/** This software as a Device, looked at again with each Provenance, which refers to it. */
async function ensureDevice(context: PushContext): Promise<string> {
  const { settings } = context
  const { archiveId } = settings.mapping
  const result = await context.alone('device', () =>
    writeResource(context, {
      kind: 'device',
      key: DEVICE_KEY,
      resourceType: 'Device',
      token: deviceToken(archiveId),
      clientId: uuidv5(archiveId, `device ${DEVICE_KEY}`),
      gen: null,
      policy: settings.handEdits,
      remoteDelete: 'recreate',
      build: () => softwareDevice(settings.mapping),
    }),
  )
  return result.id
}
