import type { MakeBench } from './bench.ts'
import { addContract } from './contract-add.ts'
import { concurrencyContract } from './contract-concurrency.ts'
import { correctionsContract } from './contract-corrections.ts'
import { fhirContract } from './contract-fhir.ts'
import { inspectionContract } from './contract-inspection.ts'
import { ledgerContract } from './contract-ledger.ts'
import { levelsContract } from './contract-levels.ts'
import { lifecycleContract } from './contract-lifecycle.ts'
import { outboxContract } from './contract-outbox.ts'
import { postingsContract } from './contract-postings.ts'
import { tagsContract } from './contract-tags.ts'

/** Everything that the ports promise; every engine runs it. */
export function contract(bench: MakeBench): void {
  addContract(bench)
  tagsContract(bench)
  levelsContract(bench)
  postingsContract(bench)
  lifecycleContract(bench)
  correctionsContract(bench)
  concurrencyContract(bench)
  outboxContract(bench)
  fhirContract(bench)
  ledgerContract(bench)
  inspectionContract(bench)
}
