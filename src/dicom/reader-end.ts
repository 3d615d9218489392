import { tagText } from './dictionary.ts'
import { endInPixels } from './reader-pixels.ts'
import { settle } from './reader-scope.ts'
import type { Parse, Scope } from './reader-state.ts'
import { note, Unreadable } from './reader-unreadable.ts'

/**
 * What stands behind complete pixel data cannot be read: it is taken for trailing bytes, and with it the element in
 * which that showed.
 */
export function abandon(parse: Parse): void {
  const { input } = parse
  const root = rootOf(parse.scope)
  const cut = root.open?.tag ?? (input.skip > 0 ? parse.tag : undefined)
  if (cut !== undefined) Reflect.deleteProperty(root.dataSet, tagText(cut))
  root.open = undefined
  parse.scope = root
  parse.trailing = 'anything'
  input.at = input.end
  input.skip = 0
  // Whatever few bytes come next are passed over too.
  input.need = 1
  note(parse.oddities, 'has bytes behind the data set')
}

/**
 * The file is over: decides whether the data set is. Throws {@link Unreadable} when it is cut before the end of its
 * pixel data, or has none; the cut pixel data itself is kept (design §3).
 */
export function endParse(parse: Parse): void {
  const { input } = parse
  endInPixels(parse)
  const left = input.end - input.at
  const inside = input.skip > 0 || parse.scope.parent !== undefined || parse.scope.open !== undefined
  if (inside || (left > 0 && !isZero(parse))) {
    if (!parse.pixelsMet)
      throw new Unreadable('is the last element before the file ends too early', { tag: tagText(parse.tag) })
    abandon(parse)
  } else if (left > 0) {
    note(parse.oddities, 'has zero bytes behind the data set')
  }
  settle(rootOf(parse.scope))
}

/** Fewer bytes than any element has, all of them zero. */
function isZero({ input }: Parse): boolean {
  const { buffer, at, end } = input
  return end - at < 8 && buffer.subarray(at, end).every((byte) => byte === 0)
}

function rootOf(scope: Scope): Scope {
  let root = scope
  while (root.parent !== undefined) root = root.parent
  return root
}
