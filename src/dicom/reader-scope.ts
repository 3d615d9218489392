import type { DataElement, DataSet } from './data-set.ts'
import { tagText } from './dictionary.ts'
import { privateBlock } from './private-dictionary.ts'
import type { Parse, Scope } from './reader-state.ts'
import { changeCharset } from './reader-text.ts'
import { note } from './reader-unreadable.ts'

const SPECIFIC_CHARACTER_SET = 0x00080005
const PIXEL_REPRESENTATION = 0x00280103

/** Puts an element into its data set. Of an element that is there twice the last one counts, as in pydicom. */
export function putElement(parse: Parse, scope: Scope, tag: number, element: DataElement): void {
  const key = tagText(tag)
  if (tag > scope.lastTag) {
    scope.lastTag = tag
  } else {
    scope.ordered = false
    note(parse.oddities, scope.dataSet[key] === undefined ? 'is out of order' : 'is there twice', key)
  }
  scope.dataSet[key] = element
  if ((tag & 0x10000) !== 0) rememberCreator(scope, tag, element)
  else if (tag === SPECIFIC_CHARACTER_SET) changeCharset(parse, scope, element)
  else if (tag === PIXEL_REPRESENTATION) {
    const [PixelRepresentation] = element.Value ?? []
    if (typeof PixelRepresentation === 'number') scope.PixelRepresentation = PixelRepresentation
  }
}

/** Ends the data set at hand and goes back to the one around it. */
export function closeScope(parse: Parse, scope: Scope): void {
  settle(scope)
  if (scope.parent !== undefined) parse.scope = scope.parent
}

/** Decides what was left open in a data set that is complete, and puts its elements in order. */
export function settle(scope: Scope): void {
  const { parent } = scope
  if (scope.undecidedSigns !== undefined) {
    if (scope.PixelRepresentation === undefined && parent !== undefined) {
      parent.undecidedSigns = joined(parent.undecidedSigns, scope.undecidedSigns)
    } else if (scope.PixelRepresentation === 1) {
      for (const element of scope.undecidedSigns) makeSigned(element)
    }
    scope.undecidedSigns = undefined
  }
  if (scope.undecidedText !== undefined && !scope.ownCharset && parent !== undefined && !parent.ownCharset) {
    parent.undecidedText = joined(parent.undecidedText, scope.undecidedText)
  }
  scope.undecidedText = undefined
  if (!scope.ordered) sort(scope.dataSet)
}

function joined<Each>(list: Each[] | undefined, more: readonly Each[]): Each[] {
  if (list === undefined) return [...more]
  for (const each of more) list.push(each)
  return list
}

/** US as read becomes SS (PS3.3 §C.7.6.3.1.1: Pixel Representation 1 is two's complement). */
function makeSigned(element: DataElement): void {
  element.vr = 'SS'
  if (element.Value) {
    element.Value = element.Value.map((value) =>
      typeof value === 'number' && value > 0x7fff ? value - 0x10000 : value,
    )
  }
}

function rememberCreator(scope: Scope, tag: number, element: DataElement): void {
  const block = tag & 0xffff
  const [creator] = element.Value ?? []
  if (block < 0x10 || block > 0xff || typeof creator !== 'string') return
  scope.creators ??= new Map()
  scope.creators.set(((tag >>> 16) << 8) | block, { creator, block: privateBlock(creator) })
}

/** Puts the elements in ascending order of tags, as far as JavaScript lets keys have an order. */
function sort(dataSet: DataSet): void {
  const elements = Object.entries(dataSet).sort(([a], [b]) => (a < b ? -1 : 1))
  for (const [tag] of elements) Reflect.deleteProperty(dataSet, tag)
  for (const [tag, element] of elements) dataSet[tag] = element
}
