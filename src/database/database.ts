import { randomUUID } from 'node:crypto'
import type { AttentionRecord } from './attention.ts'
import type { Engine } from './engine.ts'
import type { FeedRecord, AuditWalk } from './ledger.ts'
import type { PushRow } from './lineage.ts'
import { corrections } from './corrections-port.ts'
import { lifecycle } from './lifecycle-port.ts'
import { instanceIndex } from './index-port.ts'
import { inspection, repairs } from './inspection-port.ts'
import type { ClaimRow, OwedRow } from './outbox.ts'
import type { Attention, AttentionRow } from './ports/attention.ts'
import type { Database } from './ports/database.ts'
import type { FhirState, PushRecord } from './ports/fhir-state.ts'
import type { FeedRow, Ledger } from './ports/ledger.ts'
import type { Claim, Outbox, Owed } from './ports/outbox.ts'
import type { OpenOptions } from './settings.ts'

/**
 * All ports over one engine, its schema brought up to date; or, `readOnly`, as it is: then whatever would write is a bug.
 */
export async function openDatabase(engine: Engine, options: OpenOptions = {}): Promise<Database> {
  try {
    const archiveId =
      options.readOnly === true
        ? await engine.read('readArchive', [])
        : await prepare(engine, options.archiveId)
    return portsOf(options.readOnly === true ? forReading(engine) : engine, archiveId)
  } catch (error) {
    await engine.close()
    throw error
  }
}

async function prepare(engine: Engine, archiveId: string = randomUUID()): Promise<string> {
  while ((await engine.write('migrate', [])) > 0);
  return engine.write('openArchive', [archiveId])
}

function forReading(engine: Engine): Engine {
  return {
    ...engine,
    write: (name) => Promise.reject(new Error(`${name} writes to a database that was opened for reading`)),
  }
}

function portsOf(engine: Engine, archiveId: string): Database {
  return {
    archiveId,
    engine: engine.dialect,
    index: instanceIndex(engine),
    lifecycle: lifecycle(engine),
    corrections: corrections(engine),
    outbox: outbox(engine),
    fhir: fhirState(engine),
    attention: attention(engine),
    ledger: ledger(engine),
    inspection: inspection(engine),
    repairs: repairs(engine),
    check: () => engine.read('ping', []),
    close: () => engine.close(),
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
    settle: (claim, againMs = null) => engine.write('settle', [leased(claim), againMs]),
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
    linksTo: (kind, ids) => engine.read('linksTo', [kind, ids]),
    links: (kind, after, limit) => engine.read('links', [kind, after, limit]),
    startPush: async (study, gen, id = randomUUID()) => {
      await engine.write('startPush', [id, study, gen])
      return id
    },
    endPush: (id, outcome) => engine.write('endPush', [id, outcome]),
    cutPush: (id, study, upTo) => engine.write('cutPush', [id, study, upTo]),
    cuts: async (study) => (await engine.read('cuts', [study])).map(pushRecord),
    pushes: async (study, limit) => (await engine.read('pushes', [study, limit])).map(pushRecord),
    fact: (name) => engine.read('fact', [name]),
    saveFact: (name, value) => engine.write('saveFact', [name, value]),
  }
}

function pushRecord(row: PushRow): PushRecord {
  return { ...row, startedAt: new Date(row.startedAt), endedAt: dateOrNull(row.endedAt) }
}

function attention(engine: Engine): Attention {
  return {
    counts: async () => new Map(await engine.read('attentionCounts', [])),
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
