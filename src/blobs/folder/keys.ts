import { UUID7 } from '../uuid7.ts'

/**
 * Where the bytes of a key lie. The key says it by itself, so that reading needs no table beside the folder:
 * `f/<uuid7>` is a file, `s/<uuid7 of the segment>/<offset>/<length>` a record, both numbers in lower-case hexadecimal,
 * the offset eight digits wide so that keys sort as the records lie.
 */
export type FolderPlace =
  | { readonly kind: 'file'; readonly id: string }
  | { readonly kind: 'record'; readonly segment: string; readonly offset: number; readonly length: number }

const FILE = new RegExp(`^f/(${UUID7})$`)
const RECORD = new RegExp(`^s/(${UUID7})/([0-9a-f]{8})/(0|[1-9a-f][0-9a-f]{0,7})$`)

/** Reads a key strictly: null for anything that {@link fileKey} and {@link recordKey} do not make. */
export function parseKey(key: string): FolderPlace | null {
  const file = FILE.exec(key)
  if (file?.[1] !== undefined) return { kind: 'file', id: file[1] }
  const [, segment, offset, length] = RECORD.exec(key) ?? []
  if (segment === undefined || offset === undefined || length === undefined) return null
  return { kind: 'record', segment, offset: parseInt(offset, 16), length: parseInt(length, 16) }
}

/** The key of a blob that has a file of its own. */
export function fileKey(id: string): string {
  return `f/${id}`
}

/** The key of a blob that is a record of a segment: `offset` is that of the record's header, `length` the payload's. */
export function recordKey(segment: string, offset: number, length: number): string {
  return `s/${segment}/${offset.toString(16).padStart(8, '0')}/${length.toString(16)}`
}
