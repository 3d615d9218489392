/**
 * The file in which a site says what private elements mean (setting `PRIVATE_DICTIONARY`): CSV (RFC 4180), one element
 * a line, `creator,element,VR` and, if there is one, its keyword or name:
 *
 *   # comments and empty lines are passed over
 *   ACME 1.1,0019xx10,DS,ScanOptionsMode
 *   "ACME, INC.",0029xx01,SQ
 */
import { isVr } from './element-vr.ts'
import type { Vr } from './data-set.ts'

/** What is known of one private element (PS3.5 §7.8.1). */
export interface PrivateElement {
  readonly creator: string
  readonly group: number
  /** Number within the block: `0x10` for `0019xx10`. */
  readonly element: number
  readonly vr: Vr
  readonly name?: string
}

const ELEMENT = /^([\da-f]{3}[13579bdf])xx([\da-f]{2})$/iu

/** Reads the text of such a file. Faults begin with the number of the line: `line 3: "0018xx10" is no private element …`. */
export function readPrivateElements(text: string): {
  readonly elements: readonly PrivateElement[]
  readonly faults: readonly string[]
} {
  const elements: PrivateElement[] = []
  const faults: string[] = []
  const lineOf = new Map<string, number>()
  for (const [index, line] of text
    .replace(/^\ufeff/u, '')
    .split(/\r?\n/u)
    .entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue
    const number = index + 1
    const read = readLine(line)
    if (typeof read === 'string') {
      faults.push(`line ${number}: ${read}`)
      continue
    }
    const id = JSON.stringify([read.creator, read.group, read.element])
    const first = lineOf.get(id)
    if (first === undefined) elements.push(read)
    else faults.push(`line ${number}: the element stands in line ${first} already`)
    lineOf.set(id, first ?? number)
  }
  return { elements, faults }
}

/** The element of a line, or what is wrong with it. */
function readLine(line: string): PrivateElement | string {
  const fields = fieldsOf(line)?.map((field) => field.trim())
  if (fields === undefined) return 'a quotation mark is not closed, or stands within a field'
  if (fields.length < 3 || fields.length > 4)
    return `has ${fields.length} fields: creator, element, VR and perhaps a name are wanted`
  const [creator = '', place = '', vr = '', name = ''] = fields
  if (!isCreatorName(creator)) return 'has no creator of 1 to 64 characters without backslash'
  const number = readPlace(place)
  if (number === null)
    return `${printable(place)} is no private element: an odd group, xx and the number in the block are wanted, as in 0019xx10`
  if (!isVr(vr)) return `${printable(vr)} is no VR`
  if (name.length > 64) return 'has a name of more than 64 characters'
  return { creator, ...number, vr, ...(name !== '' && { name }) }
}

/** A creator is LO: PS3.5 §6.2. */
function isCreatorName(text: string): boolean {
  return text !== '' && text.length <= 64 && !/[\\\p{Cc}]/u.test(text)
}

function readPlace(text: string): Pick<PrivateElement, 'group' | 'element'> | null {
  const [, group, element] = ELEMENT.exec(text) ?? []
  if (group === undefined || element === undefined) return null
  return { group: parseInt(group, 16), element: parseInt(element, 16) }
}

/** Fields of a line: plain, or in quotation marks with doubled ones within. Undefined when it is not written so. */
function fieldsOf(line: string): string[] | undefined {
  const fields: string[] = []
  const field = /\s*(?:"((?:[^"]|"")*)"\s*|([^",]*))(?:,|$)/uy
  while (field.lastIndex <= line.length) {
    const from = field.lastIndex
    const found = field.exec(line)
    if (found === null) return undefined
    fields.push(found[1]?.replaceAll('""', '"') ?? found[2] ?? '')
    const isLast =
      field.lastIndex === line.length && (line[field.lastIndex - 1] !== ',' || from === field.lastIndex)
    if (isLast) return fields
  }
  return fields
}

function printable(text: string): string {
  return JSON.stringify(text.length > 24 ? `${text.slice(0, 24)}…` : text)
}
