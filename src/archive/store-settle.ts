import type { BlobPlace, NewBlob } from '../blobs/ports.ts'
import type { AddOutcome, KnownInstance, NewInstance } from '../database/ports/instance.ts'
import type { Uid } from '../dicom/data-set.ts'
import { rejectionOf, type Rejection } from '../dicom/rejection-note.ts'
import type { Archive } from './archive.ts'
import { createBatcher } from './batch.ts'
import { createTurns } from './in-order.ts'
import type { IntakeOptions } from './store.ts'
import { createAdder, goesAlong, MOST_AT_ONCE, newInstance, putBlob, type Ready } from './store-add.ts'
import { type Arrived, settleDuplicate } from './store-duplicate.ts'
import { refusedBecause, type Stored, type StoreOutcome } from './store-outcome.ts'

/** The steps that instances of all uploads take together, each a batch after the other, both at once. */
interface Steps {
  readonly lookUp: (uid: Uid) => Promise<KnownInstance | undefined>
  readonly inTurn: ReturnType<typeof createTurns>
  readonly add: (ready: Ready) => Promise<AddOutcome>
  /** Contradictions that were kept aside. */
  readonly keptAside: Set<string>
}

/**
 * Stores what has arrived: **bytes durable → one database transaction → answer** (design §4). Where bytes do not go along
 * with the index, those of the next batch are made durable while one commits, and the one after is looked up. The failure of one instance is an outcome;
 * what is no Problem is told to `onBug` and is an outcome too, as others of the same upload may be stored by then.
 */
export function createSettler(
  archive: Archive,
  options: Pick<IntakeOptions, 'onBug' | 'onStored'>,
): (arrived: Arrived) => Promise<StoreOutcome> {
  const steps: Steps = {
    lookUp: createBatcher(async (uids: readonly Uid[]) => {
      const known = await archive.database.index.known([...new Set(uids)])
      return uids.map((uid) => known.get(uid))
    }, MOST_AT_ONCE),
    inTurn: createTurns(),
    add: createAdder(archive, options),
    keptAside: new Set(),
  }
  /** Of each SOP Instance UID that is being stored, the last one to come: the next waits for it. */
  const last = new Map<Uid, Promise<StoreOutcome>>()

  async function settle(arrived: Arrived): Promise<StoreOutcome> {
    const { SOPClassUID, uids } = arrived.parsed
    try {
      return await settleOne(archive, steps, arrived)
    } catch (error) {
      return { ...refusedBecause(error, options.onBug), SOPClassUID, SOPInstanceUID: uids.instance }
    }
  }

  return (arrived) => {
    const uid = arrived.parsed.uids.instance
    const before = last.get(uid)
    const mine = before === undefined ? settle(arrived) : before.then(() => settle(arrived))
    last.set(uid, mine)
    return mine.finally(() => {
      if (last.get(uid) === mine) last.delete(uid)
    })
  }
}

async function settleOne(archive: Archive, steps: Steps, arrived: Arrived): Promise<StoreOutcome> {
  let placed: BlobPlace | undefined
  const place = async () => (placed ??= await makeDurable(archive, steps, arrived.spooled.blob))
  const outcome = await addOne(archive, steps, arrived, place)
  if (outcome.kind === 'failed') throw outcome.problem
  // Bytes that were put, because another process was faster, are unreferenced, or go to quarantine.
  if (outcome.kind === 'exists')
    return settleDuplicate(archive, outcome.kept, arrived, place, steps.keptAside)
  return stored(arrived)
}

/** Small ones go to the index at once, with their bytes; others are looked up before their bytes are written. */
async function addOne(
  archive: Archive,
  steps: Steps,
  arrived: Arrived,
  place: () => Promise<BlobPlace>,
): Promise<AddOutcome> {
  const at = Date.now()
  const rejection = rejectionOf(arrived.parsed)
  if (rejection === null && goesAlong(archive, arrived.spooled.blob)) {
    await steps.inTurn(Promise.resolve())
    return steps.add({ arrived, place: null, at })
  }
  const kept = await steps.lookUp(arrived.parsed.uids.instance)
  if (kept !== undefined) return { kind: 'exists', kept }
  if (rejection === null) return steps.add({ arrived, place: await place(), at })
  return addRejection(archive, newInstance(archive, arrived, await place()), rejection)
}

/**
 * A rejection note (IHE IOCM) is kept, shown to nobody, and done: what it names leaves lists and counts with it. Instances
 * of other studies than its own are not its to reject.
 */
export function addRejection(
  archive: Pick<Archive, 'database'>,
  instance: NewInstance,
  rejection: Rejection,
): Promise<AddOutcome> {
  const { instances, meaning, forGood } = rejection
  return archive.database.lifecycle.note(instance, {
    scope: { study: instance.parsed.uids.study },
    instances,
    from: ['active'],
    to: forGood ? 'deleted' : 'rejected',
    actor: instance.sender,
    reason: `rejection note: ${meaning}`,
  })
}

/**
 * Each for itself, as the store shares its syncs among all that are under way. What comes from memory is handed on in
 * the order in which it was begun, which is that of the keys: so an index made anew of the blobs (`reindex`) finds the
 * same first instance of each study. A staged file may take its time, and nobody else should wait for it.
 */
function makeDurable(archive: Archive, steps: Steps, blob: NewBlob): Promise<BlobPlace> {
  const putting = putBlob(archive, blob)
  return 'path' in blob.bytes ? putting : steps.inTurn(putting)
}

function stored({ parsed }: Arrived): Stored {
  const { uids, SOPClassUID, oddities } = parsed
  const [first] = oddities
  if (first === undefined) return { kind: 'stored', uids, SOPClassUID, isNew: true }
  const comment = oddities.map(({ text }) => text).join('; ')
  return { kind: 'stored', uids, SOPClassUID, isNew: true, warning: { reason: first.reason, comment } }
}
