import { trimPadding } from './matching-values.ts'
import type { DataSet, PathStep, Tag } from './data-set.ts'

/** An element of a private creator, in whatever block the creator has (PS3.5 §7.8.1). */
export interface PrivateStep {
  /** Four upper-case hexadecimal digits. */
  readonly group: string
  /** Two of them: the number within the block. */
  readonly element: string
  readonly creator: string
}

export function privateStep({ group, element, creator }: PrivateStep): PathStep {
  return `${group}xx${element};${creator}`
}

/** The private element that a step means; undefined for a plain tag. */
export function readPrivateStep(step: PathStep): PrivateStep | undefined {
  if (!step.startsWith('xx', 4)) return undefined
  return { group: step.slice(0, 4), element: step.slice(6, 8), creator: step.slice(9) }
}

/** The tags that a step means in this item: itself, or one in each block that its private creator has reserved. */
export function tagsOfStep(item: DataSet, step: PathStep): Tag[] {
  const own = readPrivateStep(step)
  if (own === undefined) return [step]
  const tags: Tag[] = []
  for (const [tag, element] of Object.entries(item)) {
    // (gggg,0010-00FF): PS3.5 §7.8.1.
    if (!tag.startsWith(`${own.group}00`) || tag.slice(6) < '10') continue
    const owner = element.Value?.[0]
    if (typeof owner === 'string' && trimPadding(owner) === own.creator)
      tags.push(own.group + tag.slice(6) + own.element)
  }
  return tags.sort()
}

/** The element that names the owner of a private one's block: `00191001` → `00190010`. */
export function creatorTag(tag: Tag): Tag {
  return `${tag.slice(0, 4)}00${tag.slice(4, 6)}`
}
