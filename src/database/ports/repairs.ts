import type { Uid } from '../../dicom/data-set.ts'
import type { DerivedRow } from './inspection.ts'
import type { PlacedBlob } from './instance.ts'

/** What `repair` may change. Each method is one transaction, and leaves a row in the audit trail. */
export interface Repairs {
  /** Derives a row anew from its active instances, with what hangs on it. */
  rebuild(row: DerivedRow): Promise<void>
  /**
   * Notes blobs as about to be removed, unless a row names them by now; answers with the keys that are noted. From then
   * on nobody can make an instance of them: only now may their bytes be removed.
   */
  doom(blobs: readonly PlacedBlob[]): Promise<ReadonlySet<string>>
  /** Forgets a doomed blob whose bytes are gone. */
  forget(store: string, key: string): Promise<void>
  /** Takes out a blob row that nothing names; false when something does by now. */
  release(blobId: number): Promise<boolean>
  /** Owes a study to the FHIR server once more, by a generation beyond all that is noted of it. */
  requeue(study: Uid): Promise<void>
  /** Says in the audit trail what else was done; without values of data sets. */
  note(action: string, detail: Readonly<Record<string, string | number>>): Promise<void>
}
