/** What private elements mean, by their creators (PS3.5 §7.8.1): the site's own file, then dcmjs' dictionary, then ours. */
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads'
import { dictionary } from 'dcmjs/dictionary'
import { isVr } from './element-vr.ts'
import { collectedVr } from './private-vrs.ts'
import type { Vr } from './data-set.ts'
import type { PrivateElement } from './private-elements.ts'

/** VRs of a creator's elements, as far as asked for, by `group << 8 | element`. */
export type PrivateBlock = Map<number, Vr | undefined>

/** Creators come from files, so there is no end of them: what is full is thrown away and begun anew. */
const MOST_CREATORS = 512
const MOST_ELEMENTS = 4096
const BLOCKS = new Map<string, PrivateBlock>()

/** Under which threads find what the thread that began them was told. */
const SHARED = 'concord: private elements'
let own: readonly PrivateElement[] = []
const ownByCreator = new Map<string, Map<number, PrivateElement>>()
learn((getEnvironmentData(SHARED) as readonly PrivateElement[] | undefined) ?? [])

/**
 * From now on these go before what dcmjs knows; those of an earlier call are forgotten. Holds for this thread, and for
 * those that it begins afterwards.
 */
export function usePrivateElements(elements: readonly PrivateElement[]): void {
  setEnvironmentData(SHARED, [...elements])
  learn(elements)
}

function learn(elements: readonly PrivateElement[]): void {
  own = elements
  ownByCreator.clear()
  BLOCKS.clear()
  for (const one of elements) {
    const known = ownByCreator.get(one.creator) ?? new Map<number, PrivateElement>()
    ownByCreator.set(one.creator, known.set((one.group << 8) | one.element, one))
  }
}

/** The elements of the site's own file. */
export function ownPrivateElements(): readonly PrivateElement[] {
  return own
}

/** What is known of the elements of a private creator; to be asked by {@link privateVr}. */
export function privateBlock(creator: string): PrivateBlock {
  const known = BLOCKS.get(creator)
  if (known) return known
  if (BLOCKS.size >= MOST_CREATORS) BLOCKS.clear()
  const block: PrivateBlock = new Map()
  BLOCKS.set(creator, block)
  return block
}

/**
 * The VR of a private element; undefined when creator or element are not in the dictionaries. `element` is the element
 * number within the block: `0x10` for (0029,1010).
 */
export function privateVr(
  creator: string,
  block: PrivateBlock,
  group: number,
  element: number,
): Vr | undefined {
  const number = (group << 8) | element
  const known = block.get(number)
  if (known !== undefined || block.has(number)) return known
  const name = creator.trim()
  const told = ownByCreator.get(name)?.get(number)?.vr ?? foundVr(name, group, element)
  if (block.size >= MOST_ELEMENTS) block.clear()
  block.set(number, told)
  return told
}

function foundVr(creator: string, group: number, element: number): Vr | undefined {
  const [gggg, ee] = [group.toString(16).padStart(4, '0'), element.toString(16).padStart(2, '0')]
  // dcmjs has its keys as their sources wrote them, in capitals or not.
  const vr = [gggg, gggg.toUpperCase()]
    .flatMap((one) => [ee, ee.toUpperCase()].map((other) => dictionary[`(${one},"${creator}",${other})`]?.vr))
    .find((each) => each !== undefined)
  const told = vr !== undefined && isVr(vr) ? vr : undefined
  // Where dcmjs says UN, its sources did not know.
  return told === undefined || told === 'UN' ? (collectedVr(creator, (group << 8) | element) ?? told) : told
}
