/** An answer that is an OperationOutcome. */
export class RefusalError extends Error {
  override readonly name = 'RefusalError'
  readonly status: number
  readonly issues: readonly string[]

  constructor(status: number, ...issues: string[]) {
    super(issues.join('; '))
    this.status = status
    this.issues = issues
  }
}
