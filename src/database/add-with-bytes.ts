/** ADD, with the bytes of the instances: in one go, by a thread that may wait for the disk. */
import { writeDurablySync, type DurableWrite } from '../durable-write.ts'
import { takenUids, type Added } from './add.ts'
import { addArrived } from './add-rejected.ts'
import type { Row, Step, Writer } from './operation.ts'
import type { PreparedInstance } from './prepare.ts'

/** By what became of the bytes: per instance as {@link Added}; what is known already; the code of the disk's fault. */
export type AddedWithBytes =
  | { readonly bytes: 'written' | 'untouched'; readonly added: readonly Added[] }
  | { readonly bytes: 'torn'; readonly code: string }

/**
 * Writes the bytes of a batch, durably, and then {@link addArrived}: nothing tells of bytes that are not there. Where the
 * index knows one of the instances already nothing is written or added, as its bytes are not wanted; null is then what
 * could be. Begun again, it writes the same bytes to the same place.
 */
export function* addWithBytes(
  writer: Writer,
  batch: readonly PreparedInstance[],
  todo: DurableWrite,
): Generator<Step, AddedWithBytes, Row[]> {
  const taken = yield* takenUids(writer, batch)
  if (taken.size > 0) {
    return { bytes: 'untouched', added: batch.map(({ sopUid }) => taken.get(sopUid) ?? null) }
  }
  try {
    writeDurablySync(todo)
  } catch (error) {
    return { bytes: 'torn', code: (error as NodeJS.ErrnoException).code ?? 'no code' }
  }
  return { bytes: 'written', added: yield* addArrived(writer, batch, taken) }
}
