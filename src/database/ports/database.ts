import type { Attention } from './attention.ts'
import type { Corrections } from './corrections.ts'
import type { FhirState } from './fhir-state.ts'
import type { Inspection } from './inspection.ts'
import type { InstanceIndex } from './instance-index.ts'
import type { Ledger } from './ledger.ts'
import type { Lifecycle } from './lifecycle.ts'
import type { Outbox } from './outbox.ts'
import type { Repairs } from './repairs.ts'

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
