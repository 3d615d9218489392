import type { InstanceUids, Uid } from '../../dicom/data-set.ts'
import type { DurableWrite } from '../../durable-write.ts'
import type { Query, SearchPage } from '../query.ts'
import type {
  AddedWithBytes,
  AddOutcome,
  IndexedInstance,
  InstanceState,
  KnownInstance,
  NewInstance,
  PlacedBlob,
} from './instance.ts'

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

/** An instance that was made of another one, by a correction. */
export interface Derivation {
  readonly correction: string
  readonly made: KnownInstance
  readonly source: KnownInstance & Pick<IndexedInstance, 'size' | 'sender' | 'receivedAt'>
}

export interface DigestedInstances {
  readonly count: number
  /** Another one as soon as an instance comes, goes, or changes its state; none of the pages is older than it. */
  readonly digest: string
  readonly pages: AsyncIterable<readonly IndexedInstance[]>
}

export interface MetadataOptions extends Pick<InstancesOptions, 'states' | 'pageSize' | 'signal'> {
  /** Address of the DICOMweb services, for bulk data. */
  readonly service: string
}

/** As {@link DigestedInstances}. */
export interface DigestedMetadata {
  readonly count: number
  readonly digest: string
  /** One array of DICOM JSON, of a data set for each instance, cut anywhere. */
  readonly pages: AsyncIterable<Buffer>
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
  /**
   * The same for instances whose bytes are not durable yet: writes these first, unless one of the instances is known
   * already. Where it rejects, they may be written or not, and told of or not. Undefined where the engine has no thread
   * that could wait for a disk.
   */
  readonly addWithBytes?: (batch: readonly NewInstance[], todo: DurableWrite) => Promise<AddedWithBytes>
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
  /** What {@link instances} gives, with what tells it from that of any other time. */
  digested(scope: Scope, options?: InstancesOptions): Promise<DigestedInstances>
  /** The same as clients see it (PS3.18 §10.4.1.1.2). */
  metadata(scope: Scope, options: MetadataOptions): Promise<DigestedMetadata>
  /**
   * The instance that stands for a study or a series: the middle one of the series, of the study's first series whose
   * Modality is none of the `unlikely` ones, else of its first. With its tags and pixel map; null where the scope has none.
   */
  representative(
    scope: Omit<Scope, 'instance'>,
    unlikely: readonly string[],
    signal?: AbortSignal,
  ): Promise<IndexedInstance | null>
  /** Instances of a study that were made of others, and those that were made of its own. */
  derivations(study: Uid): Promise<readonly Derivation[]>
}
