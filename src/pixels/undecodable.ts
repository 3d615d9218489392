/** Why compressed bytes give no frame. Never leaves `pixels/`: the engine makes a Problem of it. */
export class UndecodableError extends Error {
  override readonly name = 'UndecodableError'
}

/** Whether a module of WebAssembly fell: its memory is as it was then. */
export function isTrap(error: unknown): boolean {
  return error instanceof Error && error.name === 'RuntimeError'
}
