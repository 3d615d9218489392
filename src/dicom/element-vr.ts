import type { Vr } from './data-set.ts'

/** How the value of a VR is laid out (PS3.5 §6.2). */
export interface VrRule {
  readonly vr: Vr
  /** In explicit VR: two reserved bytes and a 32-bit length (PS3.5 §7.1.2). */
  readonly long: boolean
  readonly kind: 'text' | 'number' | 'binary' | 'sequence'
  /** Bytes of one number or word: what is swapped in big endian. */
  readonly width: number
  /** Text in the character set of the data set; any other is of the default repertoire (PS3.5 §6.1.2.3). */
  readonly inCharset: boolean
}

const IN_CHARSET: ReadonlySet<Vr> = new Set<Vr>(['LO', 'LT', 'PN', 'SH', 'ST', 'UC', 'UT'])

const rule = (vr: Vr, kind: VrRule['kind'], width = 1, long = false): VrRule =>
  Object.freeze({ vr, long, kind, width, inCharset: IN_CHARSET.has(vr) })

const RULES: readonly VrRule[] = [
  ...(['AE', 'AS', 'CS', 'DA', 'DS', 'DT', 'IS', 'LO', 'LT', 'PN', 'SH', 'ST', 'TM', 'UI'] as const).map(
    (vr) => rule(vr, 'text'),
  ),
  ...(['UC', 'UR', 'UT'] as const).map((vr) => rule(vr, 'text', 1, true)),
  ...(['US', 'SS', 'AT'] as const).map((vr) => rule(vr, 'number', 2)),
  ...(['UL', 'SL', 'FL'] as const).map((vr) => rule(vr, 'number', 4)),
  rule('FD', 'number', 8),
  ...(['SV', 'UV'] as const).map((vr) => rule(vr, 'number', 8, true)),
  ...(['OB', 'UN'] as const).map((vr) => rule(vr, 'binary', 1, true)),
  rule('OW', 'binary', 2, true),
  ...(['OF', 'OL'] as const).map((vr) => rule(vr, 'binary', 4, true)),
  ...(['OD', 'OV'] as const).map((vr) => rule(vr, 'binary', 8, true)),
  rule('SQ', 'sequence', 1, true),
]

const BY_VR = Object.fromEntries(RULES.map((each) => [each.vr, each])) as Readonly<Record<Vr, VrRule>>

/** By the two letters, the first in the upper byte: one load where a Map would hash. */
const BY_LETTERS: (VrRule | undefined)[] = Array.from({ length: 0x5b5b }, () => undefined)
for (const each of RULES) BY_LETTERS[(each.vr.charCodeAt(0) << 8) | each.vr.charCodeAt(1)] = each

export function vrRule(vr: Vr): VrRule {
  return BY_VR[vr]
}

export function isVr(text: string): text is Vr {
  return Object.hasOwn(BY_VR, text)
}

/** The rule of a VR given by its two bytes, or undefined when they are no VR of PS3.5. */
export function vrRuleOf(first: number, second: number): VrRule | undefined {
  return BY_LETTERS[(first << 8) | second]
}

/** True when both bytes are capital letters, as those of every VR to come will be. */
export function areLetters(first: number, second: number): boolean {
  return first >= 0x41 && first <= 0x5a && second >= 0x41 && second <= 0x5a
}
