/** Files on their way into the archive: one STOW-RS request each, so that each has its own answer. */
import { address, authorization, SIGN_IN } from './api.js'
import { outcomeOf } from './store-answer.js'

/**
 * @typedef {'waiting' | 'sending' | import('./store-answer.js').Outcome} SentState
 * @typedef {{ readonly id: number, readonly name: string, readonly file: File, readonly state: SentState,
 *   readonly sentBytes: number, readonly words: string, readonly study?: string }} Sent
 */

const MOST_AT_ONCE = 3

/** @type {Map<number, Sent>} */
const sent = new Map()
/** @type {Set<() => void>} */
const watchers = new Set()
/** @type {number[]} */
let waiting = []
let running = 0
let lastId = 0
let isTold = true

/** Every file since the page was opened, in order. */
export function sentFiles() {
  return [...sent.values()]
}

/**
 * @param {() => void} watcher told of changes, not more than once a frame
 * @returns {() => void} ends it
 */
export function watchSending(watcher) {
  watchers.add(watcher)
  return () => watchers.delete(watcher)
}

/** @param {readonly { readonly name: string, readonly file: File }[]} files */
export function sendFiles(files) {
  for (const { name, file } of files) {
    const id = ++lastId
    sent.set(id, { id, name, file, state: 'waiting', sentBytes: 0, words: '' })
    waiting.push(id)
  }
  tell()
  next()
}

/** Sends those again that had no answer. */
export function sendAgain() {
  for (const one of sent.values()) {
    if (one.state !== 'failed') continue
    change(one.id, { state: 'waiting', words: '', sentBytes: 0 })
    waiting.push(one.id)
  }
  next()
}

/** Forgets what is over. */
export function forgetSent() {
  for (const { id, state } of sent.values()) if (state !== 'waiting' && state !== 'sending') sent.delete(id)
  tell()
}

/** Takes back what has not been begun. */
export function stopSending() {
  for (const id of waiting) sent.delete(id)
  waiting = []
  tell()
}

function next() {
  while (running < MOST_AT_ONCE) {
    const id = waiting.shift()
    if (id === undefined) return
    running++
    void send(id).finally(() => {
      running--
      next()
    })
  }
}

/** @param {number} id */
async function send(id) {
  const file = sent.get(id)?.file
  if (file === undefined) return
  change(id, { state: 'sending' })
  change(id, await answerTo(file, (sentBytes) => change(id, { sentBytes })))
}

/**
 * @param {File} file
 * @param {(bytes: number) => void} onProgress
 * @returns {Promise<Partial<Sent>>}
 */
function answerTo(file, onProgress) {
  return new Promise((resolve) => {
    // Only this of a browser's two ways says how much has been sent.
    const request = new XMLHttpRequest()
    request.open('POST', address('dicomweb/studies'))
    request.setRequestHeader('Content-Type', 'application/dicom')
    request.setRequestHeader('Accept', 'application/dicom+json')
    for (const [name, value] of Object.entries(authorization())) request.setRequestHeader(name, value)
    request.upload.onprogress = ({ loaded }) => onProgress(loaded)
    request.onload = () => {
      if (request.status === 401) window.dispatchEvent(new Event(SIGN_IN))
      resolve({ ...outcomeOf(request.status, request.responseText), sentBytes: file.size })
    }
    request.onerror = () => resolve({ state: 'failed', words: 'No answer came.' })
    request.send(file)
  })
}

/**
 * @param {number} id
 * @param {Partial<Sent>} now
 */
function change(id, now) {
  const before = sent.get(id)
  if (before) sent.set(id, { ...before, ...now })
  tell()
}

function tell() {
  if (!isTold) return
  isTold = false
  requestAnimationFrame(() => {
    isTold = true
    for (const watcher of watchers) watcher()
  })
}
