import type { Engine } from './engine.ts'
import type { Checked } from './inspection.ts'
import type { Finding, Inspection } from './ports/inspection.ts'
import type { Repairs } from './ports/repairs.ts'

/** Rows of a level that one read compares with the views. */
const CHECKED = 200
/** Rows that one read derives anew: a study may have ten thousand instances, and a snapshot should not be old. */
const DERIVED = 20

const LEVELS = ['patient', 'study', 'series'] as const

export function inspection(engine: Engine): Inspection {
  return {
    levels: () => levels(engine),
    relations: () => engine.read('checkRelations', []),
    unusedBlobs: () => engine.read('unusedBlobs', []),
    blobs: (afterId, limit) => engine.read('blobs', [afterId, limit]),
    referenced: async (store, keys) => new Set(await engine.read('referenced', [store, keys])),
    outbox: () => outboxFindings(engine),
    integrity: () => engine.read('integrity', []),
    counts: () => engine.read('counts', []),
  }
}

/** Each read is one snapshot, so that what is stored meanwhile makes no findings. */
async function* levels(engine: Engine): AsyncGenerator<Finding> {
  for (const table of LEVELS) yield* walked((after) => engine.read('checkLevel', [table, after, CHECKED]))
  for (const table of LEVELS) yield* walked((after) => engine.read('checkDerived', [table, after, DERIVED]))
  yield* walked((after) => engine.read('checkPostings', [after]))
  yield* await engine.read('checkArchive', [])
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

export function repairs(engine: Engine): Repairs {
  return {
    rebuild: ({ level, id }) => {
      if (level === 'archive') return engine.write('recountArchive', [])
      if (level === 'postings') return engine.write('rebuildPostings', [id])
      return engine.write('rebuildLevel', [level, id])
    },
    doom: async (found) => new Set(await engine.write('doomBlobs', [found])),
    forget: (store, key) => engine.write('forgetBlob', [store, key]),
    release: (blobId) => engine.write('releaseBlob', [blobId]),
    requeue: (study) => engine.write('requeue', [study]),
    note: (action, detail) => engine.write('noteRepair', [action, detail]),
  }
}
