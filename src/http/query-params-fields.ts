import { Problem } from '../problem.ts'
import { entries, nearestKeyword, tagOf } from '../dicom/dictionary.ts'
import { keyVr } from '../dicom/key-vr.ts'
import type { Tag, TagPath, Vr } from '../dicom/data-set.ts'

/** An attribute as a client names it: tag, keyword or dotted path (PS3.18 §8.3.4.1). */
export interface Field {
  readonly path: TagPath
  readonly vr: Vr
  /** Of `0019xx01;CREATOR`: the last tag is meant in whatever block, its block digits are `00`. */
  readonly creator?: string
}

const HEX = /^[\da-f]{8}$/iu
const IN_ANY_BLOCK = /^([\da-f]{3}[13579bdf])xx([\da-f]{2});(.+)$/isu
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
  // A dot may stand in the name of a private creator, which is always last.
  const [plain, ...creator] = name.split(';')
  const steps = (plain ?? '').split('.')
  if (steps.length > MAX_DEPTH) throw malformed(name, `goes deeper than ${MAX_DEPTH} sequences`)
  const last = steps.pop() ?? ''
  const path = steps.map((step) => readSequence(name, step))
  return { ...readLast(name, [last, ...creator].join(';'), path) }
}

/** {@link readField} where only an attribute may stand. */
export function requireField(name: string): Field {
  const field = readField(name)
  if (!field) throw unknown(name)
  return field
}

function readLast(name: string, last: string, path: TagPath): Field {
  const block = IN_ANY_BLOCK.exec(last)
  if (block) {
    const [, group = '', element = '', creator = ''] = block
    // What VR the element has is for the data sets to say.
    return { path: [...path, `${group}00${element}`.toUpperCase()], vr: 'UN', creator: creator.trim() }
  }
  const alias = path.length === 0 ? ALIASES.get(last) : undefined
  const tag = alias ?? readTag(name, last)
  if (PIXELS.has(tag)) throw malformed(name, 'is pixel data, which is not searched')
  return { path: [...path, tag], vr: keyVr(tag) }
}

function readSequence(name: string, step: string): Tag {
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
