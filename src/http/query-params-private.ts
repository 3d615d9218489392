import { isPrivate, isPrivateCreator } from '../dicom/key-vr.ts'
import type { Tag, TagPath } from '../dicom/data-set.ts'
import type { Field } from './query-params-fields.ts'
import type { Key, PrivateField } from '../database/query.ts'

/**
 * `00190010=CREATOR&00191001=…` means the block that the creator has reserved, wherever it lies in an instance
 * (PS3.5 §7.8.1): the key that names the creator serves those that name elements of its block, and is implied by them.
 * A private tag without such a key is meant literally.
 */
export function withCreators(
  keys: readonly Key[],
  fields: readonly Field[],
): { readonly keys: Key[]; readonly include: TagPath[]; readonly includePrivate: PrivateField[] } {
  const owners = new Map<string, string>()
  for (const { path, match, creator } of keys) {
    const block = creator === undefined ? reservedBlock(path) : undefined
    const [owner, ...more] = match.kind === 'values' ? match.values : []
    if (block !== undefined && owner !== undefined && more.length === 0) owners.set(block, owner)
  }

  const implied = new Set<string>()
  const resolved = keys.map((key): Key => {
    const owner = ownerOf(key, owners)
    if (owner === undefined) return plain(key)
    if (owner.block !== undefined) implied.add(owner.block)
    return { path: inAnyBlock(key.path), vr: key.vr, match: key.match, creator: owner.creator }
  })
  const owned = fields.map((field) => ({ path: field.path, owner: ownerOf(field, owners) }))
  return {
    keys: resolved.filter((key) => key.creator !== undefined || !implied.has(reservedBlock(key.path) ?? '')),
    include: owned.flatMap(({ path, owner }) => (owner === undefined ? [path] : [])),
    includePrivate: owned.flatMap(({ path, owner }) =>
      owner === undefined ? [] : [{ path: inAnyBlock(path), creator: owner.creator }],
    ),
  }
}

function plain({ path, vr, match }: Key): Key {
  return { path, vr, match }
}

/** The creator of a private element, and the block that the request used for it if it used a number. */
function ownerOf(
  { path, creator }: { readonly path: TagPath; readonly creator?: string },
  owners: ReadonlyMap<string, string>,
): { readonly creator: string; readonly block?: string } | undefined {
  if (creator !== undefined) return { creator }
  const tag = path.at(-1)
  if (tag === undefined || !isPrivate(tag) || tag.slice(4, 6) === '00') return undefined
  const block = blockName(path, tag.slice(4, 6))
  const owner = owners.get(block)
  return owner === undefined ? undefined : { creator: owner, block }
}

/** The block that (gggg,00bb) reserves; undefined for other elements. */
function reservedBlock(path: TagPath): string | undefined {
  const tag = path.at(-1)
  if (tag === undefined || !isPrivateCreator(tag)) return undefined
  return blockName(path, tag.slice(6))
}

function blockName(path: TagPath, block: string): string {
  return [...path.slice(0, -1), path.at(-1)?.slice(0, 4), block].join('.')
}

function inAnyBlock(path: TagPath): Tag[] {
  const tag = path.at(-1) ?? ''
  return [...path.slice(0, -1), `${tag.slice(0, 4)}00${tag.slice(6)}`]
}
