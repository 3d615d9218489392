/** ADD, with the bytes of the instances: in one go, by the thread of the index. */
import { writeDurably, type DurableWrite } from '../durable-write.ts'
import { takenUids, type Added } from './add.ts'
import { addArrived } from './add-rejected.ts'
import { UndoneError, type Row, type Step, type ThreadWriter } from './operation.ts'
import type { PreparedInstance } from './prepare.ts'

/** By what became of the bytes: per instance as {@link Added}; what is known already; the code of the disk's fault. */
export type AddedWithBytes =
  | { readonly bytes: 'written' | 'untouched'; readonly added: readonly Added[] }
  | { readonly bytes: 'torn'; readonly code: string }

/**
 * Writes the bytes of a batch, and meanwhile {@link addArrived}, which is committed once they are durable: nothing tells of bytes
 * that are not there. Where the index knows one of the instances already nothing is written or added, as its bytes are
 * not wanted; null is then what could be. Begun again, it writes the same bytes to the same place.
 */
export function* addWithBytes(
  writer: ThreadWriter,
  batch: readonly PreparedInstance[],
  { fd, bytes, position }: DurableWrite,
): Generator<Step, AddedWithBytes, Row[]> {
  const taken = yield* takenUids(writer, batch)
  if (taken.size > 0) {
    return { bytes: 'untouched', added: batch.map(({ sopUid }) => taken.get(sopUid) ?? null) }
  }
  writer.meanwhile(writeDurably(fd, [bytes], position).catch(torn))
  return { bytes: 'written', added: yield* addArrived(writer, batch, taken) }
}

function torn(error: unknown): never {
  const code = (error as NodeJS.ErrnoException).code ?? 'no code'
  throw new UndoneError<AddedWithBytes>({ bytes: 'torn', code })
}
