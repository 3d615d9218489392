/** What can be done about a study that is owed to the FHIR server. */
import { h } from 'preact'
import { useState } from 'preact/hooks'
import { ask } from './api.js'
import { Fault, momentText } from './loading.js'

/**
 * @typedef {object} OwedRow
 * @property {string} study
 * @property {string} [firstDirtyAt]
 * @property {string} [dueAt]
 * @property {number} [attempts]
 * @property {string | null} [holdReason]
 * @property {string | null} [deadSince]
 * @property {string | null} [lastError]
 * @property {boolean} [leased]
 *
 * @typedef {object} ServerState
 * @property {string} server
 * @property {string} release
 * @property {string | null} software
 * @property {string} status
 * @property {string | null} problem
 * @property {string | null} nextLookAt
 * @property {number} inFlight
 * @property {string | null} lastPushAt
 * @property {Readonly<Record<string, number>>} counts
 *
 * @typedef {object} OwedReport as `GET /admin/fhir` answers
 * @property {ServerState | null} server
 * @property {number} studies
 * @property {number} held
 * @property {number} dead
 * @property {string | null} oldestDirtyAt
 * @property {readonly (OwedRow & { firstDirtyAt: string })[]} rows
 */

/**
 * Why it is owed still, in a sentence.
 * @param {OwedRow} row
 */
export function owedWords({ firstDirtyAt, dueAt, attempts = 0, holdReason, deadSince, lastError, leased }) {
  const since = `Since ${momentText(firstDirtyAt)}`
  const error = lastError ? ` Last answer: ${lastError}.` : ''
  if (deadSince) return `${since}; given up at ${momentText(deadSince)}.${error}`
  if (holdReason) return `${since}; held: ${holdReason}.${error}`
  if (leased) return `${since}; being pushed now.${error}`
  const tried = attempts === 0 ? 'not tried yet' : attempts === 1 ? 'tried once' : `tried ${attempts} times`
  return `${since}; ${tried}, next at ${momentText(dueAt)}.${error}`
}

/** @param {{ row: OwedRow, onDone: () => void }} props */
export function FhirActions({ row, onDone }) {
  const [error, setError] = useState(/** @type {Error | undefined} */ (undefined))
  /** @param {string} action */
  const act = (action) => {
    setError(undefined)
    ask(`admin/fhir/studies/${encodeURIComponent(row.study)}/${action}`, { method: 'POST' }).then(
      onDone,
      setError,
    )
  }
  const [action, title] = row.deadSince
    ? ['retry', 'Try again']
    : row.holdReason
      ? ['release', 'Release']
      : ['touch', 'Push now']
  return [h('button', { type: 'button', onClick: () => act(action) }, title), h(Fault, { error })]
}
