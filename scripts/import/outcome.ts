import type { DataSet, Uid } from '../../src/dicom/data-set.ts'
import { FAILURE, reasonHex, reasonMeaning } from '../../src/dicom/reasons.ts'

export type OutcomeKind = 'stored' | 'same' | 'other copy kept' | 'quarantined' | 'refused'

/** What became of one file. */
export interface Outcome {
  readonly kind: OutcomeKind
  /** Failure or Warning Reason as four hexadecimal digits; empty when there is none. */
  readonly reason: string
  /** In words, as the service says it. */
  readonly comment: string
}

const REFERENCED_SOP_SEQUENCE = '00081199'
const FAILED_SOP_SEQUENCE = '00081198'
const OTHER_FAILURES_SEQUENCE = '0008119A'

/**
 * The Store response (PS3.18 Table I.1-1) read back into one outcome a file, in the order of the files. `uids` are their
 * SOP Instance UIDs, each at most once; null for a file that is no instance: those are the other failures, in order.
 */
export function outcomesOf(response: DataSet, uids: readonly (Uid | null)[]): readonly Outcome[] {
  const stored = new Map(
    itemsOf(response, REFERENCED_SOP_SEQUENCE).map((item) => [text(item, '00081155'), item]),
  )
  const failed = new Map(itemsOf(response, FAILED_SOP_SEQUENCE).map((item) => [text(item, '00081155'), item]))
  const others = itemsOf(response, OTHER_FAILURES_SEQUENCE)
  return uids.map((uid) => {
    const kept = uid === null ? undefined : stored.get(uid)
    if (kept !== undefined) return keptOutcome(kept)
    const item = (uid === null ? undefined : failed.get(uid)) ?? others.shift()
    return item === undefined ? refused('', 'the response does not mention it') : failedOutcome(item)
  })
}

/** All files of a request that was answered as a whole. */
export function refused(reason: string, comment: string): Outcome {
  return { kind: 'refused', reason, comment }
}

function keptOutcome(item: DataSet): Outcome {
  const comment = text(item, '00000902')
  const reason = item['00081196']?.Value?.[0]
  if (/^same as stored/i.test(comment)) return { kind: 'same', reason: '', comment }
  if (typeof reason !== 'number') return { kind: 'stored', reason: '', comment }
  const kind = /^kept as first received/i.test(comment) ? 'other copy kept' : 'stored'
  return { kind, reason: reasonHex(reason), comment }
}

function failedOutcome(item: DataSet): Outcome {
  const code = Number(item['00081197']?.Value?.[0] ?? FAILURE.processingFailure.code)
  const comment = text(item, '00000902') || (reasonMeaning(code) ?? '')
  const kind = code === FAILURE.duplicateInstance.code ? 'quarantined' : 'refused'
  return { kind, reason: reasonHex(code), comment }
}

function itemsOf(response: DataSet, tag: string): DataSet[] {
  return [...((response[tag]?.Value ?? []) as DataSet[])]
}

function text(item: DataSet, tag: string): string {
  const value = item[tag]?.Value?.[0]
  return typeof value === 'string' ? value : ''
}
