import type { DataElement, Value } from '../dicom/data-set.ts'

/**
 * `JSON.stringify` of an element, to the letter. Texts without anything to escape and numbers, which nearly all elements
 * hold, are put together by hand: a call for each element took a seventh of what storing a small instance takes.
 */
export function elementJson(element: DataElement | undefined): string {
  return (element === undefined ? undefined : quick(element)) ?? JSON.stringify(element)
}

function quick(element: DataElement): string | undefined {
  const { vr, Value, InlineBinary, offset, length, undecoded } = element
  if (InlineBinary !== undefined || offset !== undefined || length !== undefined || undecoded !== undefined)
    return undefined
  if (Value === undefined) return `{"vr":"${vr}"}`
  let list = ''
  for (const value of Value) {
    const text = quickValue(value)
    if (text === undefined) return undefined
    list = list === '' ? text : `${list},${text}`
  }
  return `{"vr":"${vr}","Value":[${list}]}`
}

/** All but printable ASCII, and what JSON escapes of that. */
const UNUSUAL = /[^ !#-[\]-~]/

function quickValue(value: Value): string | undefined {
  if (typeof value === 'string') return UNUSUAL.test(value) ? undefined : `"${value}"`
  // What JSON has no number for comes out as null.
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : undefined
  return undefined
}
