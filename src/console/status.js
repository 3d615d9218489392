/** How the service is: what it holds, how fast it works, what it owes, and what a person should look at. */
import { h } from 'preact'
import { useEffect } from 'preact/hooks'
import { AnswerError, ask, askJson, isAway } from './api.js'
import { Corrections } from './corrections.js'
import { sizeText } from './dicom.js'
import { counted, Fault, numberText, useLoaded, Waiting } from './loading.js'
import { isRetrieve, isSearch, readMetrics, total, within } from './metrics-text.js'
import { Attention, FhirPanel, Refusals } from './status-panels.js'

/** @typedef {{ readonly at: number, readonly stored: number, readonly searches: number, readonly retrievals: number }} Moment */

const EVERY_MS = 5000
const MOST_MOMENTS = 60
/** Kept while the page is open, also where another part of it is shown. @type {Moment[]} */
const moments = []

export function StatusPage() {
  const { value: samples, error, reload } = useLoaded(metrics, [])
  const health = useLoaded(healthNow, [])
  useEffect(() => {
    const look = () => {
      if (document.hidden) return
      reload()
      health.reload()
    }
    // A rate wants two looks: the second comes soon.
    const soon = setTimeout(look, 1000)
    const timer = setInterval(look, EVERY_MS)
    return () => {
      clearTimeout(soon)
      clearInterval(timer)
    }
  }, [])
  if (isAway(error)) return h(Away, { error })
  return h(
    'div',
    { class: 'status' },
    h('h1', null, 'Status'),
    h(Fault, { error }),
    health.value && h(Health, { health: health.value }),
    samples ? h(Figures, { samples }) : !error && h(Waiting, { what: 'the figures' }),
    h(FhirPanel, null),
    h(Corrections, null),
    h(Attention, null),
    h(Refusals, null),
  )
}

/** No part of it can say more. @param {{ error: Error | undefined }} props */
function Away({ error }) {
  return h(
    'div',
    { class: 'status' },
    h('h1', null, 'Status'),
    h(Fault, { error }),
    h('p', { class: 'empty' }, `It is asked again every ${EVERY_MS / 1000} seconds.`),
  )
}

/** @param {{ health: { status?: string, database?: string, blobs?: string } }} props */
function Health({ health }) {
  const isReady = health.status === 'ready'
  return h(
    'p',
    { class: 'health' },
    h('span', { class: isReady ? 'badge good' : 'badge bad' }, isReady ? 'ready' : 'not ready'),
    isReady
      ? ' It stores and finds.'
      : ` Index: ${sentence(health.database)} Blobs: ${sentence(health.blobs)}`,
  )
}

/** Some of what a check says has its full stop already. */
function sentence(words = '?') {
  return words.endsWith('.') ? words : `${words}.`
}

/** @param {{ samples: readonly import('./metrics-text.js').Sample[] }} props */
function Figures({ samples }) {
  const REQUESTS = 'concord_http_request_seconds'
  /** @param {string} level */
  const held = (level) => total(samples, 'concord_archive_entities', (labels) => labels['level'] === level)
  /** @param {string} outcome */
  const sent = (outcome) =>
    total(samples, 'concord_instances_total', (labels) => labels['outcome'] === outcome)
  const half = within(samples, REQUESTS, 0.5, isSearch)
  const most = within(samples, REQUESTS, 0.99, isSearch)
  const levels = [
    ['patient', 'patients'],
    ['study', 'studies'],
    ['series', 'series'],
    ['instance', 'instances'],
  ]
  return h(
    'div',
    { class: 'figures' },
    h(
      'section',
      { class: 'panel', 'aria-labelledby': 'archive-heading' },
      h('h2', { id: 'archive-heading' }, 'Archive'),
      h(
        'dl',
        { class: 'numbers' },
        levels.map(([one = '', many = '']) =>
          h(
            'div',
            { key: many },
            h('dt', null, held(many) === 1 ? one : many),
            h('dd', null, numberText(held(many))),
          ),
        ),
      ),
      h(
        'p',
        { class: 'facts' },
        h('span', null, sizeText(total(samples, 'concord_archive_bytes'))),
        grown() !== '' && h('span', null, grown()),
      ),
    ),
    h(Rate, {
      title: 'Storing',
      of: 'stored',
      unit: 'instances',
      facts: [
        `${numberText(sent('stored'))} stored since start`,
        `${numberText(sent('known'))} known before`,
        `${numberText(sent('refused'))} refused`,
      ],
    }),
    h(Rate, {
      title: 'Searching',
      of: 'searches',
      unit: 'searches',
      facts: [
        `${numberText(total(samples, `${REQUESTS}_count`, isSearch))} since start`,
        half === undefined ? '' : `half within ${boundText(half)}`,
        most === undefined ? '' : `99 % within ${boundText(most)}`,
      ],
    }),
    h(Rate, {
      title: 'Retrieving',
      of: 'retrievals',
      unit: 'requests',
      facts: [`${numberText(total(samples, `${REQUESTS}_count`, isRetrieve))} since start`],
    }),
  )
}

