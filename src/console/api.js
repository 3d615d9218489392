/** The services of this Concord, as the page calls them: addresses relative to the page's own, and a token if one is needed. */

const TOKEN = 'concord-token'
/** Said to the window when a request was refused for want of a token that is known. */
export const SIGN_IN = 'concord:sign-in'

/** A request that was not answered as hoped; the message is the service's own, for people. */
export class AnswerError extends Error {
  /**
   * @param {number} status 0 where the service could not be reached
   * @param {string} message
   * @param {unknown} [answer] its JSON, if it is such
   */
  constructor(status, message, answer) {
    super(message)
    /** @type {number} */
    this.status = status
    this.answer = answer
  }
}

export const needsToken = contentOf('concord-tokens') === 'needed'
/** Address of a viewer, with `{study}` where the UID goes; empty where there is none. */
const viewer = contentOf('concord-viewer')

/** @param {string} study */
export function viewerAddress(study) {
  return viewer === '' ? undefined : viewer.replaceAll('{study}', encodeURIComponent(study))
}

/** Kept until the tab is closed, and nowhere else. */
export function token() {
  return sessionStorage.getItem(TOKEN)
}

/** @param {string | null} text null: forgets it */
export function setToken(text) {
  if (text === null) sessionStorage.removeItem(TOKEN)
  else sessionStorage.setItem(TOKEN, text)
}

/**
 * The whole address of a path, `dicomweb/studies`, whatever prefix a proxy has put before it.
 * @param {string} path
 */
export function address(path) {
  return new URL(path, document.baseURI).href
}

/** @param {{ study: string, series?: string | undefined, instance?: string | undefined }} uids */
export function pathOf({ study, series, instance }) {
  const steps = ['dicomweb/studies', encodeURIComponent(study)]
  if (series !== undefined) steps.push('series', encodeURIComponent(series))
  if (instance !== undefined) steps.push('instances', encodeURIComponent(instance))
  return steps.join('/')
}

/**
 * Asks the service; an answer that is no success is thrown as {@link AnswerError}.
 * @param {string} path
 * @param {RequestInit & { headers?: Record<string, string> }} [options]
 * @returns {Promise<Response>}
 */
export async function ask(path, options = {}) {
  const response = await fetch(address(path), {
    ...options,
    headers: { ...options.headers, ...authorization() },
  }).catch((/** @type {unknown} */ error) => {
    if (options.signal?.aborted) throw error
    throw new AnswerError(0, 'The service cannot be reached.')
  })
  if (response.ok) return response
  throw await faultOf(response)
}

/**
 * @param {string} path
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>} whatever the service says; its shape is for the caller to know
 */
export async function askJson(path, signal) {
  const response = await ask(path, { headers: { Accept: 'application/json' }, ...(signal && { signal }) })
  return response.json()
}

/**
 * Whether nothing was answered, or nothing but that the service cannot do it now.
 * @param {Error | undefined} error
 */
export function isAway(error) {
  return error instanceof AnswerError && (error.status === 0 || error.status === 503)
}

/** @returns {Record<string, string>} */
export function authorization() {
  const known = token()
  return known === null ? {} : { Authorization: `Bearer ${known}` }
}

/** @param {Response} response */
async function faultOf(response) {
  if (response.status === 401) window.dispatchEvent(new Event(SIGN_IN))
  /** @type {{ detail?: string }} */
  const problem = await response.json().catch(() => ({}))
  return new AnswerError(
    response.status,
    problem.detail ?? `The service answered ${response.status}.`,
    problem,
  )
}

/** @param {string} name of a `<meta>` of the page */
function contentOf(name) {
  return document.querySelector(`meta[name="${name}"]`)?.getAttribute('content') ?? ''
}

/** @type {Promise<ReadonlySet<string>> | undefined} */
let operations

/**
 * Whether the service has an operation, as `/openapi.json` names it: `GET /lineage/studies/{study}`.
 * @param {string} operation
 */
export async function offers(operation) {
  operations ??= askJson('openapi.json').then(
    ({ paths }) =>
      new Set(
        Object.entries(paths).flatMap(([path, methods]) =>
          Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
        ),
      ),
    () => {
      operations = undefined
      return new Set()
    },
  )
  return (await operations).has(operation)
}
