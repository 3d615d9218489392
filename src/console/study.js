/** One study: who and what, its series, their instances, every tag of one, and what the FHIR server knows of it. */
import { h } from 'preact'
import { askJson, pathOf, viewerAddress } from './api.js'
import { text, texts } from './dicom.js'
import { InstanceView } from './instance.js'
import { RawLink } from './links.js'
import { counted, Fault, useLoaded, Waiting } from './loading.js'
import { Picture } from './picture.js'
import { hrefOf } from './route.js'
import { StudyState } from './study-state.js'
import { queryOf } from './terms.js'

/**
 * @typedef {import('./dicom.js').DataSet} DataSet
 * @typedef {import('./route.js').StudyRoute} StudyRoute
 */

/** @param {{ route: StudyRoute }} props */
export function StudyPage({ route }) {
  const { study } = route
  const { value, error, reload } = useLoaded((signal) => studyOf(study, signal), [study])
  if (value === undefined)
    return error ? h(Fault, { error, onAgain: reload }) : h(Waiting, { what: 'the study' })
  const { facts, series } = value
  if (facts === undefined) {
    return h(
      'div',
      { class: 'study' },
      h('h1', null, 'No such study'),
      h(
        'p',
        null,
        'The archive has no study with this UID, or not any more. ',
        h('a', { href: '#/search/studies' }, 'Search'),
      ),
    )
  }
  const chosen = series.find((one) => text(one, '0020000E') === route.series)
  return h(
    'div',
    { class: 'study' },
    h(StudyHead, { facts }),
    h(
      'div',
      { class: 'study-body' },
      h(SeriesList, { study, series, chosen: route.series }),
      chosen
        ? h(InstanceView, { key: route.series, series: chosen, route })
        : h('div', { class: 'detail' }, h(SeriesCards, { study, series }), h(StudyState, { study })),
    ),
  )
}

/** @param {{ facts: DataSet }} props */
function StudyHead({ facts }) {
  const study = text(facts, '0020000D')
  const id = text(facts, '00100020')
  const viewer = viewerAddress(study)
  const person = [id, text(facts, '00100030') && `born ${text(facts, '00100030')}`, text(facts, '00100040')]
  const what = [
    text(facts, '00080020'),
    text(facts, '00080030'),
    text(facts, '00080050') && `accession ${text(facts, '00080050')}`,
    text(facts, '00080090') && `referred by ${text(facts, '00080090')}`,
  ]
  return h(
    'header',
    { class: 'study-head' },
    h(
      'div',
      null,
      h('h1', null, text(facts, '00100010') || 'No name'),
      h(
        'p',
        { class: 'facts' },
        person.filter(Boolean).map((fact) => h('span', { key: fact }, fact)),
      ),
      h('p', { class: 'what' }, text(facts, '00081030') || 'No description'),
      h(
        'p',
        { class: 'facts' },
        what.filter(Boolean).map((fact) => h('span', { key: fact }, fact)),
      ),
    ),
    h(
      'div',
      { class: 'actions' },
      viewer &&
        h('a', { class: 'primary', href: viewer, target: '_blank', rel: 'noopener' }, 'Open in viewer'),
      id !== '' &&
        h(
          'a',
          {
            href: hrefOf({
              page: 'search',
              level: 'studies',
              query: queryOf([{ name: 'PatientID', value: id }]),
            }),
          },
          'All of this patient',
        ),
      h(RawLink, { path: `${pathOf({ study })}/metadata` }, 'Metadata as JSON'),
    ),
  )
}

/** @param {{ study: string, series: readonly DataSet[], chosen: string | undefined }} props */
function SeriesList({ study, series, chosen }) {
  return h(
    'nav',
    { class: 'series', 'aria-label': 'Series' },
    h(
      'ul',
      null,
      h(
        'li',
        null,
        h(
          'a',
          {
            class: 'series-link overview',
            href: hrefOf({ page: 'study', study }),
            'aria-current': chosen === undefined ? 'page' : undefined,
          },
          'Overview',
        ),
      ),
      series.map((one) => {
        const uid = text(one, '0020000E')
        const href = hrefOf({ page: 'study', study, series: uid })
        return h(
          'li',
          { key: uid },
          h(
            'a',
            { class: 'series-link', href, 'aria-current': uid === chosen ? 'page' : undefined },
            pictureAndWords(study, one),
          ),
        )
      }),
    ),
  )
}

/**
 * What the study looks like, at one glance. To who listens, or goes by the keyboard, the list beside it says the same.
 * @param {{ study: string, series: readonly DataSet[] }} props
 */
function SeriesCards({ study, series }) {
  return h(
    'ul',
    { class: 'cards', 'aria-hidden': 'true' },
    series.map((one) => {
      const uid = text(one, '0020000E')
      const href = hrefOf({ page: 'study', study, series: uid })
      return h('li', { key: uid }, h('a', { class: 'card', href, tabIndex: -1 }, pictureAndWords(study, one)))
    }),
  )
}

/**
 * @param {string} study
 * @param {DataSet} series
 */
function pictureAndWords(study, series) {
  const [modality = ''] = texts(series, '00080060')
  const count = counted(Number(text(series, '00201209')), 'instance')
  return [
    h(Picture, {
      path: `${pathOf({ study, series: text(series, '0020000E') })}/thumbnail`,
      route: '/dicomweb/studies/{study}/series/{series}/thumbnail',
      alt: '',
      stand: modality,
    }),
    h(
      'span',
      { class: 'series-words' },
      h('strong', null, text(series, '0008103E') || `Series ${text(series, '00200011')}`),
      h('span', null, [modality, count].filter(Boolean).join(' · ')),
    ),
  ]
}

/**
 * @param {string} study
 * @param {AbortSignal} signal
 * @returns {Promise<{ facts: DataSet | undefined, series: DataSet[] }>}
 */
async function studyOf(study, signal) {
  const uid = encodeURIComponent(study)
  const [[facts], series] = await Promise.all([
    askJson(`dicomweb/studies?StudyInstanceUID=${uid}`, signal),
    askJson(`dicomweb/studies/${uid}/series?orderby=SeriesNumber`, signal),
  ])
  return { facts, series }
}
