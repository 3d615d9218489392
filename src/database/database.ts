import { randomUUID } from 'node:crypto'
import type { AttentionRecord } from './attention.ts'
import type { Engine } from './engine.ts'
import type { FeedRecord, AuditWalk } from './ledger.ts'
import { instanceIndex } from './index-port.ts'
import type { Checked } from './inspection.ts'
import type { ClaimRow, OwedRow } from './outbox.ts'
import type {
  Attention,
  AttentionRow,
  Claim,
  Database,
  FeedRow,
  FhirState,
  Finding,
  Inspection,
  Ledger,
  Outbox,
  Owed,
} from './ports.ts'

/** All ports over one engine, its schema brought up to date. */
export async function openDatabase(engine: Engine): Promise<Database> {
  try {
    while ((await engine.write('migrate', [])) > 0);
    const archiveId = await engine.write('openArchive', [randomUUID()])
    return {
      archiveId,
      engine: engine.dialect,
      index: instanceIndex(engine),
      outbox: outbox(engine),
      fhir: fhirState(engine),
      attention: attention(engine),
      ledger: ledger(engine),
      inspection: inspection(engine),
      check: () => engine.read('ping', []),
      close: () => engine.close(),
    }
  } catch (error) {
    await engine.close()
    throw error
  }
}

function outbox(engine: Engine): Outbox {
  const leased = ({ study, gen, leaseToken }: Claim): { study: string; gen: number; leaseToken: string } => ({
    study,
    gen,
    leaseToken,
  })
  return {
    claim: async (limit, leaseMs) => {
      const rows = await engine.write('claim', [limit, leaseMs, randomUUID()])
      return rows.map((row: ClaimRow): Claim => ({ ...row, firstDirtyAt: new Date(row.firstDirtyAt) }))
    },
    renew: (claim, leaseMs) => engine.write('renew', [leased(claim), leaseMs]),
    settle: (claim) => engine.write('settle', [leased(claim)]),
    postpone: (claim, why) => engine.write('postpone', [leased(claim), why]),
    touch: (study) => engine.write('touch', [study]),
    owed: async (limit) => {
      const found = await engine.read('owed', [limit])
      return {
        ...found,
        oldestDirtyAt: dateOrNull(found.oldestDirtyAt),
        rows: found.rows.map((row: OwedRow): Owed => ({
          ...row,
          firstDirtyAt: new Date(row.firstDirtyAt),
          dueAt: new Date(row.dueAt),
          deadSince: dateOrNull(row.deadSince),
        })),
      }
    },
    nextDue: () => engine.read('nextDue', []),
  }
}

function dateOrNull(milliseconds: number | null): Date | null {
  return milliseconds === null ? null : new Date(milliseconds)
}

function fhirState(engine: Engine): FhirState {
  return {
    link: (kind, key) => engine.read('link', [kind, key]),
    saveLink: (link) => engine.write('saveLink', [link]),
    removeLink: (kind, key) => engine.write('removeLink', [kind, key]),
    links: (kind, after, limit) => engine.read('links', [kind, after, limit]),
    startPush: async (study, gen) => {
      const id = randomUUID()
      await engine.write('startPush', [id, study, gen])
      return id
    },
    endPush: (id, outcome) => engine.write('endPush', [id, outcome]),
    fact: (name) => engine.read('fact', [name]),
    saveFact: (name, value) => engine.write('saveFact', [name, value]),
  }
}

function attention(engine: Engine): Attention {
  return {
    raise: (row) => engine.write('raise', [row]),
    clear: (reason, study) => engine.write('clear', [reason, study]),
    resolve: (id) => engine.write('resolve', [id]),
    list: async (options) => {
      const rows = await engine.read('attentionList', [options])
      return rows.map((row: AttentionRecord): AttentionRow => ({
        ...row,
        createdAt: new Date(row.createdAt),
        resolvedAt: dateOrNull(row.resolvedAt),
      }))
    },
  }
}

function ledger(engine: Engine): Ledger {
  return {
    sequence: () => engine.write('sequence', []),
    feed: async (after, limit) => {
      const rows = await engine.read('feed', [after, limit])
      return rows.map((row: FeedRecord): FeedRow => ({ ...row, at: new Date(row.at) }))
    },
    brokenAuditRow: async () => {
      let walk: AuditWalk = { seq: 0, hash: '', broken: null, done: false }
      while (!walk.done) walk = await engine.read('walkAudit', [walk])
      return walk.broken
    },
  }
}

/** Rows of a level that one read compares. */
const CHECKED = 200

function inspection(engine: Engine): Inspection {
  return {
    levels: () => levels(engine),
    blobs: (afterId, limit) => engine.read('blobs', [afterId, limit]),
    referenced: async (store, keys) => new Set(await engine.read('referenced', [store, keys])),
    outbox: () => outboxFindings(engine),
    integrity: () => engine.read('integrity', []),
    counts: () => engine.read('counts', []),
  }
}

async function* levels(engine: Engine): AsyncGenerator<Finding> {
  for (const table of ['patient', 'study', 'series'] as const)
    yield* walked((after) => engine.read('checkLevel', [table, after, CHECKED]))
  yield* walked((after) => engine.read('checkPostings', [after]))
}

async function* walked(read: (after: number) => Promise<Checked>): AsyncGenerator<Finding> {
  for (let after: number | null = 0; after !== null;) {
    const checked: Checked = await read(after)
    yield* checked.findings
    after = checked.next
  }
}

async function* outboxFindings(engine: Engine): AsyncGenerator<Finding> {
  yield* await engine.read('checkOutbox', [])
}
