import type { InstanceIndex } from '../database/ports/instance-index.ts'
import type { DataSet, Uid } from '../dicom/data-set.ts'
import { addInstance, startFacts, type StudyFacts } from '../fhir/mapping/facts.ts'
import type { MappingSettings } from '../fhir/mapping/settings.ts'

/** Instances a page: their tags are held together for as long as it takes to read them. */
const PAGE = 200

/** What the active instances of a study say, and how far they were read. */
export interface Gathered {
  readonly facts: StudyFacts
  /** Highest row number among them; 0 without any. */
  readonly lastId: number
  /** When the last of them was received. */
  readonly lastAt: Date
}

/** The facts of a study from its active instances, page by page; `onPage` keeps the lease alive meanwhile. */
export async function gatherFacts(
  index: InstanceIndex,
  study: Uid,
  settings: MappingSettings,
  onPage: () => Promise<void>,
): Promise<Gathered> {
  const facts = startFacts(study)
  let [lastId, lastMs] = [0, 0]
  for await (const page of index.instances({ study }, { tags: true, pageSize: PAGE })) {
    for (const instance of page) {
      const text = instance.tags?.toString('utf8')
      if (text === undefined) throw new TypeError('the index gave an instance without its tags')
      addInstance(facts, instance, JSON.parse(text) as DataSet, settings)
      lastId = Math.max(lastId, instance.id)
      lastMs = Math.max(lastMs, instance.receivedAt.getTime())
    }
    await onPage()
  }
  return { facts, lastId, lastAt: new Date(lastMs) }
}

/**
 * Why a study has no active instance: `entered-in-error` when all that is left was rejected as of another patient or
 * procedure, `cancelled` when it was deleted or superseded.
 */
export async function withdrawal(
  index: InstanceIndex,
  study: Uid,
): Promise<'cancelled' | 'entered-in-error'> {
  let seen = 0
  for await (const page of index.instances(
    { study },
    { states: ['rejected', 'superseded', 'deleted'], pageSize: PAGE },
  )) {
    seen += page.length
    if (page.some(({ state }) => state !== 'rejected')) return 'cancelled'
  }
  return seen > 0 ? 'entered-in-error' : 'cancelled'
}
