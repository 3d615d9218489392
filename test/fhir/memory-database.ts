import { createHash, randomUUID } from 'node:crypto'
import type { Archive } from '../../src/archive/archive.ts'
import type { Attention, AttentionRow } from '../../src/database/ports/attention.ts'
import type { Database } from '../../src/database/ports/database.ts'
import type { FhirLink, FhirState, PushRecord } from '../../src/database/ports/fhir-state.ts'
import type { IndexedInstance, InstanceState } from '../../src/database/ports/instance.ts'
import type { InstanceIndex } from '../../src/database/ports/instance-index.ts'
import type { Claim, Outbox } from '../../src/database/ports/outbox.ts'
import { ExplicitVRLittleEndian } from '../../src/dicom/transfer-syntax.ts'
import type { Sample } from '../samples.ts'

interface Row extends IndexedInstance {
  state: InstanceState
}

interface Debt {
  gen: number
  doneGen: number
  firstDirtyAt: number
  dueAt: number
  attempts: number
  hold: string | null
  dead: number | null
  error: string | null
  lease: { token: string; until: number } | null
}

/** The ports that pushing stands on, in memory, with the semantics of design §7: for tests of the worker alone. */
export interface MemoryArchive {
  readonly archive: Archive
  readonly attention: AttentionRow[]
  readonly pushes: PushRecord[]
  readonly links: Map<string, FhirLink>
  readonly facts: Map<string, string>
  readonly debts: Map<string, Debt>
  /** Indexes samples as STOW would, and owes their studies. */
  add(...samples: readonly Sample[]): void
  /** The same, for those who ask who sent it, and when. */
  addFrom(sender: string, receivedAt: Date, ...samples: readonly Sample[]): void
  /** Changes the state of instances. */
  setState(state: InstanceState, samples: readonly Sample[]): void
}

export function memoryArchive({
  quietMs = 0,
  maxWaitMs = 1000,
  archiveId = 'a3f2c1d4-5b6e-4f70-8192-a3b4c5d6e7f8',
} = {}): MemoryArchive {
  const rows: Row[] = []
  const debts = new Map<string, Debt>()
  const owe = (study: string, now = Date.now()): void => {
    const debt = debts.get(study)
    if (!debt) {
      debts.set(study, {
        gen: 1,
        doneGen: 0,
        firstDirtyAt: now,
        dueAt: now + quietMs,
        attempts: 0,
        hold: null,
        dead: null,
        error: null,
        lease: null,
      })
      return
    }
    if (debt.gen === debt.doneGen || debt.dead !== null)
      Object.assign(debt, { firstDirtyAt: now, attempts: 0, dead: null })
    debt.gen += 1
    if (debt.attempts === 0) debt.dueAt = Math.min(now + quietMs, debt.firstDirtyAt + maxWaitMs)
  }
  const addFrom = (sender: string | null, receivedAt: Date, samples: readonly Sample[]): void => {
    for (const sample of samples) {
      rows.push({ ...indexed(sample, rows.length + 1), sender, receivedAt })
      owe(sample.uids.study)
    }
  }
  const state = memoryState()
  const attention = memoryAttention()
  const database = {
    archiveId,
    engine: 'sqlite',
    index: memoryIndex(rows),
    outbox: memoryOutbox(debts),
    fhir: state.port,
    attention: attention.port,
  } as Pick<Database, 'archiveId' | 'engine' | 'index' | 'outbox' | 'fhir' | 'attention'> as Database
  return {
    archive: { database, blobs: {} as Archive['blobs'], now: () => new Date() },
    attention: attention.rows,
    pushes: state.pushes,
    links: state.links,
    facts: state.facts,
    debts,
    add: (...samples) => addFrom(null, new Date(), samples),
    addFrom: (sender, receivedAt, ...samples) => addFrom(sender, receivedAt, samples),
    setState: (to, samples) => {
      for (const { uids } of samples) {
        const row = rows.find((one) => one.uids.instance === uids.instance)
        if (row) row.state = to
        owe(uids.study)
      }
    },
  }
}

function indexed(sample: Sample, id: number): Row {
  return {
    id,
    uids: sample.uids,
    SOPClassUID: (sample.dataSet['00080016']?.Value?.[0] as string | undefined) ?? '',
    TransferSyntaxUID: ExplicitVRLittleEndian,
    fileSha256: createHash('sha256').update(sample.bytes).digest('hex'),
    datasetSha256: '',
    state: 'active',
    extents: [],
    size: sample.bytes.length,
    damaged: false,
    sender: null,
    receivedAt: new Date(),
    tags: Buffer.from(JSON.stringify(sample.dataSet)),
  }
}

