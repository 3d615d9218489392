import { IDENTIFYING } from '../dicom/correction.ts'
import type { Tag } from '../dicom/data-set.ts'

/** Whether corrections wait for a person, are carried out at once, or are not made at all. */
export type CorrectionPolicy = 'approve' | 'auto' | 'off'

/**
 * What a correction changes: what is said of the patient; who the patient is (another Patient ID, a merge, instances that
 * are in the study of another); what is said of the study and its order; or the subject that somebody gave the
 * ImagingStudy.
 */
export type CorrectionKind = 'demographics' | 'identity' | 'study' | 'subject'
export type CorrectionPolicies = Readonly<Record<CorrectionKind, CorrectionPolicy>>

/** The kinds of a change of these attributes. */
export function kindsOf(
  changed: readonly Tag[],
  { isPart, isSubject }: { readonly isPart: boolean; readonly isSubject: boolean },
): readonly CorrectionKind[] {
  const kinds = new Set<CorrectionKind>(changed.map(kindOf))
  if (isPart) kinds.add('identity')
  // It is another patient, and why is known.
  if (isSubject) for (const kind of ['demographics', 'identity'] as const) kinds.delete(kind)
  if (isSubject) kinds.add('subject')
  return [...kinds].sort()
}

function kindOf(tag: Tag): CorrectionKind {
  if (IDENTIFYING.has(tag)) return 'identity'
  return tag.startsWith('0010') ? 'demographics' : 'study'
}

/** What the policies say of a correction of several kinds: the one that is most careful. */
export function policyFor(policies: CorrectionPolicies, kinds: readonly CorrectionKind[]): CorrectionPolicy {
  const own = new Set(kinds.map((kind) => policies[kind]))
  return own.has('off') ? 'off' : own.has('approve') ? 'approve' : 'auto'
}

/** The same policy for whatever a correction changes. */
export function everyKind(policy: CorrectionPolicy): CorrectionPolicies {
  return { demographics: policy, identity: policy, study: policy, subject: policy }
}

/** Whether nothing is corrected at all. */
export function isOff(policies: CorrectionPolicies): boolean {
  return Object.values(policies).every((policy) => policy === 'off')
}
