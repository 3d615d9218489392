/** What a part of the page is waiting for, and what it says meanwhile. */
import { h } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { isAway } from './api.js'

/**
 * @template T
 * @typedef {{ readonly value: T | undefined, readonly error: Error | undefined, readonly reload: () => void }} Loaded
 *   the last value stays while it is asked for again
 */

/**
 * Loads something, again when a key changes or `reload` is called; a part that is gone is told nothing any more.
 * @template T
 * @param {(signal: AbortSignal) => Promise<T>} load
 * @param {readonly unknown[]} keys
 * @returns {Loaded<T>}
 */
export function useLoaded(load, keys) {
  const [round, setRound] = useState(0)
  const [state, setState] = useState(/** @type {{ value?: T, error?: Error }} */ ({}))
  useEffect(() => {
    const controller = new AbortController()
    load(controller.signal).then(
      (value) => {
        if (!controller.signal.aborted) setState({ value })
      },
      (/** @type {unknown} */ error) => {
        if (!controller.signal.aborted)
          setState({ error: error instanceof Error ? error : new Error(String(error)) })
      },
    )
    return () => controller.abort()
  }, [...keys, round])
  return { value: state.value, error: state.error, reload: () => setRound((count) => count + 1) }
}

/**
 * An error in the words of the service, where it happened.
 * @param {{ error: Error | undefined, onAgain?: () => void }} props `onAgain`: asks once more what had no answer
 */
export function Fault({ error, onAgain }) {
  if (error === undefined) return null
  return h(
    'p',
    { class: 'fault', role: 'alert' },
    error.message,
    onAgain && isAway(error) && [' ', h('button', { type: 'button', onClick: onAgain }, 'Try again')],
  )
}

/** @param {{ what: string }} props what is waited for */
export function Waiting({ what }) {
  return h('p', { class: 'waiting', role: 'status' }, `Loading ${what} …`)
}

const NUMBERS = new Intl.NumberFormat('en')

/** @param {number} value */
export function numberText(value) {
  return Number.isFinite(value) ? NUMBERS.format(value) : '?'
}

/**
 * @param {number} count
 * @param {string} one
 * @param {string} [many]
 */
export function counted(count, one, many = `${one}s`) {
  return `${numberText(count)} ${count === 1 ? one : many}`
}

/**
 * A moment, in the reader's own time zone: `2026-01-31 08:30`.
 * @param {string | null | undefined} iso
 */
export function momentText(iso) {
  if (iso === null || iso === undefined) return 'never'
  const date = new Date(iso)
  /** @param {number} value */
  const two = (value) => String(value).padStart(2, '0')
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-')
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
}
