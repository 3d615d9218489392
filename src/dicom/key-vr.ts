import { entryOf } from './dictionary.ts'
import type { Tag, Vr } from './data-set.ts'

/**
 * The VR of a tag where no data set decides it: of a choice the one that compares like the others, of a private
 * creator LO (PS3.5 §7.8.1), UN where no dictionary knows it.
 */
export function keyVr(tag: Tag): Vr {
  const entry = entryOf(tag)
  if (!entry) return isPrivateCreator(tag) ? 'LO' : 'UN'
  if (entry.vr === 'xs' || entry.vr === 'lt') return 'US'
  return entry.vr === 'ox' ? 'OW' : entry.vr
}

/** Private elements have odd groups: PS3.5 §7.1. */
export function isPrivate(tag: Tag): boolean {
  return (parseInt(tag.slice(0, 4), 16) & 1) === 1
}

/** (gggg,0010-00FF) of an odd group names the owner of a block. */
export function isPrivateCreator(tag: Tag): boolean {
  return isPrivate(tag) && /^....00[1-9A-F]/u.test(tag)
}
