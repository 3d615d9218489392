/** Pictures of studies, series and instances: loaded when they come into view, and done without where there are none. */
import { h } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { ask, offers } from './api.js'

/** Of these there are words, not pictures. */
const WORDS = new Set(['SR', 'KO', 'PR', 'DOC', 'PLAN', 'AU'])
/** At one time, so that pictures keep nothing else waiting. */
const MOST_AT_ONCE = 4
/** @type {(() => void)[]} */
const queue = []
let running = 0

/**
 * @param {object} props
 * @param {string} props.path of the picture
 * @param {string} props.route as `/openapi.json` has it: a service without it is not asked
 * @param {string} props.alt empty where what it shows stands beside it
 * @param {string} props.stand in its place while there is no picture: a modality
 * @param {boolean} [props.isLarge]
 */
export function Picture({ path, route, alt, stand, isLarge = false }) {
  const frame = useRef(/** @type {HTMLElement | null} */ (null))
  const shown = useRef('')
  const [url, setUrl] = useState('')
  /** @param {string} next the last picture stays until the next one is there */
  const show = (next) => {
    URL.revokeObjectURL(shown.current)
    shown.current = next
    setUrl(next)
  }
  useEffect(() => {
    if (WORDS.has(stand)) return
    const controller = new AbortController()
    const watcher = new IntersectionObserver((seen) => {
      if (!seen.some(({ isIntersecting }) => isIntersecting)) return
      watcher.disconnect()
      pictureOf(path, route, controller.signal).then(
        (blob) => controller.signal.aborted || show(URL.createObjectURL(blob)),
        () => controller.signal.aborted || show(''),
      )
    })
    if (frame.current) watcher.observe(frame.current)
    return () => {
      watcher.disconnect()
      controller.abort()
    }
  }, [path])
  useEffect(() => () => URL.revokeObjectURL(shown.current), [])
  return h(
    'span',
    { ref: frame, class: isLarge ? 'picture large' : 'picture' },
    url === '' ? h('span', { class: 'stand', 'aria-hidden': 'true' }, stand) : h('img', { src: url, alt }),
  )
}

/**
 * @param {string} path
 * @param {string} route
 * @param {AbortSignal} signal
 * @returns {Promise<Blob>}
 */
async function pictureOf(path, route, signal) {
  if (!(await offers(`GET ${route}`))) throw new Error('This service makes no pictures.')
  if (running >= MOST_AT_ONCE)
    await new Promise((/** @type {(value: void) => void} */ resolve) => queue.push(resolve))
  running++
  try {
    signal.throwIfAborted()
    const response = await ask(path, { headers: { Accept: 'image/jpeg, image/png' }, signal })
    return await response.blob()
  } finally {
    running--
    queue.shift()?.()
  }
}