function memoryIndex(rows: readonly Row[]): InstanceIndex {
  return {
    async *instances(scope, options = {}) {
      const states = options.states ?? ['active']
      const found = rows.filter(
        ({ uids, state }) =>
          (scope.study === undefined || uids.study === scope.study) && states.includes(state),
      )
      const size = options.pageSize ?? 100
      for (let start = 0; start < found.length; start += size) {
        await Promise.resolve()
        yield found.slice(start, start + size)
      }
    },
    derivations: () => Promise.resolve([]),
    known: (uids) =>
      Promise.resolve(
        new Map(rows.flatMap((row) => (uids.includes(row.uids.instance) ? [[row.uids.instance, row]] : []))),
      ),
  } as Pick<InstanceIndex, 'instances' | 'derivations' | 'known'> as InstanceIndex
}

function memoryOutbox(debts: ReadonlyMap<string, Debt>): Outbox {
  const own = (claim: Claim): Debt | null => {
    const debt = debts.get(claim.study)
    return debt?.lease?.token === claim.leaseToken ? debt : null
  }
  const isClaimable = ({ gen, doneGen, hold, dead }: Debt): boolean =>
    gen > doneGen && hold === null && dead === null
  const isFree = ({ lease }: Debt, now: number): boolean => lease === null || lease.until < now
  return {
    claim: (limit, leaseMs) => {
      const now = Date.now()
      const due = [...debts]
        .filter(([, debt]) => isClaimable(debt) && debt.dueAt <= now && isFree(debt, now))
        .sort(([, a], [, b]) => a.dueAt - b.dueAt)
        .slice(0, limit)
      return Promise.resolve(
        due.map(([study, debt]) => {
          debt.lease = { token: randomUUID(), until: now + leaseMs }
          const { gen, attempts } = debt
          return {
            study,
            gen,
            attempts,
            firstDirtyAt: new Date(debt.firstDirtyAt),
            leaseToken: debt.lease.token,
          }
        }),
      )
    },
    renew: (claim, leaseMs) => {
      const debt = own(claim)
      if (debt?.lease) debt.lease.until = Date.now() + leaseMs
      return Promise.resolve(debt !== null)
    },
    settle: (claim, againMs = null) => {
      const debt = own(claim)
      if (debt && againMs !== null && debt.gen === claim.gen)
        Object.assign(debt, { gen: claim.gen + 1, dueAt: Date.now() + againMs })
      if (debt)
        Object.assign(debt, {
          firstDirtyAt: Date.now(),
          doneGen: claim.gen,
          attempts: 0,
          lease: null,
          error: null,
          dead: null,
          hold: null,
        })
      return Promise.resolve(debt !== null)
    },
    postpone: (claim, why) => {
      const debt = own(claim)
      if (debt) {
        debt.attempts += 1
        debt.dueAt = Date.now() + why.retryMs
        debt.error = why.error
        debt.hold = why.hold ?? null
        debt.dead = why.dead ? (debt.dead ?? Date.now()) : null
        debt.lease = null
      }
      return Promise.resolve()
    },
    touch: (study) => {
      const debt = debts.get(study)
      if (debt) {
        if (debt.gen === debt.doneGen) debt.firstDirtyAt = Date.now()
        Object.assign(debt, { gen: debt.gen + 1, dueAt: Date.now(), attempts: 0, hold: null, dead: null })
      }
      return Promise.resolve()
    },
    owed: (limit) => {
      const owing = [...debts].filter(([, debt]) => debt.gen > debt.doneGen)
      const oldest = Math.min(...owing.map(([, debt]) => debt.firstDirtyAt))
      return Promise.resolve({
        studies: owing.length,
        held: owing.filter(([, { hold }]) => hold !== null).length,
        dead: owing.filter(([, { dead }]) => dead !== null).length,
        oldestDirtyAt: owing.length === 0 ? null : new Date(oldest),
        rows: owing.slice(0, limit).map(([study, debt]) => ({
          study,
          gen: debt.gen,
          doneGen: debt.doneGen,
          firstDirtyAt: new Date(debt.firstDirtyAt),
          dueAt: new Date(debt.dueAt),
          attempts: debt.attempts,
          holdReason: debt.hold,
          deadSince: debt.dead === null ? null : new Date(debt.dead),
          lastError: debt.error,
          leased: debt.lease !== null,
        })),
      })
    },
    nextDue: () => {
      const now = Date.now()
      const waits = [...debts.values()]
        .filter(isClaimable)
        .map(({ dueAt, lease }) => Math.max(0, dueAt - now, (lease?.until ?? 0) - now))
      return Promise.resolve(waits.length === 0 ? null : Math.min(...waits))
    },
  }
}

