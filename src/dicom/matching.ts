
/** How a key wants to be matched: PS3.4 C.2.2.2. Texts are trimmed of padding; ranges are inclusive. */
export type Match =
  | { readonly kind: 'universal' }
  /** Any of the values (single value, UID list, list of values). */
  | { readonly kind: 'values'; readonly values: readonly string[] }
  /** `*` and `?`, only for AE CS LO LT PN SH ST UC UR UT; several patterns are alternatives. */
  | { readonly kind: 'wildcard'; readonly patterns: readonly string[] }
  /** DA, TM, DT; bounds as canonical text of full precision, either may be absent. */
  | { readonly kind: 'range'; readonly from?: string; readonly to?: string }
  /** Person names matched by words: each is a prefix of some component of one value, in any order. */
  | { readonly kind: 'fuzzy'; readonly words: readonly string[] }
  /** Empty-value matching (C.2.2.2.7): no active instance of the entity has a value. */
  | { readonly kind: 'empty' }
  /** Multiple-value matching (C.2.2.2.8): every one of the values is there. */
  | { readonly kind: 'every'; readonly values: readonly string[] }

