/**
 * The blob of a corrected instance: what is new of its file, behind a line that says of which pieces the file is made, so
 * that it can be put together again from the blobs alone (`reindex`).
 *
 *     concord-composed 1\n   {"correction":…,"source":…,"size":…,"sha256":…,"pieces":[…]}\n   bytes
 *
 * And the blob that says that all of a correction was made, without which none of it was ever to be seen:
 *
 *     concord-corrected 1\n  {"correction":…}\n
 */
import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { BlobExtent } from '../database/ports/instance.ts'
import type { Uid } from '../dicom/data-set.ts'
import type { Extent } from '../dicom/pixel-map.ts'

const EXTENT = z.object({ offset: z.int().nonnegative(), length: z.int().nonnegative() })
const COMPOSITION = z.object({
  correction: z.string(),
  source: z.string(),
  size: z.int().nonnegative(),
  sha256: z.string(),
  pieces: z.array(z.union([EXTENT.extend({ store: z.string(), key: z.string() }), EXTENT])),
})

export interface Composition {
  /** Id of the correction that made it. */
  readonly correction: string
  /** SOP Instance UID of the instance that it replaces. */
  readonly source: Uid
  /** Of the whole file. */
  readonly size: number
  readonly sha256: string
  /** In order: ranges of the bytes that follow here, and of other blobs. */
  readonly pieces: readonly (Extent | BlobExtent)[]
}

const MAGIC = 'concord-composed 1\n'
const COMPLETION = 'concord-corrected 1\n'
const IS_COMPLETION = new RegExp(`^${COMPLETION}\\{"correction":"([^"]+)"\\}\n$`)
/** A file has few pieces: what is between two changed elements and large. */
const MOST_LINE = 1024 * 1024

/** The blob. */
export function composedBlob(composition: Composition, own: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${MAGIC}${JSON.stringify(composition)}\n`), own])
}

/** Extents of the file that a blob, now known by its store and key, is the new part of. */
export function composedExtents(
  composition: Composition,
  blob: Buffer,
  place: Pick<BlobExtent, 'store' | 'key'>,
): BlobExtent[] {
  return extentsAt(composition, bodyOf(blob), place)
}

/** What a blob that begins with these bytes is made of; null for one that is a file by itself, or is spoilt. */
export function readComposition(
  head: Buffer,
  place: Pick<BlobExtent, 'store' | 'key'>,
): { readonly composition: Composition; readonly extents: readonly BlobExtent[] } | null {
  if (head.toString('latin1', 0, MAGIC.length) !== MAGIC) return null
  const body = bodyOf(head)
  const composition = parsed(head.toString('utf8', MAGIC.length, body))
  return composition === null ? null : { composition, extents: extentsAt(composition, body, place) }
}

function parsed(line: string): Composition | null {
  try {
    return COMPOSITION.safeParse(JSON.parse(line)).data ?? null
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}

/** The blob that is durable before what was made for a correction is shown. */
export function completionBlob(correction: string): Buffer {
  return Buffer.from(`${COMPLETION}${JSON.stringify({ correction })}\n`)
}

/** The id of the correction of which these bytes say that all of it was made; null for other bytes. */
export function readCompletion(bytes: Buffer): string | null {
  if (bytes.length > COMPLETION_SIZE) return null
  return IS_COMPLETION.exec(bytes.toString('latin1'))?.[1] ?? null
}

/** No blob is a completion that is longer. */
export const COMPLETION_SIZE = 256

/** So many bytes must be seen to tell. */
export const COMPOSITION_HEAD = MAGIC.length + MOST_LINE

function bodyOf(blob: Buffer): number {
  return blob.indexOf('\n', MAGIC.length) + 1
}

function extentsAt(
  { pieces }: Composition,
  body: number,
  place: Pick<BlobExtent, 'store' | 'key'>,
): BlobExtent[] {
  return pieces.map((piece) =>
    'key' in piece ? piece : { ...place, offset: body + piece.offset, length: piece.length },
  )
}

export function sha256Of(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}
