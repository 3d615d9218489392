/**
 * What one writer knows to be committed, so that it need not ask again. Everything here is a hint that the rows
 * confirm or an immutable fact; throwing it away costs time, never correctness.
 */
export interface Memory {
  /** Numbers of SOP classes, transfer syntaxes and tag paths: immutable, few. */
  readonly sopClass: Map<string, number>
  readonly transferSyntax: Map<string, number>
  readonly tagPath: Map<string, number>
}

export function createMemory(): Memory {
  return { sopClass: new Map(), transferSyntax: new Map(), tagPath: new Map() }
}
