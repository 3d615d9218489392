/** The page of those who have not said who they are. */
import { h } from 'preact'
import { useState } from 'preact/hooks'
import { ask, AnswerError, setToken } from './api.js'
import { Fault } from './loading.js'

/** @param {{ onDone: () => void }} props */
export function SignIn({ onDone }) {
  const [text, setText] = useState('')
  const [error, setError] = useState(/** @type {Error | undefined} */ (undefined))
  /** @param {Event} event */
  const submit = (event) => {
    event.preventDefault()
    setToken(text.trim())
    ask('openapi.json').then(onDone, (/** @type {unknown} */ fault) => {
      // A token that is known, but may not read, is one all the same.
      if (fault instanceof AnswerError && fault.status === 403) return onDone()
      setToken(null)
      setError(fault instanceof Error ? fault : new Error(String(fault)))
    })
  }
  return h(
    'form',
    { class: 'sign-in panel', onSubmit: submit },
    h('h1', null, 'Sign in'),
    h(
      'p',
      null,
      'This archive asks for a token. It is kept in this tab, and forgotten when the tab is closed.',
    ),
    h(
      'label',
      null,
      'Token',
      h('input', {
        type: 'password',
        autocomplete: 'current-password',
        autofocus: true,
        required: true,
        value: text,
        onInput: (event) => setText(event.currentTarget.value),
      }),
    ),
    h(Fault, { error }),
    h('button', { type: 'submit', class: 'primary' }, 'Sign in'),
  )
}