function memoryState(): {
  port: FhirState
  links: Map<string, FhirLink>
  facts: Map<string, string>
  pushes: PushRecord[]
} {
  const links = new Map<string, FhirLink>()
  const facts = new Map<string, string>()
  const pushes: PushRecord[] = []
  const push = (id: string): PushRecord | undefined => pushes.find((one) => one.id === id)
  const cuts = (study: string): PushRecord[] =>
    pushes.filter((one) => one.study === study && one.range !== null)
  const port: FhirState = {
    link: (kind, key) => Promise.resolve(links.get(`${kind} ${key}`) ?? null),
    saveLink: (link) => Promise.resolve(void links.set(`${link.kind} ${link.key}`, link)),
    removeLink: (kind, key) => Promise.resolve(void links.delete(`${kind} ${key}`)),
    links: (kind, after, limit) =>
      Promise.resolve(
        [...links.values()]
          .filter((link) => link.kind === kind && link.key > (after ?? ''))
          .sort((a, b) => (a.key < b.key ? -1 : 1))
          .slice(0, limit),
      ),
    linksTo: (kind, ids) =>
      Promise.resolve([...links.values()].filter((link) => link.kind === kind && ids.includes(link.id))),
    startPush: (study, gen, id = randomUUID()) => {
      pushes.push({ id, study, gen, startedAt: new Date(), endedAt: null, outcome: null, range: null })
      return Promise.resolve(id)
    },
    endPush: (id, outcome) =>
      Promise.resolve(void Object.assign(push(id) ?? {}, { outcome, endedAt: new Date() })),
    cutPush: (id, study, upTo) => {
      const after = Math.max(0, ...cuts(study).map(({ range }) => range?.upTo ?? 0))
      if (upTo > after) Object.assign(push(id) ?? {}, { range: { after, upTo } })
      return Promise.resolve()
    },
    cuts: (study) => Promise.resolve(cuts(study)),
    pushes: (study, limit) =>
      Promise.resolve(
        pushes
          .filter((one) => one.study === study)
          .reverse()
          .slice(0, limit),
      ),
    fact: (name) => Promise.resolve(facts.get(name) ?? null),
    saveFact: (name, value) => {
      if (value === null) facts.delete(name)
      else facts.set(name, value)
      return Promise.resolve()
    },
  }
  return { port, links, facts, pushes }
}

function memoryAttention(): { port: Attention; rows: AttentionRow[] } {
  const rows: AttentionRow[] = []
  const open = (reason: string, study: string | null): AttentionRow[] =>
    rows.filter((row) => row.reason === reason && row.study === study && row.resolvedAt === null)
  const resolve = (row: AttentionRow): void => void Object.assign(row, { resolvedAt: new Date() })
  const port: Attention = {
    raise: ({ reason, study = null, instance = null, detail = {} }) => {
      const [known] = open(reason, study)
      if (known) Object.assign(known, { detail })
      else {
        rows.push({
          id: rows.length + 1,
          reason,
          study,
          instance,
          detail,
          createdAt: new Date(),
          resolvedAt: null,
        })
      }
      return Promise.resolve()
    },
    clear: (reason, study) => {
      open(reason, study).forEach(resolve)
      return Promise.resolve()
    },
    counts: () => {
      const counts = new Map<string, number>()
      for (const { reason, resolvedAt } of rows)
        if (resolvedAt === null) counts.set(reason, (counts.get(reason) ?? 0) + 1)
      return Promise.resolve(counts)
    },
    resolve: (id) => {
      const row = rows.find((one) => one.id === id && one.resolvedAt === null)
      if (row) resolve(row)
      return Promise.resolve(row !== undefined)
    },
    list: (options) =>
      Promise.resolve(
        rows
          .filter((row) => (row.resolvedAt === null) === options.open && row.id > (options.after ?? 0))
          .slice(0, options.limit),
      ),
  }
  return { port, rows }
}
