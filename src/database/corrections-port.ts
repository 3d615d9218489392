import type { CorrectionRecord } from './corrections.ts'
import type { Engine } from './engine.ts'
import type { CorrectionRow, Corrections } from './ports/corrections.ts'
import type { AddOutcome } from './ports/instance.ts'
import { prepare } from './prepare.ts'

export function corrections(engine: Engine): Corrections {
  return {
    propose: async (proposal) => {
      const { record, isNew } = await engine.write('propose', [proposal])
      return { correction: rowOf(record), isNew }
    },
    decide: (id, decision, actor) => engine.write('decide', [id, decision, actor]),
    get: async (id) => rowOrNull(await engine.read('correction', [id])),
    list: async (filter) => (await engine.read('correctionList', [filter])).map(rowOf),
    claim: async (leaseMs) => rowOrNull(await engine.write('claimCorrection', [leaseMs])),
    renew: (id, leaseMs) => engine.write('renewCorrection', [id, leaseMs]),
    made: (id) => engine.read('correctionMade', [id]),
    waiting: (id) => engine.read('correctionWaiting', [id]),
    stage: async (id, batch) => {
      const prepared = batch.map(({ instance }) => prepare(instance))
      const sources = batch.map(({ source }) => source)
      const added = await engine.write('stage', [id, prepared, sources])
      return added.map((kept): AddOutcome => (kept === null ? { kind: 'added' } : { kind: 'exists', kept }))
    },
    finish: (id) => engine.write('finishCorrection', [id]),
    fail: (id, failures) => engine.write('failCorrection', [id, failures]),
  }
}

function rowOrNull(record: CorrectionRecord | null): CorrectionRow | null {
  return record === null ? null : rowOf(record)
}

function rowOf(record: CorrectionRecord): CorrectionRow {
  const date = (at: number | null): Date | null => (at === null ? null : new Date(at))
  return {
    ...record,
    proposedAt: new Date(record.proposedAt),
    decidedAt: date(record.decidedAt),
    doneAt: date(record.doneAt),
  }
}
