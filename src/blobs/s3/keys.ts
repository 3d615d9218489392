import { UUID7 } from '../uuid7.ts'

/** All our objects lie below this prefix, so that a bucket can be shared and the layout can change once. */
export const PREFIX = 'v1/'

const KEY = new RegExp(`^v1/([0-9a-f]{2})/(${UUID7})$`)

/** The key of a blob: two random digits spread the keys over the partitions of the store. */
export function objectKey(id: string): string {
  return `${PREFIX}${id.slice(-2)}/${id}`
}

/** Whether a key is one that {@link objectKey} makes. */
export function isObjectKey(key: string): boolean {
  const [, digits, id] = KEY.exec(key) ?? []
  return id !== undefined && id.slice(-2) === digits
}

/** The UUID in a key that {@link objectKey} made. */
export function idOfKey(key: string): string {
  return key.slice(-36)
}