/** @param {{ title: string, of: 'stored' | 'searches' | 'retrievals', unit: string, facts: readonly string[] }} props */
function Rate({ title, of, unit, facts }) {
  const rates = moments.slice(1).map((now, before) => {
    const then = /** @type {Moment} */ (moments[before])
    return Math.max(0, ((now[of] - then[of]) * 1000) / Math.max(1, now.at - then.at))
  })
  const current = rates[rates.length - 1]
  const id = `rate-${of}`
  return h(
    'section',
    { class: 'panel', 'aria-labelledby': id },
    h('h2', { id }, title),
    h(
      'p',
      { class: 'rate' },
      h('strong', null, current === undefined ? '…' : rateText(current)),
      ` ${unit} a second`,
    ),
    h(Line, { values: rates }),
    h(
      'p',
      { class: 'facts' },
      facts.filter(Boolean).map((fact) => h('span', { key: fact }, fact)),
    ),
  )
}

/** @param {{ values: readonly number[] }} props */
function Line({ values }) {
  const top = Math.max(1, ...values)
  const step = 100 / (MOST_MOMENTS - 1)
  const first = 100 - step * (values.length - 1)
  const points = values.map(
    (value, at) => `${(first + at * step).toFixed(2)},${(23 - (22 * value) / top).toFixed(2)}`,
  )
  return h(
    'svg',
    { class: 'line', viewBox: '0 0 100 24', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    h('polyline', { points: points.join(' ') }),
  )
}

/** How much came since the page was opened. */
function grown() {
  const [first] = moments
  const last = moments[moments.length - 1]
  if (!first || !last || last.stored === first.stored) return ''
  return `${counted(last.stored - first.stored, 'instance')} more since you came`
}

/** @param {number} rate */
function rateText(rate) {
  return rate === 0 ? '0' : rate < 10 ? rate.toFixed(1) : numberText(Math.round(rate))
}

/** @param {number} seconds */
function boundText(seconds) {
  if (!Number.isFinite(seconds)) return 'more than 30 s'
  return seconds < 1 ? `${seconds * 1000} ms` : `${seconds} s`
}

/** @param {AbortSignal} signal */
async function metrics(signal) {
  const response = await ask('metrics', { signal })
  const samples = readMetrics(await response.text())
  moments.push({
    at: performance.now(),
    stored: total(samples, 'concord_instances_total', (labels) => labels['outcome'] === 'stored'),
    searches: total(samples, 'concord_http_request_seconds_count', isSearch),
    retrievals: total(samples, 'concord_http_request_seconds_count', isRetrieve),
  })
  moments.splice(0, moments.length - MOST_MOMENTS)
  return samples
}

/** What is not ready says so with 503. @param {AbortSignal} signal */
function healthNow(signal) {
  return askJson('health/ready', signal).catch((/** @type {unknown} */ error) => {
    if (error instanceof AnswerError && error.status === 503) return error.answer
    throw error
  })
}
