/**
 * Failure Reason (0008,1197) and Warning Reason (0008,1196) of the Store response: PS3.18 Annex I, PS3.4 Table B.2-1
 * and PS3.7 Annex C. Whole classes (A7xx, A9xx, Cxxx) are open to the implementation; the members used are named here.
 */
export interface Reason {
  /** Value of the US element, in decimal on the wire. */
  readonly code: number
  readonly meaning: string
}

/** Why one instance was not stored. */
export const FAILURE = Object.freeze({
  processingFailure: { code: 0x0110, meaning: 'Processing failure' },
  duplicateInstance: { code: 0x0111, meaning: 'Duplicate SOP Instance: another one is kept under this UID' },
  sopClassNotSupported: { code: 0x0122, meaning: 'Referenced SOP Class not supported' },
  notAuthorized: { code: 0x0124, meaning: 'Refused: Not authorized' },
  outOfResources: { code: 0xa700, meaning: 'Refused: Out of resources' },
  notMatchingSopClass: { code: 0xa900, meaning: 'Data Set does not match SOP Class' },
  wrongStudy: { code: 0xa901, meaning: 'Data Set is of another study than the one stored to' },
  deletedHere: { code: 0xa902, meaning: 'Was deleted here; an administrator can restore it' },
  cannotUnderstand: { code: 0xc000, meaning: 'Cannot understand' },
  transferSyntaxNotSupported: { code: 0xc122, meaning: 'Referenced Transfer Syntax not supported' },
}) satisfies Readonly<Record<string, Reason>>

/** What a client should know about an instance that was stored. */
export const WARNING = Object.freeze({
  coerced: { code: 0xb000, meaning: 'Coercion of Data Elements' },
  elementsDiscarded: { code: 0xb006, meaning: 'Elements discarded' },
  notMatchingSopClass: { code: 0xb007, meaning: 'Data Set does not match SOP Class' },
}) satisfies Readonly<Record<string, Reason>>

/** The code as people read it in logs and in the standard: `'A700'`. */
export function reasonHex(code: number): string {
  return code.toString(16).toUpperCase().padStart(4, '0')
}

const MEANINGS: ReadonlyMap<number, string> = new Map(
  [...Object.values(FAILURE), ...Object.values(WARNING)].map(({ code, meaning }) => [code, meaning]),
)

/** What a code means, by its class where the member is not ours; undefined for a code that PS3.18 does not know. */
export function reasonMeaning(code: number): string | undefined {
  const known = MEANINGS.get(code)
  if (known !== undefined) return known
  if (code >>> 8 === 0xa7) return FAILURE.outOfResources.meaning
  if (code >>> 8 === 0xa9) return FAILURE.notMatchingSopClass.meaning
  return code >>> 12 === 0xc ? FAILURE.cannotUnderstand.meaning : undefined
}
