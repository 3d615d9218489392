import type { DataSet, InstanceUids, ParsedInstance, Uid } from '../dicom/data-set.ts'
import type { Problem } from '../problem.ts'
import type { Query, SearchPage } from './query.ts'
import type { Inspection, Repairs } from './upkeep-ports.ts'

/** Bytes that are durable already, and where. */
export interface PlacedBlob {
  readonly store: string
  readonly key: string
  readonly versionId?: string
  readonly size: number
  /** Lower-case hexadecimal, of the file as received. */
  readonly sha256: string
}

/** One instance to be indexed. Its bytes are durable before it gets here. */
export interface NewInstance {
  readonly parsed: ParsedInstance
  /** Its file; or what of its file is new, where `composed` says so. */
  readonly blob: PlacedBlob
  /** Its file is made of pieces of several blobs, all but `blob` known already. `sha256` as of a blob. */
  readonly composed?: {
    readonly size: number
    readonly sha256: string
    readonly extents: readonly BlobExtent[]
  }
  /** SHA-256 of the data set: the file without preamble and group 0002. */
  readonly datasetSha256: string
  /** Who sent it: name of the token, else Source AE Title; null if unknown. */
  readonly sender: string | null
  readonly receivedAt: Date
}

/**
 * `staged`: a corrected instance that waits for the others of its study; nobody sees it. `discarded`: one of a correction
 * that was given up, or a row that another took the place of before anybody saw it; nobody ever will.
 */
export type InstanceState = 'active' | 'superseded' | 'rejected' | 'deleted' | 'staged' | 'discarded'

/** What the index knows of a SOP Instance UID before anything is read of its bytes. */
export interface KnownInstance {
  readonly id: number
  readonly uids: InstanceUids
  readonly SOPClassUID: Uid
  readonly TransferSyntaxUID: Uid
  readonly fileSha256: string
  readonly datasetSha256: string
  readonly state: InstanceState
}

export type AddOutcome =
  | { readonly kind: 'added' }
  /** The SOP Instance UID is taken; nothing was written. */
  | { readonly kind: 'exists'; readonly kept: KnownInstance }
  | { readonly kind: 'failed'; readonly problem: Problem }

/** A piece of an instance's file: a corrected instance is its own new header and a range of the original. */
export interface BlobExtent {
  readonly store: string
  readonly key: string
  readonly offset: number
  readonly length: number
}

/** One instance as retrieve, sync and verify see it. */
export interface IndexedInstance extends KnownInstance {
  /** The file, in order; together `size` bytes. */
  readonly extents: readonly BlobExtent[]
  readonly size: number
  readonly damaged: boolean
  readonly sender: string | null
  readonly receivedAt: Date
  /** JSON text (UTF-8) of the stored data set, group 0002 left out; only when asked for. */
  readonly tags?: Buffer
  /** Whether `tags` is plain text, as `dicom/dicom-json.ts` means it; only with `tags`. */
  readonly isPlain?: boolean
  /** As `dicom/pixel-map.ts` encodes it; null without pixel data; only when asked for. */
  readonly pixelMap?: Buffer | null
}

export interface Scope {
  readonly study?: Uid
  readonly series?: Uid
  readonly instance?: Uid
}

export interface InstancesOptions {
  /** Whether each instance carries its `tags`, its `pixelMap`. */
  readonly tags?: boolean
  readonly pixelMap?: boolean
  /** `tags` are only lent: their memory is freed when the next page is asked for, and not when somebody gets to it. */
  readonly isLent?: boolean
  /** States asked for; by default active ones alone. */
  readonly states?: readonly InstanceState[]
  readonly pageSize?: number
  readonly signal?: AbortSignal
}

export type DigestOptions = Pick<InstancesOptions, 'states' | 'pageSize' | 'signal'>

export interface InstancesDigest {
  readonly instances: number
  /** Another one as soon as an instance comes, goes, or changes its state. */
  readonly digest: string
}

