import type { DataElement, Tag, Vr } from './data-set.ts'

/** What JSON does not write as it is: quotation marks, backslashes, control characters, halves of surrogate pairs. */
const ESCAPED = /["\\\u0000-\u001f\ud800-\udfff]/u

/**
 * An attribute as JSON text, the element as `JSON.stringify` writes it: `"00080060":{"vr":"CS","Value":["CT"]}`. Nearly
 * all have one short value, for which the way into C++ would be most of the cost.
 */
export function attributeJson(tag: Tag, element: DataElement): string {
  const { vr, Value, undecoded } = element
  if (Value?.length === 1 && undecoded === undefined) {
    const [value] = Value
    if (typeof value === 'number' && Number.isFinite(value)) return `${headOf(tag, vr)}${value}]}`
    if (typeof value === 'string' && !ESCAPED.test(value)) return `${headOf(tag, vr)}"${value}"]}`
  }
  return `"${tag}":${JSON.stringify(element)}`
}

interface Head {
  readonly vr: Vr
  readonly text: string
}

/** Tags come from files, so there is no end of them: what is full is thrown away and begun anew. */
const MOST_HEADS = 8192
const HEADS = new Map<Tag, Head>()

/** What stands before the values. */
function headOf(tag: Tag, vr: Vr): string {
  const known = HEADS.get(tag)
  if (known?.vr === vr) return known.text
  if (HEADS.size >= MOST_HEADS) HEADS.clear()
  const text = `"${tag}":{"vr":"${vr}","Value":[`
  HEADS.set(tag, { vr, text })
  return text
}
