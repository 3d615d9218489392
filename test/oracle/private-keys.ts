/** Private elements and who owns their blocks, at every step of a path: PS3.5 §7.8.1, design §6. */
import { privateBlock, privateVr } from '../../src/dicom/private-dictionary.ts'
import type { Tag, TagPath, Vr } from '../../src/dicom/data-set.ts'
import type { Attribute, Key } from './question.ts'
import { isWild } from './text.ts'

export function isPrivate(tag: Tag): boolean {
  return parseInt(tag.slice(3, 4), 16) % 2 === 1
}

/** (gggg,0010-00FF) of an odd group names who owns a block. */
export function isCreator(tag: Tag): boolean {
  return isPrivate(tag) && tag.slice(4, 6) === '00' && parseInt(tag.slice(6), 16) >= 0x10
}

/** A step that names its creator: `0019xx10;CREATOR`. */
export function ownStep(step: Tag): { group: string; element: string; creator: string } | undefined {
  const [, group, element, creator] = /^(.{4})xx(..);(.*)$/su.exec(step) ?? []
  if (group === undefined || element === undefined || creator === undefined) return undefined
  return { group, element, creator }
}

/** What the dictionary says of a private element whose creator is named. */
export function privateVrOf(step: Tag): Vr | undefined {
  const own = ownStep(step)
  if (own === undefined) return undefined
  return privateVr(own.creator, privateBlock(own.creator), parseInt(own.group, 16), parseInt(own.element, 16))
}

/** Creators by the blocks that keys of the request name them for: `00190010=PEERLAB 01`, in each sequence for itself. */
export type Owners = ReadonlyMap<string, string>

export function ownersOf(keys: readonly Key[]): Owners {
  const owners = new Map<string, string>()
  for (let depth = 1; depth <= 16; depth++) {
    for (const { path, want } of keys.filter((key) => key.path.length === depth)) {
      const [text, ...more] = want.kind === 'one' ? want.texts : []
      if (text === undefined || more.length > 0 || isWild(text) || !isCreator(path.at(-1) ?? '')) continue
      owners.set(reserved(owned({ path }, owners).path), text)
    }
  }
  return owners
}

/** Name of the block that the last step reserves: where it is, group and number. */
function reserved(path: TagPath): string {
  const tag = path.at(-1) ?? ''
  return JSON.stringify([...path.slice(0, -1), tag.slice(0, 4) + tag.slice(6)])
}

/** The attribute with the creators that its steps mean. */
export function owned<A extends Attribute>(attribute: A, owners: Owners): A {
  const path: Tag[] = []
  for (const step of attribute.path) {
    const owner = ownStep(step) === undefined && isPrivate(step) ? owners.get(blockOf(path, step)) : undefined
    path.push(owner === undefined ? step : `${step.slice(0, 4)}xx${step.slice(6)};${owner}`)
  }
  return { ...attribute, path }
}

function blockOf(before: TagPath, step: Tag): string {
  return JSON.stringify([...before, step.slice(0, 6)])
}

/**
 * Decision: a creator that is named for a block through which keys with a value lead is no key of its own. It stays one
 * for keys that may have any value, or none.
 */
export function withoutOwners(keys: readonly Key[], asked: readonly Attribute[], owners: Owners): Key[] {
  const served = new Set(
    asked.flatMap(({ path }, at) =>
      keys[at]?.want.kind === 'any' || keys[at]?.want.kind === 'empty'
        ? []
        : path.map((step, depth) => blockOf(keys[at]?.path.slice(0, depth) ?? [], step)),
    ),
  )
  return keys.filter(({ path }) => {
    const block = reserved(path)
    return !isCreator(path.at(-1) ?? '') || !owners.has(block) || !served.has(block)
  })
}