/** Bytes that must not enter the index by themselves: they contradict an instance that is there (design §4, step 5). */
export interface QuarantinedInstance {
  readonly blob: PlacedBlob
  readonly uids: InstanceUids
  readonly datasetSha256: string
  readonly keptId: number
  readonly reason: 'other-content' | 'other-study'
  readonly sender: string | null
  readonly receivedAt: Date
}

/** EVERY TAG OF EVERY INSTANCE. Each method is one transaction, or one consistent read. */
export interface InstanceIndex {
  /** Those of the SOP Instance UIDs that the index has in any state. */
  known(sopUids: readonly Uid[]): Promise<ReadonlyMap<Uid, KnownInstance>>
  /**
   * Writes instance rows, level rows, tag index, outbox, feed and audit rows of a batch in one transaction; one bad
   * instance never takes the others with it. Outcomes in the order given; two instances of one batch with the same
   * SOP Instance UID count as sent one after the other.
   */
  add(batch: readonly NewInstance[]): Promise<readonly AddOutcome[]>
  /** Notes bytes as kept aside: blob state, quarantine, attention and audit rows. */
  quarantine(found: QuarantinedInstance): Promise<void>
  search(query: Query, signal?: AbortSignal): Promise<SearchPage>
  /** Exact number of matches; paging and order do not matter. */
  count(query: Query, signal?: AbortSignal): Promise<number>
  /**
   * Instances in order of Series Number, Series UID, Instance Number, SOP UID, in keyset pages: nothing is held open
   * while the reader waits. An empty iteration when the scope has none.
   */
  instances(scope: Scope, options?: InstancesOptions): AsyncIterable<readonly IndexedInstance[]>
  /** How many instances {@link instances} would give, and a digest of which they are: much less work than to list them. */
  digest(scope: Scope, options?: DigestOptions): Promise<InstancesDigest>
  /** Instances of a study that were made of others, and those that were made of its own. */
  derivations(study: Uid): Promise<readonly Derivation[]>
}

/** Which instances change their state, and why. */
export interface StateChange {
  /** Of these, those of `instances`, if they are named. An empty scope is the whole archive, and then they must be. */
  readonly scope: Scope
  readonly instances?: readonly Uid[]
  /** Only those that are in one of these states are changed. */
  readonly from: readonly InstanceState[]
  readonly to: InstanceState
  /** What stands for them from now on, and the correction that made it. */
  readonly replacement?: { readonly instance: Uid; readonly correction: string }
  /** Name of the token, for the audit trail. */
  readonly actor: string | null
  /** In plain words, without patient data. */
  readonly reason: string
}

/**
 * WHAT IS SHOWN AND WHAT IS HIDDEN. Rows are never removed and bytes stay: an instance that is superseded, rejected or
 * deleted leaves lists, counts and levels, and can be brought back.
 */
export interface Lifecycle {
  /**
   * Moves instances from one state to another, in one transaction with level rows, tag index, counts, outbox, feed, audit
   * and tombstones; how many were moved. Again: none.
   */
  change(change: StateChange): Promise<number>
  /**
   * Stores a rejection note, which leaves lists and counts alone, and does the change that it asks for; both, or nothing
   * where the note is there already.
   */
  note(note: NewInstance, change: StateChange): Promise<AddOutcome>
}

/** `done` stays in force; `failed` waits for a person. */
export type CorrectionState = 'proposed' | 'approved' | 'running' | 'done' | 'failed' | 'rejected'

/** Series as a whole, and single instances, of one study. */
export interface StudyPart {
  readonly series: readonly Uid[]
  readonly instances: readonly Uid[]
}

export interface CorrectionDetail {
  /** Reason for the Attribute Modification (0400,0565). */
  readonly reason: 'CORRECT' | 'COERCE'
  /** Where it comes from, for people, without values: `FHIR Patient/p1/_history/7`. */
  readonly description: string
  /** Name of the token, or `fhir`. */
  readonly proposedBy: string | null
  /** Only these are corrected, and leave for a study of their own: they were of another patient. */
  readonly part?: StudyPart
  /** The ImagingStudy was given another subject. */
  readonly isSubject?: boolean
  /** Instances that were made, over all runs. */
  readonly corrected?: number
  /** Why it failed, by instance; in plain words, without values. */
  readonly failures?: readonly { readonly instance: Uid | null; readonly why: string }[]
}

