/** A thread of the pixel engine: one job after the other. Started by `pool.ts`. */
import { parentPort } from 'node:worker_threads'
import { decodedFormat, type PixelFormat } from '../dicom/pixel-format.ts'
import type { Uid } from '../dicom/data-set.ts'
import { decodeFrame } from './decode.ts'
import type { Look, PictureWish } from './ports.ts'
import { isTrap, UndecodableError } from './undecodable.ts'

export interface Task {
  readonly TransferSyntaxUID: Uid
  readonly format: PixelFormat
  /** Left out: the frame's native bytes are wanted. */
  readonly picture?: { readonly look: Look; readonly wish: PictureWish }
}

export interface Request {
  readonly task: Task
  readonly bytes: Uint8Array
}

export type Answer =
  | { readonly kind: 'done'; readonly bytes: Uint8Array }
  | { readonly kind: 'undecodable'; readonly why: string }
  | { readonly kind: 'error'; readonly message: string; readonly stack: string }

const port = parentPort
if (port === null) throw new TypeError('this is a thread of the pixel engine, no program')
port.on('message', ({ task, bytes }: Request) => {
  void perform(task, bytes).then(
    (result) => {
      // At once: the collector would count it by its size, and look through the heap every few dozen frames.
      if (bytes.buffer !== result.buffer) (bytes.buffer as ArrayBuffer).transfer(0)
      port.postMessage({ kind: 'done', bytes: result } satisfies Answer, [result.buffer as ArrayBuffer])
    },
    (error: unknown) => {
      // A codec that fell leaves its memory as it was then, and not every one can be loaded anew: another thread can.
      if (isTrap(error)) process.exit(1)
      port.postMessage(failure(error))
    },
  )
})

async function perform({ TransferSyntaxUID, format, picture }: Task, bytes: Uint8Array): Promise<Uint8Array> {
  const native = await decodeFrame(bytes, TransferSyntaxUID, format)
  if (picture === undefined)
    return native.length === native.buffer.byteLength ? native : new Uint8Array(native)
  // Loaded where a picture is made: transcoding needs none of it.
  const { pictureOf } = await import('./picture.ts')
  // Memory of libvips cannot change hands: a copy can.
  return new Uint8Array(
    await pictureOf(native, decodedFormat(format, TransferSyntaxUID), picture.look, picture.wish),
  )
}

function failure(error: unknown): Answer {
  if (error instanceof UndecodableError) return { kind: 'undecodable', why: error.message }
  const { message, stack = '' } = error instanceof Error ? error : new Error(String(error))
  return { kind: 'error', message, stack }
}
