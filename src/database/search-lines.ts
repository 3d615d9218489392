/** The lines of a data set's text (`encoding.ts`), of which only what is asked for is found. */
import type { DataElement, Tag } from '../dicom/data-set.ts'
import { linesOfJson, tagOfLine } from './encoding.ts'

/** Lines of a data set (`encoding.ts`) by their tags. */
export interface Lines {
  get(tag: Tag): string | undefined
  /** The tags that begin so, in ascending order. */
  tags(prefix: string): Tag[]
  /** All there are, in ascending order. */
  all(): ReadonlyMap<Tag, string>
}

/** A text is searched for a few lines, and cut into all of them when more are wanted. */
export const FEW = 8

/** The lines of a text that `encoding.ts` made; `isMuchAsked`: for more than a few. */
export function linesIn(json: string, isMuchAsked = false): Lines {
  let known: ReadonlyMap<Tag, string> | undefined
  const found = new Map<Tag, string | undefined>()
  const all = (): ReadonlyMap<Tag, string> =>
    (known ??= new Map(linesOfJson(json).map((line) => [tagOfLine(line), line])))
  return {
    all,
    tags: (prefix) =>
      known === undefined
        ? tagsWith(json, prefix)
        : [...known.keys()].filter((tag) => tag.startsWith(prefix)),
    get: (tag) => {
      if (known !== undefined || isMuchAsked || found.size >= FEW) return all().get(tag)
      let line = found.get(tag)
      if (line === undefined && !found.has(tag)) {
        line = lineIn(json, tag)
        found.set(tag, line)
      }
      return line
    },
  }
}

/** Behind group 0002 lines are in ascending order; what a data set has below it may stand behind it. */
const IN_ORDER: Tag = '00030000'

/** Line breaks do not occur within lines. */
function lineIn(json: string, tag: Tag): string | undefined {
  const start = tag < IN_ORDER ? startAmong(json, tag) : startByHalves(json, tag)
  if (start < 0) return undefined
  const end = json.indexOf('\n,', start)
  return json.slice(start, end < 0 ? -1 : end)
}

function startAmong(json: string, tag: Tag): number {
  const key = `"${tag}":`
  if (json.startsWith(key, 1)) return 1
  const found = json.indexOf(`\n,${key}`)
  return found < 0 ? -1 : found + 2
}

function startByHalves(json: string, tag: Tag): number {
  // A line begins at `low`; those that begin at `high` or later are greater.
  let [low, high] = [1, json.length - 1]
  while (low < high) {
    const start = Math.max(low, json.lastIndexOf('\n', (low + high) >>> 1) + 2)
    const found = json.slice(start + 1, start + 9)
    if (found === tag) return start
    if (found > tag) high = start - 2
    else {
      const end = json.indexOf('\n', start)
      low = end < 0 ? high : end + 2
    }
  }
  return -1
}

function tagsWith(json: string, prefix: string): Tag[] {
  const tags: Tag[] = []
  if (json.startsWith(prefix, 2)) tags.push(json.slice(2, 10))
  const key = `\n,"${prefix}`
  for (let at = json.indexOf(key); at >= 0; at = json.indexOf(key, at + 1))
    tags.push(json.slice(at + 3, at + 11))
  return tags
}

export function elementOfLine(line: string): DataElement
export function elementOfLine(line: string | undefined): DataElement | undefined
export function elementOfLine(line: string | undefined): DataElement | undefined {
  return line === undefined ? undefined : (JSON.parse(line.slice(11)) as DataElement)
}
