import { openDoor } from './postgres-door.ts'

/** Before all tests of a run. */
export default async function setUp(): Promise<void> {
  Object.assign(globalThis, { postgresDoor: await openDoor() })
}
