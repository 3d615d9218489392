/**
 * ROWS AS TEXT: attributes are kept a line each (`encoding.ts`), lines are cut and joined, and only what clients may not
 * see as it stands is read.
 */
import { isInAll } from '../dicom/attributes-all.ts'
import type { Level, Tag } from '../dicom/data-set.ts'
import { isRemoval, splicer, tagOfLine } from './encoding.ts'
import type { KeptDataSet } from './search-instances.ts'
import type { Lines } from './search-lines.ts'

/** Makes rows that show everything a level has. Base by base, what is the same is done once. */
export interface WholeRows {
  /** Tags that are no text: bulk data, what has any in its items, what is out of order there. */
  others(whole: KeptDataSet): Tag[]
  /** DICOM JSON of a data set; of the attributes in `pieces`, ascending, what these say instead. */
  text(whole: KeptDataSet, pieces: readonly string[]): string
}

export function wholeRows(level: Level): WholeRows {
  const isShown = (tag: Tag): boolean => isInAll(level, tag) && !isLeftOut(tag) && !tag.startsWith('0002')
  const isText = (line: string): boolean => isShown(tagOfLine(line)) && isPlain(line)
  const isOther = (line: string): boolean => !isRemoval(line) && isShown(tagOfLine(line)) && !isPlain(line)
  const bases = new Map<Lines, Base>()
  const baseOf = ({ base }: KeptDataSet): Base => {
    let known = bases.get(base)
    if (known === undefined) {
      const lines = [...base.all().values()]
      known = { splice: splicer(lines.filter(isText)), others: lines.filter(isOther).map(tagOfLine) }
      bases.set(base, known)
    }
    return known
  }
  return {
    others: (whole) => {
      const own = whole.patch.all()
      const others = baseOf(whole).others.filter((tag) => !own.has(tag))
      for (const line of own.values()) if (isOther(line)) others.push(tagOfLine(line))
      return others
    },
    text: (whole, pieces) => {
      // What is not shown takes the base's line away too.
      const own = [...whole.patch.all().values()].map((line) =>
        isText(line) ? line : `"${tagOfLine(line)}":null`,
      )
      const json = baseOf(whole).splice(laidOver(own, pieces))
      // Group 0002 is no part of the data set, and sorts before it.
      const meta = pieces.filter((piece) => piece.startsWith('"0002') && !isRemoval(piece)).join(',')
      return meta === '' ? json : `{${meta}${json === '{}' ? '' : ','}${json.slice(1)}`
    },
  }
}

interface Base {
  readonly splice: (patch: readonly string[]) => string
  readonly others: readonly Tag[]
}

/** Lines of both in ascending order; of a tag that is in both, that of `pieces`. */
function laidOver(lines: readonly string[], pieces: readonly string[]): string[] {
  const laid: string[] = []
  let at = 0
  for (const piece of pieces) {
    const tag = tagOfLine(piece)
    for (let line = lines[at]; line !== undefined && tagOfLine(line) <= tag; line = lines[++at])
      if (tagOfLine(line) < tag) laid.push(line)
    laid.push(piece)
  }
  for (; at < lines.length; at++) laid.push(lines[at] ?? '')
  return laid
}

/** Group lengths, and Specific Character Set: that of an answer is UTF-8, and the tables of PS3.18 §10.6.3.3 do not have it any more. */
export function isLeftOut(tag: Tag): boolean {
  return tag === '00080005' || (tag.endsWith('0000') && !tag.startsWith('0002')) || tag.startsWith('0000')
}

/** Quoted keys do not occur within values: there the quotation marks are escaped. */
const NESTED_AMISS = /"00080005":|"[\dA-F]{4}0000":\{"vr"|\{"[1-9]\d{7}":\{"vr"|"000[02][\dA-F]{4}":\{"vr"/u

/** Whether clients may see a line as it stands. */
export function isPlain(line: string): boolean {
  if (isRemoval(line) || line.includes('"offset":') || line.includes('"undecoded":')) return false
  return !line.startsWith('{"vr":"SQ"', 11) || !NESTED_AMISS.test(line)
}
