/** The console: one page, its parts by the address behind `#`. */
import { h, render } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { needsToken, setToken, SIGN_IN, token } from './api.js'
import { droppedFiles } from './dropped.js'
import { hrefOf, readRoute } from './route.js'
import { SearchPage } from './search.js'
import { sendFiles } from './sending.js'
import { SignIn } from './sign-in.js'
import { StatusPage } from './status.js'
import { StudyPage } from './study.js'
import { UploadPage } from './upload.js'

/** @typedef {import('./route.js').Route} Route */

const TITLES = { search: 'Search', study: 'Study', status: 'Status', upload: 'Upload' }

function App() {
  const route = useRoute()
  const [isStranger, setStranger] = useState(needsToken && token() === null)
  const main = useRef(/** @type {HTMLElement | null} */ (null))
  const isFirst = useRef(true)
  useEffect(() => {
    const ask = () => {
      setToken(null)
      setStranger(true)
    }
    window.addEventListener(SIGN_IN, ask)
    return () => window.removeEventListener(SIGN_IN, ask)
  }, [])
  useEffect(() => {
    document.title = `${TITLES[route.page]} · Concord`
    // Who works by keyboard or ear goes on where the new page begins; the search box takes the focus itself.
    if (!isFirst.current && route.page !== 'search') main.current?.focus()
    isFirst.current = false
  }, [route.page])
  const isOver = useDrop()
  return [
    h('a', { class: 'skip', href: '#main', onClick: skipTo(main) }, 'Skip to the content'),
    h(Header, { page: route.page, isStranger }),
    h(
      'main',
      { id: 'main', ref: main, tabIndex: -1 },
      isStranger ? h(SignIn, { onDone: () => setStranger(false) }) : h(Page, { route }),
    ),
    isOver && h('div', { class: 'drop-here', 'aria-hidden': 'true' }, h('p', null, 'Drop to upload')),
  ]
}

/** @param {{ route: Route }} props */
function Page({ route }) {
  switch (route.page) {
    case 'search':
      return h(SearchPage, { route })
    case 'study':
      return h(StudyPage, { route })
    case 'status':
      return h(StatusPage, null)
    case 'upload':
      return h(UploadPage, null)
  }
}

/** @param {{ page: Route['page'], isStranger: boolean }} props */
function Header({ page, isStranger }) {
  /** @type {readonly (readonly [Route, string])[]} */
  const links = [
    [{ page: 'search', level: 'studies', query: '' }, 'Search'],
    [{ page: 'upload' }, 'Upload'],
    [{ page: 'status' }, 'Status'],
  ]
  const signOut = () => {
    setToken(null)
    location.reload()
  }
  return h(
    'header',
    { class: 'top' },
    h(
      'a',
      { class: 'brand', href: '#/' },
      h('img', { src: 'console/icon.svg', alt: '', width: 28, height: 28 }),
      'Concord',
    ),
    !isStranger &&
      h(
        'nav',
        { 'aria-label': 'Pages' },
        links.map(([route, title]) =>
          h(
            'a',
            { key: title, href: hrefOf(route), 'aria-current': page === route.page ? 'page' : undefined },
            title,
          ),
        ),
        needsToken && h('button', { type: 'button', class: 'link', onClick: signOut }, 'Sign out'),
      ),
  )
}

/** @returns {Route} */
function useRoute() {
  const [route, setRoute] = useState(() => readRoute(location.hash))
  useEffect(() => {
    const change = () => setRoute(readRoute(location.hash))
    window.addEventListener('hashchange', change)
    return () => window.removeEventListener('hashchange', change)
  }, [])
  return route
}

/** Takes files that are dropped anywhere; true while some are held over the page. */
function useDrop() {
  const [isOver, setOver] = useState(false)
  useEffect(() => {
    const controller = new AbortController()
    const { signal } = controller
    /** @param {DragEvent} event */
    const hasFiles = (event) => event.dataTransfer?.types.includes('Files') === true
    window.addEventListener(
      'dragover',
      (event) => hasFiles(event) && (event.preventDefault(), setOver(true)),
      { signal },
    )
    window.addEventListener('dragleave', (event) => event.relatedTarget === null && setOver(false), {
      signal,
    })
    window.addEventListener(
      'drop',
      (event) => {
        if (!hasFiles(event)) return
        event.preventDefault()
        setOver(false)
        location.hash = hrefOf({ page: 'upload' })
        void droppedFiles(event.dataTransfer).then(sendFiles)
      },
      { signal },
    )
    return () => controller.abort()
  }, [])
  return isOver
}

/**
 * A link to a place in the page, where addresses behind `#` are pages.
 * @param {{ current: HTMLElement | null }} target
 */
function skipTo(target) {
  return (/** @type {Event} */ event) => {
    event.preventDefault()
    target.current?.focus()
  }
}

render(h(App, null), document.body)
