/**
 * Private elements and who owns their blocks: PS3.5 §7.8.1, design §6. Decision: a creator names the block of the last
 * tag of a path; a private sequence on the way is meant by the very tag that is written.
 */
import type { Tag } from '../../src/dicom/data-set.ts'
import type { Attribute, Key } from './question.ts'
import { isWild } from './text.ts'

export function isPrivate(tag: Tag): boolean {
  return parseInt(tag.slice(3, 4), 16) % 2 === 1
}

/** (gggg,0010-00FF) of an odd group names who owns a block. */
export function isCreator(tag: Tag): boolean {
  return isPrivate(tag) && tag.slice(4, 6) === '00' && parseInt(tag.slice(6), 16) >= 0x10
}

/** Creators that keys of the request name for a block: `00190010=PEERLAB 01` (PS3.5 §7.8.1, design §6). */
export function ownersOf(keys: readonly Key[]): ReadonlyMap<string, string> {
  const owners = new Map<string, string>()
  for (const { path, want, creator } of keys) {
    const tag = path.at(-1) ?? ''
    const [text, ...more] = want.kind === 'one' ? want.texts : []
    if (creator !== undefined || text === undefined || more.length > 0 || isWild(text)) continue
    if (isCreator(tag)) owners.set([...path.slice(0, -1), tag.slice(0, 4) + tag.slice(6)].join('.'), text)
  }
  return owners
}

function blockOf({ path }: Attribute): string {
  const tag = path.at(-1) ?? ''
  return isPrivate(tag) ? [...path.slice(0, -1), tag.slice(0, 6)].join('.') : ''
}

export function owned<A extends Attribute>(attribute: A, owners: ReadonlyMap<string, string>): A {
  const owner = owners.get(blockOf(attribute))
  if (attribute.creator !== undefined || owner === undefined) return attribute
  const tag = attribute.path.at(-1) ?? ''
  return {
    ...attribute,
    path: [...attribute.path.slice(0, -1), `${tag.slice(0, 4)}00${tag.slice(6)}`],
    creator: owner,
  }
}

/** Decision: a creator that is named for a block of other keys is no key of its own. */
export function withoutOwners(keys: readonly Key[], owners: ReadonlyMap<string, string>): Key[] {
  const served = new Set(keys.filter(({ creator }) => creator === undefined).map(blockOf))
  return keys.filter(({ path, creator, want }) => {
    const tag = path.at(-1) ?? ''
    const block = [...path.slice(0, -1), tag.slice(0, 4) + tag.slice(6)].join('.')
    return (
      creator !== undefined ||
      want.kind !== 'one' ||
      !isCreator(tag) ||
      !owners.has(block) ||
      !served.has(block)
    )
  })
}
