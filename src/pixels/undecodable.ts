/** Why compressed bytes give no frame. Never leaves `pixels/`: the engine makes a Problem of it. */
export class UndecodableError extends Error {
  override readonly name = 'UndecodableError'
}
