import type { Attention } from '../database/ports/attention.ts'
import type { StudyFacts } from '../fhir/mapping/facts.ts'
import type { PatientDoubt } from './sync-patient.ts'
import type { WriteResult } from './sync-write.ts'

export async function noteMixture(attention: Attention, facts: StudyFacts): Promise<boolean> {
  const isMixed = facts.patients.size > 1
  if (isMixed) {
    await attention.raise({
      reason: 'mixed-patients',
      study: facts.study,
      detail: { patients: facts.patients.size },
    })
  } else await attention.clear('mixed-patients', facts.study)
  return isMixed
}

const DOUBTS = ['ambiguous-patient', 'identity-conflict', 'identity-differs'] as const

export async function noteDoubt(
  attention: Attention,
  study: string,
  doubt: PatientDoubt | null,
): Promise<void> {
  for (const reason of DOUBTS) {
    if (doubt?.reason === reason) await attention.raise({ reason, study, detail: doubt.detail })
    else await attention.clear(reason, study)
  }
}

/**
 * What a person should know about the write; values stay on the server, where its history has them. Of each version a
 * person is told once: what is respected, or resolved, does not come back with every push.
 */
export async function noteResult(attention: Attention, study: string, result: WriteResult): Promise<void> {
  const { id: resource, merge, duplicates, wasDeleted, isKnown, versionBefore: version } = result
  if (merge && merge.edits.length > 0 && !isKnown) {
    await attention.raise({ reason: 'hand-edited', study, detail: editDetail(result) })
  }
  if (!merge?.subjectMoved) await attention.clear('subject-moved', study)
  else if (!isKnown) await attention.raise({ reason: 'subject-moved', study, detail: { resource, version } })
  if (duplicates.length > 0) {
    await attention.raise({
      reason: 'duplicate-study',
      study,
      detail: { kept: resource, others: duplicates },
    })
  }
  if (wasDeleted && !isKnown) {
    await attention.raise({ reason: 'deleted-there', study, detail: { resource, outcome: result.outcome } })
  }
}

export function editDetail({ id, versionBefore, merge }: WriteResult): Record<string, unknown> {
  const edits = merge?.edits ?? []
  return { resource: id, version: versionBefore, elements: edits.slice(0, 50), count: edits.length }
}
