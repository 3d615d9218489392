/** Links to what the service says as it is: a token cannot travel with a link, so with one the page fetches it. */
import { h } from 'preact'
import { useState } from 'preact/hooks'
import { address, ask, token } from './api.js'
import { Fault } from './loading.js'

/**
 * @param {object} props
 * @param {string} props.path
 * @param {string} [props.accept] media type
 * @param {string} [props.save] name of the file that it is saved as; without: shown in a tab of its own
 * @param {string} [props.class]
 * @param {import('preact').ComponentChildren} [props.children]
 */
export function RawLink({ path, accept = 'application/json', save, class: name, children }) {
  const [error, setError] = useState(/** @type {Error | undefined} */ (undefined))
  /** @param {MouseEvent} event */
  const open = (event) => {
    // Only JSON comes by itself when a link is followed; everything else must be asked for.
    if (token() === null && accept === 'application/json') return
    event.preventDefault()
    setError(undefined)
    openFetched(path, accept, save).catch((/** @type {unknown} */ fault) =>
      setError(fault instanceof Error ? fault : new Error(String(fault))),
    )
  }
  return [
    h('a', { href: address(path), class: name, target: '_blank', rel: 'noopener', onClick: open }, children),
    h(Fault, { error }),
  ]
}

/**
 * @param {string} path
 * @param {string} accept
 * @param {string | undefined} save
 */
async function openFetched(path, accept, save) {
  const response = await ask(path, { headers: { Accept: accept } })
  // A blob of a type that runs could run as this page; shown here are data only.
  const type = accept === 'application/json' ? 'application/json' : 'application/octet-stream'
  const url = URL.createObjectURL(new Blob([await response.blob()], { type }))
  const link = document.createElement('a')
  link.href = url
  if (save === undefined) link.target = '_blank'
  else link.download = save
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 60_000)
}
