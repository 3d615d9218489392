import type { Engine } from './engine.ts'
import type { Lifecycle } from './ports/lifecycle.ts'
import { prepare } from './prepare.ts'

export function lifecycle(engine: Engine): Lifecycle {
  return {
    change: (change) => engine.write('changeStates', [change]),
    note: async (note, change) => {
      const kept = await engine.write('addNote', [prepare(note), change])
      return kept === null ? { kind: 'added' } : { kind: 'exists', kept }
    },
  }
}
