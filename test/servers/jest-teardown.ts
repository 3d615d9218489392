/** After all tests of a run. */
export default async function tearDown(): Promise<void> {
  await (globalThis as unknown as { postgresDoor: { close(): Promise<void> } }).postgresDoor.close()
}