/** What is to be said of a study instead. */
export interface CorrectionRow {
  /** UUIDv5 of archive, study, from, to and ordinal, and of the part where it is about one. */
  readonly id: string
  readonly study: Uid
  /** Of the corrections of the study, from 1. */
  readonly ordinal: number
  /** What those instances said of the attributes of `to` when it was proposed: each set of values once. */
  readonly from: readonly DataSet[]
  readonly to: DataSet
  readonly state: CorrectionState
  readonly proposedAt: Date
  readonly decidedAt: Date | null
  readonly decidedBy: string | null
  readonly doneAt: Date | null
  readonly detail: CorrectionDetail
}

/** WHAT IS TO BE CORRECTED, AND WHAT HAS BEEN (design §7). Each method is one transaction. */
export interface Corrections {
  /** The same proposal again, with no other in between, is the one that is there. */
  propose(proposal: {
    readonly study: Uid
    readonly from: readonly DataSet[]
    readonly to: DataSet
    readonly detail: CorrectionDetail
    readonly approved: boolean
  }): Promise<{ readonly correction: CorrectionRow; readonly isNew: boolean }>
  /** False where there is nothing to be decided so. */
  decide(id: string, decision: 'approve' | 'reject' | 'retry', actor: string | null): Promise<boolean>
  get(id: string): Promise<CorrectionRow | null>
  /** The newest first. */
  list(filter: {
    readonly state?: CorrectionState
    readonly study?: Uid
    readonly limit: number
  }): Promise<readonly CorrectionRow[]>
  /** One that is approved, or whose worker is gone; in the order of their study. */
  claim(leaseMs: number): Promise<CorrectionRow | null>
  /** False when it was ended by somebody else: stop then. */
  renew(id: string, leaseMs: number): Promise<boolean>
  /** What it has made so far, and of what. */
  made(id: string): Promise<readonly (readonly [source: KnownInstance, made: KnownInstance])[]>
  /** SOP Instance UIDs of what was hidden when it came, and is still to be corrected. */
  waiting(id: string): Promise<readonly Uid[]>
  /** Adds instances that nobody sees until `finish`; each with the SOP Instance UID of its source. */
  stage(
    id: string,
    batch: readonly { readonly instance: NewInstance; readonly source: Uid }[],
  ): Promise<readonly AddOutcome[]>
  /**
   * Shows all that was staged and hides what it was made of. Null when the correction is not being carried out any more;
   * `more`: instances with the old values have come meanwhile, and it is to be carried out for them too.
   */
  finish(id: string): Promise<{ readonly corrected: number; readonly more: boolean } | null>
  fail(id: string, failures: CorrectionDetail['failures']): Promise<boolean>
}

/** A study whose FHIR resources are owed, held under a lease. */
export interface Claim {
  readonly study: Uid
  /** The generation this push will settle. State read after the claim is at least as new. */
  readonly gen: number
  readonly attempts: number
  readonly firstDirtyAt: Date
  readonly leaseToken: string
}

export interface Owed {
  readonly study: Uid
  readonly gen: number
  readonly doneGen: number
  readonly firstDirtyAt: Date
  readonly dueAt: Date
  readonly attempts: number
  readonly holdReason: string | null
  readonly deadSince: Date | null
  /** HTTP status or error code of the last attempt, without data of the study. */
  readonly lastError: string | null
  readonly leased: boolean
}

