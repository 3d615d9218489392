import { Problem } from '../problem.ts'
import { entries, nearestKeyword, tagOf } from '../dicom/dictionary.ts'
import { keyVr } from '../dicom/key-vr.ts'
import { trimPadding } from '../dicom/matching-values.ts'
import { privateStep } from '../dicom/path-step.ts'
import type { KeyPath, PathStep, Tag, Vr } from '../dicom/data-set.ts'

/** An attribute as a client names it: tag, keyword or dotted path (PS3.18 §8.3.4.1). */
export interface Field {
  readonly path: KeyPath
  readonly vr: Vr
}

const HEX = /^[\da-f]{8}$/iu
/** `0019xx01;CREATOR`: an element in whatever block the creator has. */
const IN_ANY_BLOCK = /([\da-f]{3}[13579bdf])xx([\da-f]{2});/iuy
const MAX_LENGTH = 2048
const MAX_DEPTH = 16
/** What clients mean by a keyword that the dictionary has only inside sequences: Slim's `PersonName`. */
const ALIASES: ReadonlyMap<string, Tag> = new Map([['PersonName', '00100010']])
/** Pixel data is never in the index. */
const PIXELS: ReadonlySet<Tag> = new Set(['7FE00008', '7FE00009', '7FE00010'])

let byLowerCase: Map<string, Tag> | undefined

/**
 * Reads the name of an attribute. Undefined when it has not the form of one, so that it is some other parameter;
 * Problem `malformed` when it has the form and is none.
 */
export function readField(name: string): Field | undefined {
  const anyCase = keywordIgnoringCase(name)
  if (!/^[\dA-Z]/u.test(name) && !name.includes('.') && !HEX.test(name) && anyCase === undefined)
    return undefined
  if (name.length > MAX_LENGTH) throw malformed(name, `has more than ${MAX_LENGTH} characters`)
  const steps = stepsOf(name)
  if (steps.length > MAX_DEPTH) throw malformed(name, `goes deeper than ${MAX_DEPTH} sequences`)
  const last = steps.pop() ?? ''
  const path = steps.map((step) => readSequence(name, step))
  return readLast(name, last, path)
}

/**
 * The steps of a dotted path. A dot may stand in the name of a private creator too: it goes on to the first dot behind
 * which there is nothing but a path.
 */
function stepsOf(name: string): string[] {
  const known = new Map<number, boolean>()
  const isPath = (from: number): boolean => {
    const before = known.get(from)
    if (before !== undefined) return before
    const end = stepEnd(from)
    const found = isStep(end < 0 ? name.slice(from) : name.slice(from, end)) && (end < 0 || isPath(end + 1))
    known.set(from, found)
    return found
  }
  const stepEnd = (from: number): number => {
    IN_ANY_BLOCK.lastIndex = from
    if (!IN_ANY_BLOCK.test(name)) return name.indexOf('.', from)
    let dot = name.indexOf('.', IN_ANY_BLOCK.lastIndex)
    while (dot >= 0 && !isPath(dot + 1)) dot = name.indexOf('.', dot + 1)
    return dot
  }
  const steps: string[] = []
  for (let from = 0; from >= 0;) {
    const end = stepEnd(from)
    steps.push(end < 0 ? name.slice(from) : name.slice(from, end))
    from = end < 0 ? -1 : end + 1
  }
  return steps
}

/**
 * The names in a list of attributes. A comma may stand in the name of a private creator too: it goes on to the first one
 * behind which there is an attribute again, or nothing.
 */
export function namesIn(list: string): string[] {
  const names: string[] = []
  let isOpen = false
  for (const piece of list.split(',')) {
    const last = names.length - 1
    const goesOn = isOpen && piece.trim() !== '' && !isName(piece.trim())
    if (goesOn) names[last] = `${names[last] ?? ''},${piece}`
    else names.push(piece)
    // Of a name that goes on, only what is new can end it: a dot, and a path behind it.
    isOpen = endsInCreator(goesOn ? SOME_CREATOR + piece : piece.trim())
  }
  return names.map((name) => name.trim()).filter((name) => name !== '')
}

const SOME_CREATOR = '0009xx00;-'

function isName(text: string): boolean {
  return text === 'all' || (text.length <= MAX_LENGTH && stepsOf(text).every(isStep))
}

function endsInCreator(text: string): boolean {
  return text.length <= MAX_LENGTH && readInAnyBlock(stepsOf(text).at(-1) ?? '') !== undefined
}

function isStep(text: string): boolean {
  return HEX.test(text) || readInAnyBlock(text) !== undefined || keywordIgnoringCase(text) !== undefined
}

function readInAnyBlock(text: string): PathStep | undefined {
  IN_ANY_BLOCK.lastIndex = 0
  const [all, group, element] = IN_ANY_BLOCK.exec(text) ?? []
  const creator = trimPadding(text.slice(all?.length ?? 0))
  if (group === undefined || element === undefined || creator === '') return undefined
  return privateStep({ group: group.toUpperCase(), element: element.toUpperCase(), creator })
}

/** {@link readField} where only an attribute may stand. */
export function requireField(name: string): Field {
  const field = readField(name)
  if (!field) throw unknown(name)
  return field
}

function readLast(name: string, last: string, path: KeyPath): Field {
  const inBlock = readInAnyBlock(last)
  // What VR the element has is for the data sets to say.
  if (inBlock !== undefined) return { path: [...path, inBlock], vr: 'UN' }
  const alias = path.length === 0 ? ALIASES.get(last) : undefined
  const tag = alias ?? readTag(name, last)
  if (PIXELS.has(tag)) throw malformed(name, 'is pixel data, which is not searched')
  // Never in DICOM JSON (PS3.18 §F.2.2), and so not in the index: it would match nothing though files have it.
  if (tag.endsWith('0000')) throw malformed(name, 'is a group length, which is not kept')
  return { path: [...path, tag], vr: keyVr(tag) }
}

function readSequence(name: string, step: string): PathStep {
  const inBlock = readInAnyBlock(step)
  if (inBlock !== undefined) return inBlock
  const tag = readTag(name, step)
  const vr = keyVr(tag)
  if (vr !== 'SQ' && vr !== 'UN') throw malformed(name, `goes through ${step}, which is no sequence`)
  return tag
}

function readTag(name: string, step: string): Tag {
  if (HEX.test(step)) return step.toUpperCase()
  if (/^\d/u.test(step)) throw malformed(name, 'is no tag: a tag has eight hexadecimal digits')
  const tag = tagOf(step) ?? keywordIgnoringCase(step)
  if (tag === undefined) throw unknown(step)
  return tag
}

function keywordIgnoringCase(name: string): Tag | undefined {
  byLowerCase ??= new Map(Array.from(entries(), (entry) => [entry.keyword.toLowerCase(), entry.tag]))
  return byLowerCase.get(name.toLowerCase())
}

function unknown(name: string): Problem {
  const nearest = nearestKeyword(name)
  const hint = nearest === undefined ? '' : ` Did you mean ${nearest}?`
  return new Problem('malformed', `No attribute of DICOM has the keyword ${shown(name)}.${hint}`)
}

function malformed(name: string, why: string): Problem {
  return new Problem('malformed', `The attribute ${shown(name)} ${why}.`)
}

function shown(name: string): string {
  return JSON.stringify(name.length > 64 ? `${name.slice(0, 64)}…` : name)
}
