/** VRs of private elements that dcmjs' dictionary does not have: `private-vrs.tsv`, read when the first one is asked for. */
import { readFileSync } from 'node:fs'
import { isVr } from './element-vr.ts'
import type { Vr } from './data-set.ts'

const FILE = new URL('private-vrs.tsv', import.meta.url)

let byCreator: ReadonlyMap<string, ReadonlyMap<number, Vr>> | undefined

/** The VR of an element in a creator's block, `number` being `group << 8 | element`; undefined where nothing is known. */
export function collectedVr(creator: string, number: number): Vr | undefined {
  byCreator ??= readPrivateVrs(readFileSync(FILE, 'utf8'))
  return byCreator.get(creator)?.get(number)
}

/**
 * Reads lines of creator, group and `VR=elements …`, tab-separated, the elements being a list such as `01,10-1F`. Throws
 * for a line that is none: the file is part of the program.
 */
export function readPrivateVrs(text: string): Map<string, Map<number, Vr>> {
  const found = new Map<string, Map<number, Vr>>()
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue
    const [creator = '', group = '', lists = ''] = line.split('\t')
    const known = found.get(creator) ?? new Map<number, Vr>()
    found.set(creator, known)
    for (const list of lists.split(' ')) {
      const [vr = '', ranges = ''] = list.split('=')
      if (!isVr(vr)) throw new Error(`No VR in ${JSON.stringify(line)}`)
      for (const element of elementsOf(ranges)) known.set((parseInt(group, 16) << 8) | element, vr)
    }
  }
  return found
}

/** `01,10-12` → 1, 16, 17, 18. */
function elementsOf(ranges: string): number[] {
  return ranges.split(',').flatMap((range) => {
    const [first = Number.NaN, last = first] = range.split('-').map((end) => parseInt(end, 16))
    return Array.from({ length: last - first + 1 }, (_, index) => first + index)
  })
}
