import type { Archive } from './archive.ts'

export interface Sequencer {
  /** Numbers nothing more, and waits for what is under way. */
  stop(): Promise<void>
}

/** After a pass that found something there is likely more. */
const BUSY_MS = 200
const IDLE_MS = 1000
const FAILED_MS = 10_000

/**
 * Numbers feed and audit rows after their commit, again and again (design §5). Several processes may do so: the ledger
 * lets one at a time. A failure is told and tried again later; the rows wait.
 */
export function startSequencer(archive: Archive, onFailure: (error: unknown) => void): Sequencer {
  let isStopped = false
  let timer: NodeJS.Timeout | undefined
  let pass = Promise.resolve()

  async function numberRows(): Promise<number> {
    try {
      return (await archive.database.ledger.sequence()) > 0 ? BUSY_MS : IDLE_MS
    } catch (error) {
      onFailure(error)
      return FAILED_MS
    }
  }
  function again(): void {
    pass = numberRows().then((waitMs) => {
      if (!isStopped) timer = setTimeout(again, waitMs)
    })
  }
  again()
  return {
    async stop() {
      isStopped = true
      clearTimeout(timer)
      await pass
    },
  }
}