/** WHAT IS OWED TO THE FHIR SERVER (design §7). Times are the database's own clock. */
export interface Outbox {
  /** Up to `limit` studies that are due and free, each for `leaseMs`. */
  claim(limit: number, leaseMs: number): Promise<readonly Claim[]>
  /** Prolongs the own lease; false when it was lost: stop then. */
  renew(claim: Claim, leaseMs: number): Promise<boolean>
  /**
   * `done_gen = gen`, under the own lease; clears attempts. With `againMs`, the study is owed once more after so long,
   * where nothing new is owed anyway. False when the lease was lost.
   */
  settle(claim: Claim, againMs?: number | null): Promise<boolean>
  /** Gives the lease back; due again after `retryMs`; nothing is ever dropped. */
  postpone(
    claim: Claim,
    why: { error: string; retryMs: number; hold?: string; dead?: boolean },
  ): Promise<void>
  /** Marks a study as owed once more (reconcile, release of a hold, an operator). */
  touch(study: Uid): Promise<void>
  /** Counts, and the oldest `limit` studies that are owed. */
  owed(limit: number): Promise<{
    readonly studies: number
    readonly held: number
    readonly dead: number
    readonly oldestDirtyAt: Date | null
    readonly rows: readonly Owed[]
  }>
  /** Milliseconds until something may be claimed, 0 if now, null if nothing is owed. */
  nextDue(): Promise<number | null>
}

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

/** An instance that was made of another one, by a correction. */
export interface Derivation {
  readonly correction: string
  readonly made: KnownInstance
  readonly source: KnownInstance & Pick<IndexedInstance, 'size' | 'sender' | 'receivedAt'>
}

export interface FhirState {
  link(kind: LinkKind, key: string): Promise<FhirLink | null>
  saveLink(link: FhirLink): Promise<void>
  removeLink(kind: LinkKind, key: string): Promise<void>
  links(kind: LinkKind, after: string | null, limit: number): Promise<readonly FhirLink[]>
  /** Links of one kind whose resource has one of these ids. */
  linksTo(kind: LinkKind, ids: readonly string[]): Promise<readonly FhirLink[]>
  startPush(study: Uid, gen: number): Promise<string>
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

export interface AttentionRow {
  readonly id: number
  /** e.g. `quarantined`, `mixed-patients`, `ambiguous-patient`, `identity-conflict`, `hand-edited`, `dead`. */
  readonly reason: string
  readonly study: Uid | null
  readonly instance: Uid | null
  /** Plain facts without patient data: tags, ids, hashes, old versions. */
  readonly detail: Readonly<Record<string, unknown>>
  readonly createdAt: Date
  readonly resolvedAt: Date | null
}

/** WHAT A PERSON SHOULD LOOK AT. */
export interface Attention {
  /** Raises once for (reason, study, instance): an open row like it is refreshed, not doubled. */
  raise(row: {
    reason: string
    study?: Uid
    instance?: Uid
    detail?: Readonly<Record<string, unknown>>
  }): Promise<void>
  /** Resolves the open rows of (reason, study): the cause is gone. */
  clear(reason: string, study: Uid): Promise<void>
  resolve(id: number): Promise<boolean>
  list(options: { open: boolean; after?: number; limit: number }): Promise<readonly AttentionRow[]>
  /** Open rows by reason. */
  counts(): Promise<ReadonlyMap<string, number>>
}

export interface FeedRow {
  readonly seq: number
  readonly at: Date
  readonly action: 'create' | 'supersede' | 'reject' | 'delete' | 'restore'
  readonly uids: InstanceUids
}

/** THE FEED AND THE AUDIT TRAIL: rows are written with the change, numbered and chained after commit by one leased sequencer. */
export interface Ledger {
  /** Numbers what has been committed and not yet numbered; how many rows that was. Harmless from several processes. */
  sequence(): Promise<number>
  /** Feed rows with a number above `after`, in order, without gaps that could still be filled. */
  feed(after: number, limit: number): Promise<readonly FeedRow[]>
  /** Walks the audit chain; the number of the first row that does not fit, or null. */
  brokenAuditRow(): Promise<number | null>
}

/** One open database with all its ports. */
export interface Database {
  /** `urn:uuid:` of this archive is made of it: a UUID minted at first start. */
  readonly archiveId: string
  readonly engine: 'sqlite' | 'postgres'
  readonly index: InstanceIndex
  readonly lifecycle: Lifecycle
  readonly corrections: Corrections
  readonly outbox: Outbox
  readonly fhir: FhirState
  readonly attention: Attention
  readonly ledger: Ledger
  readonly inspection: Inspection
  readonly repairs: Repairs
  /** Rejects with Problem `unavailable` when the database cannot be used now. */
  check(): Promise<void>
  close(): Promise<void>
}
