import type { Oddity, Tag } from './data-set.ts'
import { FAILURE, WARNING } from './reasons.ts'

/**
 * Why one part cannot be stored. The message names tag and cause and never a value; `reason` is a Failure Reason of
 * PS3.18 Table I.2-2.
 */
export class Unreadable extends Error {
  override readonly name = 'Unreadable'
  readonly reason: number
  readonly tag: Tag | undefined

  constructor(cause: string, options: { reason?: number; tag?: Tag } = {}) {
    super(options.tag === undefined ? cause : `${printedTag(options.tag)} ${cause}`)
    this.reason = options.reason ?? FAILURE.cannotUnderstand.code
    this.tag = options.tag
  }
}

/** `(0010,0010)`, as people write a tag. */
export function printedTag(tag: Tag): string {
  return `(${tag.slice(0, 4)},${tag.slice(4)})`
}

/** More different ones than this say nothing more. */
const MOST_ODDITIES = 64

/** Collects what is odd in one file, each text once. */
export interface Oddities {
  readonly texts: Set<string>
}

/** Notes something odd that does not keep the instance from being stored (Warning Reason B007H). */
export function note(oddities: Oddities, cause: string, tag?: Tag): void {
  const { texts } = oddities
  if (texts.size >= MOST_ODDITIES) return
  texts.add(tag === undefined ? cause : `${printedTag(tag)} ${cause}`)
}

export function oddityList({ texts }: Oddities): Oddity[] {
  return Array.from(texts, (text) => ({ reason: WARNING.notMatchingSopClass.code, text }))
}
