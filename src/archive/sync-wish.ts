/**
 * What is wished for at the next push of a study, beyond what every push does: a fact of its own, so that a push under way
 * does not write over it.
 */
export function wishFor(study: string): string {
  return `wish ${study}`
}

/** Bring the resource back to what the index says: hand edits, subject, status, also where it was deleted. */
export const RESTORE = 'restore'
/** Look for other resources of the same study, though ours is known. */
export const LOOK_AROUND = 'look-around'
