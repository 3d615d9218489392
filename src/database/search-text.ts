/**
 * ROWS WITH EVERY ATTRIBUTE: as they are kept a line each (`encoding.ts`), lines are cut and joined, and only what clients
 * may not see as it stands is read.
 */
import { isInAll } from '../dicom/attributes.ts'
import type { Level, Tag } from '../dicom/data-set.ts'
import { isRemoval, splicer, tagOfLine } from './encoding.ts'
import type { Lines, KeptDataSet } from './search-instances.ts'

/** What a level has of a data set. */
export interface WholeText {
  /** Lines of DICOM JSON in ascending order, `\n,` between. */
  readonly text: string
  /** Tags that are no text: bulk data, what has any in its items, what is out of order there. */
  readonly others: readonly Tag[]
}

/** Makes the text of data sets without the attributes that are `named`. Base by base, what is the same is done once. */
export function wholeTexts(level: Level, named: ReadonlySet<Tag>): (whole: KeptDataSet) => WholeText {
  const isShown = (tag: Tag): boolean => !named.has(tag) && isInAll(level, tag) && !LEFT_OUT.test(tag)
  const isText = (line: string): boolean => isShown(tagOfLine(line)) && isPlain(line)
  const bases = new Map<Lines, Base>()
  return ({ base, patch }) => {
    let known = bases.get(base)
    if (known === undefined) {
      known = baseOf([...base.values()], isShown, isText)
      bases.set(base, known)
    }
    const own = [...patch.values()]
    const others = known.others.filter((tag) => !patch.has(tag))
    for (const line of own) if (isOther(line, isShown)) others.push(tagOfLine(line))
    // What is not shown takes the base's line away too.
    const json = known.splice(own.map((line) => (isText(line) ? line : `"${tagOfLine(line)}":null`)))
    return { text: json.slice(1, -1), others }
  }
}

interface Base {
  readonly splice: (patch: readonly string[]) => string
  readonly others: readonly Tag[]
}

function baseOf(
  lines: readonly string[],
  isShown: (tag: Tag) => boolean,
  isText: (line: string) => boolean,
): Base {
  return {
    splice: splicer(lines.filter(isText), '\n,'),
    others: lines.filter((line) => isOther(line, isShown)).map(tagOfLine),
  }
}

function isOther(line: string, isShown: (tag: Tag) => boolean): boolean {
  return !isRemoval(line) && isShown(tagOfLine(line)) && !isPlain(line)
}

/** Group 0002, group lengths, and Specific Character Set: that of an answer is UTF-8. */
const LEFT_OUT = /^0002|0000$|^00080005$/u
/** Quoted keys do not occur within values: there the quotation marks are escaped. */
const NESTED_AMISS = /"00080005":|"[\dA-F]{4}0000":\{"vr"|\{"[1-9]\d{7}":\{"vr"|"000[02][\dA-F]{4}":\{"vr"/u

/** Whether clients may see a line as it stands. */
function isPlain(line: string): boolean {
  if (isRemoval(line) || line.includes('"offset":') || line.includes('"undecoded":')) return false
  return !line.startsWith('{"vr":"SQ"', 11) || !NESTED_AMISS.test(line)
}
