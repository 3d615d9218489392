import express, { type Router } from 'express'
import type { StoreOutcome } from '../archive/store-outcome.ts'
import { reasonHex, reasonMeaning } from '../dicom/reasons.ts'

/** So many are kept, the newest. */
const MOST_KEPT = 200

interface Refusal {
  readonly at: Date
  /** Name of the token; null if nobody needed one. */
  readonly sender: string | null
  /** Failure Reason (0008,1197) as people read it: `C000`. */
  readonly reason: string
  readonly meaning: string
  readonly comment: string
  readonly SOPInstanceUID: string | null
}

/** Instances that were not stored of late, and why: in the memory of this process, without a value of a data set. */
export interface Refusals {
  note(outcomes: readonly StoreOutcome[], sender: string | null): void
  /** Newest first. */
  recent(): readonly Refusal[]
  readonly since: Date
}

export function createRefusals(now: () => Date): Refusals {
  const kept: Refusal[] = []
  return {
    since: now(),
    recent: () => kept.toReversed(),
    note(outcomes, sender) {
      for (const outcome of outcomes) {
        if (outcome.kind !== 'refused') continue
        const { reason, comment, SOPInstanceUID = null } = outcome
        const meaning = reasonMeaning(reason) ?? ''
        kept.push({ at: now(), sender, reason: reasonHex(reason), meaning, comment, SOPInstanceUID })
      }
      kept.splice(0, kept.length - MOST_KEPT)
    },
  }
}

/** `GET /refusals`: what this process refused of late. To be mounted under `/admin`. */
export function refusalRoutes(refusals: Refusals): Router {
  const router = express.Router()
  router.get('/refusals', (_request, response) => {
    response.json({ since: refusals.since, rows: refusals.recent() })
  })
  return router
}
