import type { Uid } from '../../dicom/data-set.ts'

export type LinkKind = 'study' | 'patient' | 'endpoint' | 'device' | 'provenance'

/** Which resource on the FHIR server stands for what, and what we last wrote there. */
export interface FhirLink {
  readonly kind: LinkKind
  /** Study UID, number of the push that a Provenance belongs to, or a key that the FHIR mapping makes of identifiers. */
  readonly key: string
  readonly resourceType: string
  readonly id: string
  readonly versionId: string | null
  /** Canonical JSON text of the projection last pushed: the base of the next three-way merge. */
  readonly projection: string | null
  /** Generation of the study that it held. */
  readonly gen: number | null
  /** What was learnt of this resource and must be remembered, e.g. `series-only`, `no-client-id`. */
  readonly flags: readonly string[]
}

/** One push, written before it is tried and closed after it. */
export interface PushRecord {
  readonly id: string
  readonly study: Uid
  readonly gen: number
  readonly startedAt: Date
  readonly endedAt: Date | null
  readonly outcome: string | null
  /**
   * The instances whose origin it tells in a Provenance: those of the study whose row numbers are above `after`, up to
   * `upTo`. Null for a push that tells none.
   */
  readonly range: { readonly after: number; readonly upTo: number } | null
}

export interface FhirState {
  link(kind: LinkKind, key: string): Promise<FhirLink | null>
  saveLink(link: FhirLink): Promise<void>
  removeLink(kind: LinkKind, key: string): Promise<void>
  links(kind: LinkKind, after: string | null, limit: number): Promise<readonly FhirLink[]>
  /** Links of one kind whose resource has one of these ids. */
  linksTo(kind: LinkKind, ids: readonly string[]): Promise<readonly FhirLink[]>
  /** Answers with its id: a new one, or the one that it had in an index that is lost. */
  startPush(study: Uid, gen: number, id?: string): Promise<string>
  endPush(id: string, outcome: string): Promise<void>
  /** Makes a push tell the origin of all instances up to this row number that no push before it tells. */
  cutPush(id: string, study: Uid, upTo: number): Promise<void>
  /** The pushes of a study that tell the origin of instances, oldest first. */
  cuts(study: Uid): Promise<readonly PushRecord[]>
  /** The newest pushes of a study, newest first. */
  pushes(study: Uid, limit: number): Promise<readonly PushRecord[]>
  /** Remembered facts about the FHIR server (e.g. refuses client ids) and what is wished for, by name. */
  fact(name: string): Promise<string | null>
  /** Null forgets it. */
  saveFact(name: string, value: string | null): Promise<void>
}
