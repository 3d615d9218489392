import { dictionary } from 'dcmjs/dictionary'
import type { Tag, Vr } from './data-set.ts'

/** What PS3.6 says about a tag. */
export interface DictionaryEntry {
  /** As looked up: of a repeating group the very tag that was asked for. */
  readonly tag: Tag
  /**
   * The VR; `xs` is US or SS, `ox` is OB or OW, `lt` is US, SS or OW: which one is decided by the data set
   * (PS3.5 Annex A, PS3.3 C.11.1). Only implicit VR and UN need that.
   */
  readonly vr: Vr | 'xs' | 'ox' | 'lt'
  readonly keyword: string
  readonly retired: boolean
}

interface Tables {
  /** Tag as one number, group in the upper 16 bits, to entry. */
  readonly byNumber: ReadonlyMap<number, DictionaryEntry>
  readonly byKeyword: ReadonlyMap<string, DictionaryEntry>
}

let made: Tables | undefined
/** Made when somebody asks: the threads of the database begin by the dozen, and most of them never do. */
const tables = (): Tables => (made ??= makeTables())

/** `(GGGG,EEEE)`, or `(GGGG-GGGG,EEEE)` of a repeating group; what else is there is private, or a rule of the standard. */
const STANDARD = /^\(([\dA-F]{4})(?:-[\dA-F]{4})?,([\dA-F]{4})\)$/iu

function makeTables(): Tables {
  const byNumber = new Map<number, DictionaryEntry>()
  const byKeyword = new Map<string, DictionaryEntry>()
  for (const one of Object.values(dictionary)) {
    const [, group, element] = STANDARD.exec(one?.tag ?? '') ?? []
    // Items and delimiters are no elements.
    if (one === undefined || group === undefined || element === undefined || one.vr === 'na') continue
    const { vr, name } = one
    const retired = name.startsWith('RETIRED_')
    const entry: DictionaryEntry = Object.freeze({
      tag: group + element,
      vr: (vr === 'up' ? 'UL' : vr) as DictionaryEntry['vr'],
      keyword: retired ? name.slice(8) : name,
      retired,
    })
    byNumber.set(parseInt(entry.tag, 16), entry)
    // Of three that are retired dcmjs has lost the keyword.
    if (entry.keyword === 'undefined') continue
    if (!retired || !byKeyword.has(entry.keyword)) byKeyword.set(entry.keyword, entry)
  }
  return { byNumber, byKeyword }
}

/** A cache in which each tag has its one place: a load and a comparison where a Map would hash. */
const SLOT_BITS = 15
const SLOT_TAGS = new Uint32Array(1 << SLOT_BITS)
const SLOT_TEXTS: Tag[] = Array.from({ length: 1 << SLOT_BITS }, () => '00000000')

/** The eight upper-case hexadecimal digits of a tag given as one number (group in the upper 16 bits). */
export function tagText(tag: number): Tag {
  const slot = Math.imul(tag, 0x9e3779b1) >>> (32 - SLOT_BITS)
  if (SLOT_TAGS[slot] === tag) return SLOT_TEXTS[slot] ?? ''
  const text = tag.toString(16).toUpperCase().padStart(8, '0')
  // A text that has been a key once is found by identity as a key ever after.
  const [key = text] = Object.keys({ [text]: 0 })
  SLOT_TAGS[slot] = tag
  SLOT_TEXTS[slot] = key
  return key
}

/** Looks a standard tag up by number; undefined for private and unknown ones. */
export function entryOfNumber(tag: number): DictionaryEntry | undefined {
  return tables().byNumber.get(tag) ?? repeating(tag)
}

/** Looks a standard tag up, `'00100010'`; undefined for private and unknown ones. */
export function entryOf(tag: Tag): DictionaryEntry | undefined {
  return /^[\dA-F]{8}$/iu.test(tag) ? entryOfNumber(parseInt(tag, 16)) : undefined
}

/** The keyword of a standard tag: `'PatientName'`. */
export function keywordOf(tag: Tag): string | undefined {
  return entryOf(tag)?.keyword
}

/** The tag of a keyword (case matters, PS3.6 §6): `'00100010'`. Of a repeating group it is the first tag. */
export function tagOf(keyword: string): Tag | undefined {
  return tables().byKeyword.get(keyword)?.tag
}

/** Every keyword with its entry, once each. */
export function entries(): IterableIterator<DictionaryEntry> {
  return tables().byKeyword.values()
}

/** Repeating groups 50xx, 60xx and 7Fxx (PS3.5 §7.6): even groups up to xx1E in use, all of them read. */
function repeating(tag: number): DictionaryEntry | undefined {
  const family = tag >>> 24
  if ((family !== 0x50 && family !== 0x60 && family !== 0x7f) || ((tag >>> 16) & 1) === 1) return undefined
  const first = tables().byNumber.get(((family << 24) | (tag & 0xffff)) >>> 0)
  return first && { ...first, tag: tagText(tag) }
}

/**
 * The keyword most like `name`, for error messages; undefined when nothing is near: more than a third of the
 * letters would have to change. Upper and lower case count as equal.
 */
export function nearestKeyword(name: string): string | undefined {
  const wanted = name.toLowerCase()
  if (wanted.length > 64) return undefined
  let best: string | undefined
  let least = Math.floor(wanted.length / 3) + 1
  for (const { keyword } of tables().byKeyword.values()) {
    if (Math.abs(keyword.length - wanted.length) >= least) continue
    const distance = editDistance(wanted, keyword.toLowerCase(), least)
    if (distance < least) {
      least = distance
      best = keyword
    }
  }
  return best
}

/** Levenshtein's distance, or `limit` once it cannot be less. */
function editDistance(a: string, b: string, limit: number): number {
  let above = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const line = [row]
    let least = row
    for (let column = 1; column <= b.length; column++) {
      const change = (above[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1)
      const cost = Math.min(change, (above[column] ?? 0) + 1, (line[column - 1] ?? 0) + 1)
      line.push(cost)
      if (cost < least) least = cost
    }
    if (least >= limit) return limit
    above = line
  }
  return above[b.length] ?? limit
}
