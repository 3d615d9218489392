import { isPrivate, isPrivateCreator } from '../dicom/key-vr.ts'
import { privateStep, readPrivateStep } from '../dicom/path-step.ts'
import { privateBlock, privateVr } from '../dicom/private-dictionary.ts'
import type { KeyPath, PathStep, Vr } from '../dicom/data-set.ts'

/**
 * `00190010=CREATOR&00191001=…` means the block that the creator has reserved, wherever it lies in an instance
 * (PS3.5 §7.8.1): the key that names the creator serves those that lead through elements of its block, and is implied by
 * them. That holds in each item for itself: `00191001.00210010=OTHER` names a creator inside the items of a private
 * sequence. A private tag without such a key is meant literally.
 */
export type Owners = ReadonlyMap<string, string>

/** The creators that a request names, by the blocks that it names them for. */
export function ownersOf(named: readonly { readonly path: KeyPath; readonly creator: string }[]): Owners {
  const owners = new Map<string, string>()
  // What is named in an item may lie within a block that is named outside.
  for (const { path, creator } of named.toSorted((a, b) => a.path.length - b.path.length)) {
    const block = reservedBlock(inBlocks(path, owners).path)
    if (block !== undefined) owners.set(block, creator)
  }
  return owners
}

/** A path with every private element meant in its creator's block, and the blocks that are `used` for that. */
export function inBlocks(
  path: KeyPath,
  owners: Owners,
): { readonly path: KeyPath; readonly used: readonly string[] } {
  const steps: PathStep[] = []
  const used: string[] = []
  for (const step of path) {
    const block = blockOf(steps, step)
    const creator = block === undefined ? undefined : owners.get(block)
    if (block === undefined || creator === undefined) steps.push(step)
    else {
      used.push(block)
      steps.push(privateStep({ group: step.slice(0, 4), element: step.slice(6), creator }))
    }
  }
  return { path: steps, used }
}

/** The block that the last step reserves, (gggg,00bb); undefined for other elements. */
export function reservedBlock(path: KeyPath): string | undefined {
  const tag = path.at(-1)
  if (tag === undefined || !isPrivateCreator(tag)) return undefined
  return blockName(path.slice(0, -1), tag.slice(0, 4), tag.slice(6))
}

/** The block in which a private element lies, unless its creator is named with it. */
function blockOf(before: KeyPath, step: PathStep): string | undefined {
  const isLiteral = isPrivate(step) && readPrivateStep(step) === undefined && step.slice(4, 6) !== '00'
  return isLiteral ? blockName(before, step.slice(0, 4), step.slice(4, 6)) : undefined
}

function blockName(before: KeyPath, group: string, block: string): string {
  return [...before, group + block].join('.')
}

/** The VR that the dictionaries have for a private element whose creator is named. */
export function knownPrivateVr(step: PathStep): Vr | undefined {
  const own = readPrivateStep(step)
  if (own === undefined) return undefined
  const { creator, group, element } = own
  return privateVr(creator, privateBlock(creator), parseInt(group, 16), parseInt(element, 16))
}
